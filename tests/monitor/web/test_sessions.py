"""Sessions: cookies, expiry, logout, roles, and changes that must come from a page of this server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from sla.interval import HOUR, SECOND
from tests.support.sign_in import SAME_ORIGIN, World, browser_of, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.writable_server import Answer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with start(tmp_path) as running:
        yield running


async def test_viewer_cannot_change_anything_and_operator_is_the_author(world: World) -> None:
    await world.browser.sign_in()
    answer = await world.browser.silence(**SAME_ORIGIN)
    assert (answer.status, answer.body["error"]) == (403, "your role is viewer")
    assert "operator" in answer.body["remedy"]
    world.provider.roles, world.provider.name = ["operators"], "Ana Ng"
    await world.browser.follow(await world.browser.open("/login"))
    answer = await world.browser.silence(**SAME_ORIGIN)
    assert (answer.status, answer.body["author"]) == (201, "Ana Ng")
    gate = {"answer": "go", "for": "1h", "reason": "hotfix"}
    path = "/api/v1/products/forms/gate/override"
    assert (await world.browser.open(path, "POST", json=gate, headers=SAME_ORIGIN)).status == 403
    world.provider.roles = ["admins"]
    await world.browser.follow(await world.browser.open("/login"))
    assert (await world.browser.open(path, "POST", json=gate, headers=SAME_ORIGIN)).status == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "OWN", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "OWN"}, 201),
        ({"Origin": "OWN", "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
async def test_change_must_come_from_a_page_of_this_server(world: World, headers: dict[str, str], status: int) -> None:
    world.provider.roles = ["operators"]
    await world.browser.sign_in()
    sent = {name: value.replace("OWN", world.server.base) for name, value in headers.items()}
    answer = await world.browser.silence(**sent)
    assert answer.status == status
    assert len(world.server.journal) == (1 if status == 201 else 0)


async def test_token_needs_no_origin_and_takes_precedence_over_the_session(world: World) -> None:
    world.provider.roles = ["admins"]
    await world.browser.sign_in()
    token = world.server.token()
    answer = await world.browser.silence(Authorization=f"Bearer {token}")
    assert (answer.status, answer.body["author"]) == (201, "pipeline")
    assert (await world.browser.open("/", headers={"Authorization": "Bearer wrong"})).status == 401


async def test_cookies_are_host_only_over_https_and_invisible_to_scripts(world: World) -> None:
    answer = await world.browser.open("/login")
    assert_cookie(answer, "ninewatch-sign-in-unencrypted", secure=False)
    world.configure(public_url="https://status.example.org")
    secure = await world.browser.open("/login")
    assert_cookie(secure, "__Host-ninewatch-sign-in", secure=True)
    assert "redirect_uri=https%3A%2F%2Fstatus.example.org%2Flogin%2Fcallback" in secure.headers["Location"]


def assert_cookie(answer: Answer, name: str, *, secure: bool) -> None:
    text = answer.headers["Set-Cookie"]
    attributes = {part.strip().lower() for part in text.split(";")[1:]}
    assert text.startswith(f"{name}=")
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert ("secure" in attributes) == secure
    assert not any(attribute.startswith(("domain", "expires", "max-age")) for attribute in attributes)


async def test_session_over_https_is_a_host_cookie(world: World) -> None:
    world.configure(public_url="https://status.example.org")
    begin = await world.browser.open("/login")
    cookie = begin.headers["Set-Cookie"].partition(";")[0]
    back = await world.browser.open(begin.headers["Location"])
    path = back.headers["Location"].removeprefix("https://status.example.org")
    answer = await world.browser.open(path, headers={"Cookie": cookie})
    assert_cookie(answer, "__Host-ninewatch-session", secure=True)
    session = answer.headers["Set-Cookie"].partition(";")[0]
    assert (await world.browser.open("/", headers={"Cookie": session})).status == 200
    unprefixed = session.replace("__Host-ninewatch-session", "ninewatch-session-unencrypted")
    assert (await world.browser.open("/", headers={"Cookie": unprefixed})).status == 303


async def test_session_ends_when_it_is_idle(world: World) -> None:
    await world.browser.sign_in()
    for _ in range(3):
        world.clock.jump(50 * 60)
        assert (await world.browser.open("/")).status == 200
    world.clock.jump(HOUR // SECOND)
    assert (await world.browser.open("/")).status == 303


async def test_session_ends_after_the_longest_time_even_if_it_is_in_use(world: World) -> None:
    await world.browser.sign_in()
    for _ in range(23):
        world.clock.jump(30 * 60)
        assert (await world.browser.open("/")).status == 200
    world.clock.jump(30 * 60)
    assert (await world.browser.open("/")).status == 303
    assert len(world.server.journal) == 0


async def test_logout_ends_the_session_here_and_at_the_provider(world: World) -> None:
    await world.browser.sign_in()
    cookies = {name: value for name, value in world.browser.cookies.items() if "session" in name}
    page = await world.browser.open("/session")
    assert "Signed in as <strong>ana</strong>" in page.text
    for path in ("/session", "/", "/products/forms", "/runbook"):
        shown = await world.browser.open(path)
        assert f"form-action 'self' {world.provider.issuer}" in shown.headers["Content-Security-Policy"]
        assert "ana (" in shown.text
        assert '<form method="post" action="/logout"><button>Sign out</button></form>' in shown.text
    for headers in ({}, {"Origin": "https://evil.example"}):
        assert (await world.browser.open("/logout", "POST", headers=headers)).status == 403
    answer = await world.browser.open("/logout", "POST", headers={"Origin": world.server.base})
    location = urlsplit(answer.headers["Location"])
    query = parse_qs(location.query)
    assert (answer.status, f"{location.scheme}://{location.netloc}{location.path}") == (
        303,
        f"{world.provider.issuer}/end",
    )
    assert query["post_logout_redirect_uri"] == [f"{world.server.base}/session"]
    assert query["id_token_hint"][0].count(".") == 2
    assert await world.browser.who() == (None, None)
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    assert (await world.browser.open("/", headers=header)).status == 303
    assert "not signed in" in (await world.browser.open("/session")).text


async def test_logout_works_while_the_provider_does_not(world: World) -> None:
    await world.browser.sign_in()
    world.clock.jump(30 * 60)
    await world.browser.open("/")
    world.clock.jump(31 * 60)
    world.provider.statuses = {"/.well-known/openid-configuration": 500}
    answer = await world.browser.open("/logout", "POST", headers=SAME_ORIGIN)
    assert (answer.status, answer.headers["Location"]) == (303, "/session")
    assert await world.browser.who() == (None, None)


async def test_sign_in_replaces_the_session_of_the_browser(world: World) -> None:
    await world.browser.sign_in()
    before = dict(world.browser.cookies)
    await world.browser.follow(await world.browser.open("/login"))
    assert world.browser.cookies != before
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in before.items())}
    async with browser_of(world.server) as other:
        assert (await other.open("/", headers=header)).status == 303


async def test_changed_role_names_apply_to_open_sessions(world: World) -> None:
    await world.browser.sign_in()
    login = world.server.harness.ledger.portfolio.login
    assert login is not None
    assert login.oidc is not None
    roles = login.oidc.roles.model_copy(update={"viewer": ("others",)})
    world.configure(login=login.model_copy(update={"oidc": login.oidc.model_copy(update={"roles": roles})}))
    assert (await world.browser.open("/")).status == 303
