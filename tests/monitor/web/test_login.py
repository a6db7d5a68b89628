"""Sign-in with an OpenID Connect provider: the flow, roles, sessions, rotated keys, logout, and forged requests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from monitor.login import requests
from monitor.web.rate_limit import RateLimit
from sla.interval import HOUR, MINUTE, SECOND
from tests.support.alerting import ledger_with_receivers
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW, product
from tests.support.openid_provider import CLIENT_SECRET, OpenIdProvider, new_key, openid_provider
from tests.support.writable_server import Answer, WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
SILENCE = {"product": "forms", "for": "1h", "reason": "load test"}


@dataclass
class Browser:
    """A browser with cookies. Redirects are followed one by one."""

    server: WritableServer
    session: aiohttp.ClientSession

    async def open(self, address: str, method: str = "GET", **options: Any) -> Answer:
        url = self.server.base + address if address.startswith("/") else address
        headers = {"Accept": "text/html", **options.pop("headers", {})}
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **options) as answer:
            text = await answer.text()
            body = await answer.json() if answer.content_type == "application/json" else None
            return Answer(answer.status, text, dict(answer.headers), body)

    async def follow(self, answer: Answer) -> Answer:
        while answer.status in (302, 303):
            answer = await self.open(answer.headers["Location"])
        return answer

    async def sign_in(self, path: str = "/") -> Answer:
        return await self.follow(await self.open(path))

    async def who(self) -> tuple[str | None, str | None]:
        body = (await self.open("/api/v1/session")).body
        return body["name"], body["role"]

    async def silence(self, **headers: str) -> Answer:
        """Send a change with the session."""
        return await self.open("/api/v1/silences", "POST", json=SILENCE, headers=headers)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}


@contextlib.asynccontextmanager
async def browser_of(server: WritableServer) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(server, session)


@dataclass
class World:
    provider: OpenIdProvider
    server: WritableServer
    browser: Browser
    clock: ManualClock

    def configure(self, **changed: Any) -> None:
        """Change the configuration, as a reload does."""
        portfolio = self.server.harness.ledger.portfolio
        self.server.harness.ledger.portfolio = portfolio.model_copy(update=changed)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with start(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def start(folder: Path, **changed: Any) -> AsyncIterator[World]:
    clock = ManualClock(NOW)
    async with openid_provider(lambda: clock.now() // SECOND) as provider:
        login = provider.login(**changed)
        ledger = ledger_with_receivers(product("forms"), receivers=[], login=login)
        async with writable(ledger, folder, clock) as server, browser_of(server) as browser:
            yield World(provider, server, browser, clock)


async def test_browser_is_sent_to_the_provider_and_returns_to_its_page(world: World) -> None:
    answer = await world.browser.open("/products/forms?x=1&y=2")
    assert (answer.status, answer.headers["Location"]) == (303, "/login?return=/products/forms?x%3D1%26y%3D2")
    start_answer = await world.browser.open(answer.headers["Location"])
    query = parse_qs(urlsplit(start_answer.headers["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{world.server.base}/login/callback"]
    back = await world.browser.open(start_answer.headers["Location"])
    signed_in = await world.browser.open(back.headers["Location"])
    assert (signed_in.status, signed_in.headers["Location"]) == (303, "/products/forms?x=1&y=2")
    assert (await world.browser.open("/")).status == 200
    assert await world.browser.who() == ("ana", "viewer")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["viewers"], "viewer"),
        (["operators", "viewers"], "operator"),
        (["admins"], "admin"),
        (["other", "admins", "viewers"], "admin"),
    ],
)
async def test_role_is_the_highest_that_the_claim_gives(world: World, names: list[str], expected: str) -> None:
    world.provider.roles = names
    assert (await world.browser.sign_in()).status == 200
    assert await world.browser.who() == ("ana", expected)


@pytest.mark.parametrize("names", [[], ["other"], ["viewer"], "admins2"])
async def test_person_without_a_role_is_refused(world: World, names: Any) -> None:
    world.provider.roles = names
    answer = await world.browser.sign_in()
    assert (answer.status, "your account has no role here" in answer.text.lower()) == (403, True)
    assert await world.browser.who() == (None, None)


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


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "https://evil.example/", "x", "/\r\nX: y"])
async def test_sign_in_returns_to_this_server_only(world: World, path: str) -> None:
    begin = await world.browser.session.get(
        f"{world.server.base}/login", params={"return": path}, allow_redirects=False
    )
    back = await world.browser.open(begin.headers["Location"])
    assert (await world.browser.open(back.headers["Location"])).headers["Location"] == "/"


async def test_answer_with_a_forged_or_foreign_state_is_refused(world: World) -> None:
    begin = await world.browser.open("/login")
    back = await world.browser.open(begin.headers["Location"])
    location = back.headers["Location"]
    state = parse_qs(urlsplit(location).query)["state"][0]
    for forged in (location.replace(state, "x" * len(state)), location.partition("&state=")[0]):
        assert (await world.browser.open(forged)).status == 400
    async with browser_of(world.server) as other:  # an attacker's answer in the browser of a victim
        assert (await other.open(location)).status == 400
        assert await other.who() == (None, None)
    assert "/token" not in world.provider.requests
    assert (await world.browser.open(location)).status == 303


async def test_changed_cookie_and_expired_sign_in_are_refused(world: World) -> None:
    begin = await world.browser.open("/login")
    location = (await world.browser.open(begin.headers["Location"])).headers["Location"]
    name, value = begin.headers["Set-Cookie"].partition(";")[0].split("=", 1)
    for changed in ("A" + value[1:], value[:-1] + ("0" if value[-1] != "0" else "1"), value.partition(".")[0], "é"):
        world.browser.session.cookie_jar.clear()
        answer = await world.browser.open(location, headers={"Cookie": f"{name}={changed}"})
        assert answer.status == 400
    world.clock.jump(15 * MINUTE // SECOND)
    assert (await world.browser.open(location, headers={"Cookie": f"{name}={value}"})).status == 400


async def test_code_is_used_once(world: World) -> None:
    begin = await world.browser.open("/login")
    cookie = begin.headers["Set-Cookie"].partition(";")[0]
    location = (await world.browser.open(begin.headers["Location"])).headers["Location"]
    assert (await world.browser.open(location)).status == 303
    async with browser_of(world.server) as thief:
        assert (await thief.open(location, headers={"Cookie": cookie})).status == 403
        assert await thief.who() == (None, None)


async def test_rotated_key_is_fetched_once_it_is_needed(world: World) -> None:
    await world.browser.sign_in()
    assert world.provider.requests.count("/keys") == 1
    world.provider.rotate_keys()
    assert (await world.browser.follow(await world.browser.open("/login"))).status == 200
    assert world.provider.requests.count("/keys") == 2
    assert world.provider.requests.count("/.well-known/openid-configuration") == 1


async def test_token_signed_with_an_unpublished_key_is_refused(world: World) -> None:
    world.provider.signing_key = new_key("stolen")
    assert (await world.browser.sign_in()).status == 403
    world.provider.signing_key = new_key("first", 1)  # the id of the published key, but another key
    assert (await world.browser.sign_in()).status == 403
    assert await world.browser.who() == (None, None)


WRONG_CLAIMS: list[dict[str, Any]] = [
    {"iss": "https://evil.example"},
    {"aud": "another-client"},
    {"aud": ["ninewatch", "another-client"]},
    {"azp": "another-client"},
    {"nonce": "replayed"},
    {"nonce": None},
    {"exp": NOW // SECOND - 120},
    {"exp": None},
    {"exp": "soon"},
    {"iat": NOW // SECOND + 3_600},
    {"sub": None},
    {"at_hash": "AAAA"},
]


@pytest.mark.parametrize("claims", WRONG_CLAIMS, ids=str)
async def test_id_token_with_a_wrong_claim_is_refused(world: World, claims: dict[str, Any]) -> None:
    world.provider.claims = claims
    answer = await world.browser.sign_in()
    assert (answer.status, "sign-in was refused" in answer.text) == (403, True)
    assert await world.browser.who() == (None, None)


async def test_provider_that_denies_access_is_reported(world: World) -> None:
    world.provider.error = "access_denied"
    answer = await world.browser.sign_in()
    assert answer.status == 403
    assert "/token" not in world.provider.requests


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
async def test_failing_provider_stops_the_sign_in_only(
    world: World, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.provider.statuses = {path: 500}
    answer = await world.browser.sign_in()
    assert (answer.status, "provider cannot be used" in answer.text) == (503, True)
    assert (await world.browser.open("/livez")).status == 200
    world.provider.statuses = {}
    assert (await world.browser.sign_in()).status == 200
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": None}, {"jwks_uri": "file:///etc/passwd"}],
    ids=str,
)
async def test_wrong_metadata_is_refused(world: World, metadata: dict[str, Any]) -> None:
    world.provider.metadata = metadata
    assert (await world.browser.open("/login")).status == 503


async def test_logout_ends_the_session_here_and_at_the_provider(world: World) -> None:
    await world.browser.sign_in()
    cookies = {name: value for name, value in world.browser.cookies.items() if "session" in name}
    page = await world.browser.open("/session")
    assert "Signed in as <strong>ana</strong>" in page.text
    assert f"form-action 'self' {world.provider.issuer}" in page.headers["Content-Security-Policy"]
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


async def test_sign_ins_are_rate_limited(world: World) -> None:
    statuses = [(await world.browser.open("/login")).status for _ in range(12)]
    assert statuses == [303] * 10 + [429] * 2
    await world.clock.advance(1)
    assert (await world.browser.open("/login")).status == 303


async def test_changed_role_names_apply_to_open_sessions(world: World) -> None:
    await world.browser.sign_in()
    login = world.server.harness.ledger.portfolio.login
    assert login is not None
    assert login.oidc is not None
    roles = login.oidc.roles.model_copy(update={"viewer": ("others",)})
    world.configure(login=login.model_copy(update={"oidc": login.oidc.model_copy(update={"roles": roles})}))
    assert (await world.browser.open("/")).status == 303


async def test_role_from_the_access_token(tmp_path: Path) -> None:
    roles = {"claim": "realm_access.roles", "source": "access_token", "operator": ["operators"]}
    async with start(tmp_path, roles=roles) as world:
        world.provider.access_claims = {"realm_access": {"roles": ["operators"]}}
        assert (await world.browser.sign_in()).status == 200
        assert await world.browser.who() == ("ana", "operator")
        for wrong in ({"azp": "another-client"}, {"sub": "another"}, {"exp": 1}, {"iss": "https://evil.example"}):
            world.provider.access_claims = {"realm_access": {"roles": ["operators"]}} | wrong
            assert (await world.browser.follow(await world.browser.open("/login"))).status == 403


async def test_everyone_can_be_a_viewer(tmp_path: Path) -> None:
    async with start(tmp_path, roles={"viewer": ["*"]}) as world:
        world.provider.roles = []
        await world.browser.sign_in()
        assert await world.browser.who() == ("ana", "viewer")


async def test_responses_and_log_contain_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OIDC_SECRET", CLIENT_SECRET)
    async with start(tmp_path, client_secret={"env": "OIDC_SECRET"}) as world:
        world.provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        assert (await world.browser.sign_in()).status == 200
        world.provider.statuses = {"/token": 400}
        answers = [await world.browser.open("/session"), await world.browser.follow(await world.browser.open("/login"))]
        assert answers[-1].status == 403
        content = "".join(capsys.readouterr()) + "".join(answer.text for answer in answers)
        for secret in (CLIENT_SECRET, *(value for value in world.browser.cookies.values() if value)):
            assert secret not in content


async def test_answer_that_is_not_json_is_reported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MAX_RESPONSE_BYTES", 10)
    assert (await world.browser.open("/login")).status == 503


def test_full_buckets_are_removed() -> None:
    clock = ManualClock(NOW)
    limit = RateLimit(clock)
    for number in range(1_000):
        assert limit.take(f"client {number}")
    clock.jump(60)
    for _ in range(11):
        limit.take("last")
    assert len(limit._buckets) == 1
    assert not limit.take("last")
