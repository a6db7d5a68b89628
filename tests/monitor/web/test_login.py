"""Sign-in with an OpenID Connect provider: the flow, roles, rotated keys, and forged answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.login import requests
from monitor.web.rate_limit import RateLimit
from sla.interval import MINUTE, SECOND
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW
from tests.support.openid_provider import CLIENT_SECRET, new_key
from tests.support.sign_in import World, browser_of, start

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with start(tmp_path) as running:
        yield running


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
    async with browser_of(world.server) as other_browser:
        assert (await other_browser.open(location, headers={"Cookie": cookie})).status == 403
        assert await other_browser.who() == (None, None)


async def test_rotated_key_is_fetched_once_it_is_needed(world: World) -> None:
    await world.browser.sign_in()
    assert world.provider.requests.count("/keys") == 1
    world.provider.rotate_keys()
    assert (await world.browser.follow(await world.browser.open("/login"))).status == 200
    assert world.provider.requests.count("/keys") == 2
    assert world.provider.requests.count("/.well-known/openid-configuration") == 1


@pytest.mark.fault(42)
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
@pytest.mark.fault(42)
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
@pytest.mark.fault(42)
async def test_wrong_metadata_is_refused(world: World, metadata: dict[str, Any]) -> None:
    world.provider.metadata = metadata
    assert (await world.browser.open("/login")).status == 503


async def test_sign_ins_are_rate_limited(world: World) -> None:
    statuses = [(await world.browser.open("/login")).status for _ in range(12)]
    assert statuses == [303] * 10 + [429] * 2
    await world.clock.advance(1)
    assert (await world.browser.open("/login")).status == 303


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
