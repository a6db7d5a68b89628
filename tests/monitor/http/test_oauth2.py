"""Tokens by client credentials: token requests, the lifetime of tokens, and failures of the token server."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import trustme
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.log import conceal_secrets
from monitor.probes.registry import prepare
from sla.interval import MINUTE, SECOND
from sla.observation import Outcome
from tests.support.certificates import server_context, write_ca_bundle
from tests.support.probing import attempt, load_check, retry_if_starved
from tests.support.servers import http_response, read_request, respond_with, send_nothing, serve_tcp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.probe_result import ProbeResult

SECRET = "canary-client-secret-91f2"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)


@dataclass
class Realm:
    """A token server and an API that accepts its newest token only, and no token while `closed`."""

    lifetime: Any = 300
    closed: bool = False
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        """Return the newest token."""
        return f"canary-token-{len(self.asked)}"

    async def issue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Issue a token for correct credentials, in the header or in the body."""
        head = (await read_request(reader)).decode()
        length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
        form = parse_qs((await reader.readexactly(length)).decode())
        basic = base64.b64encode(f"probe:{SECRET}".encode()).decode()
        posted = form.get("client_id") == ["probe"] and form.get("client_secret") == [SECRET]
        assert head.startswith("POST /token HTTP/1.1\r\n")
        assert "Content-Type: application/x-www-form-urlencoded\r\n" in head
        self.asked.append(("basic" if f"Authorization: Basic {basic}\r\n" in head else "post" if posted else "", form))
        if not self.asked[-1][0]:
            writer.write(http_response(b'{"error": "invalid_client"}', "401 Unauthorized"))
        else:
            token_response = {"access_token": self.token, "token_type": "Bearer", "expires_in": self.lifetime}
            writer.write(http_response(json.dumps(token_response).encode()))
        await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Respond to requests with the newest token."""
        head = (await read_request(reader)).decode()
        sent_token = head.partition("Authorization: Bearer ")[2].split("\r\n")[0]
        self.shown.append(sent_token)
        is_accepted = sent_token == self.token and not self.closed
        writer.write(
            http_response(
                json.dumps({"name": "a.csv", "shown": sent_token}).encode(),
                "200 OK" if is_accepted else "401 Unauthorized",
            )
        )
        await writer.drain()


@asynccontextmanager
async def oauth2_check(realm: Realm, **options: Any) -> AsyncIterator[dict[str, Any]]:
    """Yield a check of the realm's API; `more` are further keys of `oauth2`."""
    async with serve_tcp(realm.issue) as token_port, serve_tcp(realm.serve) as port:
        client = {"client_id": "probe", "client_secret": {"env": "CLIENT_SECRET"}}
        oauth2 = {"token_url": f"http://127.0.0.1:{token_port}/token", **client, **options}
        yield {"http": f"http://127.0.0.1:{port}/", "oauth2": oauth2}


class AdvancedClock(SystemClock):
    """A clock that a test can advance."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


async def attempts(check_keys: dict[str, Any], *pauses: int) -> list[ProbeResult]:
    """Return the results of several attempts by one probe; the clock advances before each by these microseconds."""
    clock, results, probe = AdvancedClock(), [], prepare(load_check(check_keys))
    async with probe_environment(clock, Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        for pause in pauses:
            clock.ahead += pause
            results.append((await runner.attempt(probe, 5)).result)
    return results


@pytest.mark.parametrize(("auth", "scopes"), [("basic", ["read", "write"]), ("post", "read write")])
async def test_token_is_fetched_with_client_credentials_and_sent(auth: str, scopes: Any) -> None:
    realm = Realm()
    async with oauth2_check(realm, auth=auth, scopes=scopes, params={"audience": "https://api"}) as check_keys:
        result = (await attempt(check_keys)).result
    assert result.outcome is Outcome.GOOD, result.detail
    (way, form) = realm.asked[0]
    assert way == auth
    assert form["grant_type"] == ["client_credentials"]
    assert (form["scope"], form["audience"]) == (["read write"], ["https://api"])
    assert realm.shown == ["canary-token-1"]


@pytest.mark.fault(58)
async def test_token_is_kept_until_shortly_before_its_expiry() -> None:
    realm = Realm(lifetime=300)
    async with oauth2_check(realm) as check_keys:
        results = await attempts(check_keys, 0, 4 * MINUTE, 31 * SECOND, 0)
    assert [result.outcome for result in results] == [Outcome.GOOD] * 4
    assert realm.shown == ["canary-token-1", "canary-token-1", "canary-token-2", "canary-token-2"]


async def test_concurrent_attempts_share_one_token_request() -> None:
    realm = Realm()
    async with oauth2_check(realm) as check_keys, probe_environment(SystemClock(), Health()) as (runner, _):
        probe = prepare(load_check(check_keys))
        for _ in range(2):
            actual = await asyncio.gather(*(runner.attempt(probe, 5) for _ in range(5)))
            assert {attempt.result.outcome for attempt in actual} == {Outcome.GOOD}
            realm.asked.append(("elsewhere", {}))  # the kept token is not accepted any more
    assert [way for way, _ in realm.asked] == ["basic", "elsewhere", "basic", "elsewhere"]


@pytest.mark.parametrize(("lasting", "expected_lifetime"), [(None, 4), ("300", 4), (-5, 4), (20, 0), (10**8, 1380)])
async def test_lifetime_of_a_token_is_limited(lasting: Any, expected_lifetime: int) -> None:
    """The default is five minutes, the maximum is a day."""
    realm = Realm(lifetime=lasting)
    async with oauth2_check(realm) as check_keys:
        await attempts(check_keys, 0, expected_lifetime * MINUTE, 61 * MINUTE)
    assert realm.shown == ["canary-token-1", "canary-token-1", "canary-token-2"]


async def test_rejected_token_is_renewed_immediately() -> None:
    realm = Realm()
    async with oauth2_check(realm) as check_keys:

        async def other_client() -> None:
            realm.asked.append(("elsewhere", {}))

        probe = prepare(load_check(check_keys))
        async with probe_environment(SystemClock(), Health()) as (runner, _):
            assert (await runner.attempt(probe, 5)).result.outcome is Outcome.GOOD
            await other_client()
            assert (await runner.attempt(probe, 5)).result.outcome is Outcome.GOOD
    assert realm.shown == ["canary-token-1", "canary-token-1", "canary-token-3"]


async def test_target_that_rejects_a_new_token_is_bad() -> None:
    realm = Realm(closed=True)
    async with oauth2_check(realm) as check_keys:
        results = await attempts(check_keys, 0, MINUTE, 3 * MINUTE, MINUTE, MINUTE)
    assert [(result.outcome, result.reason, result.status) for result in results] == [
        (Outcome.BAD, "http_status", 401)
    ] * 5
    assert len(realm.asked) == 2, "it is shown a new one every five minutes, and not at each attempt"


async def test_revoked_token_is_renewed_after_earlier_rejections() -> None:
    realm = Realm(closed=True)
    async with oauth2_check(realm) as check_keys:
        probe = prepare(load_check(check_keys))
        async with probe_environment(SystemClock(), Health()) as (runner, _):
            assert (await runner.attempt(probe, 5)).result.outcome is Outcome.BAD
            realm.closed = False
            assert (await runner.attempt(probe, 5)).result.outcome is Outcome.GOOD
            realm.asked.append(("elsewhere", {}))
            assert (await runner.attempt(probe, 5)).result.outcome is Outcome.GOOD
    assert realm.shown == ["canary-token-1", "canary-token-1", "canary-token-1", "canary-token-3"]


@pytest.mark.parametrize(
    "kind",
    [
        {"freshness": "URL", "max_age": "1d", "stamp": {"json": "$.name", "file": True}},
        {"domain": "example.test", "rdap": "URL"},
        {"prometheus": "URL", "good": "1", "total": "1", "at_least": "99%"},
    ],
    ids=["freshness", "domain", "prometheus"],
)
async def test_check_uses_one_token_for_all_its_requests(kind: dict[str, Any]) -> None:
    realm = Realm()
    async with oauth2_check(realm) as check_keys:
        await attempts(
            {key: check_keys["http"] if value == "URL" else value for key, value in kind.items()}
            | {"oauth2": check_keys["oauth2"]},
            0,
            0,
            0,
        )
    assert len(realm.asked) == 1
    assert len(realm.shown) >= 3


async def test_removed_check_leaves_no_token() -> None:
    realm = Realm()
    async with oauth2_check(realm) as check_keys:
        probe = prepare(load_check(check_keys))
        async with probe_environment(SystemClock(), Health()) as (runner, _):
            result = await retry_if_starved(runner, probe, 5)
            assert (result.result.outcome, conceal_secrets("canary-token-1")) == (Outcome.GOOD, "[secret]"), (
                result.result.detail
            )
            del result
            del probe
            gc.collect()
    assert conceal_secrets("canary-token-1") == "canary-token-1"


async def test_rejected_client_credentials_give_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "another-secret")
    realm = Realm()
    async with oauth2_check(realm) as check_keys:
        result = (await attempt(check_keys)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "token_refused")
    assert result.detail == 'the token server responded 401: "invalid_client"'
    assert realm.shown == []


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (http_response(b"oh no", "500 Internal Server Error"), "the token server responded 500"),
        (http_response(b"<html>"), "no access_token"),
        (http_response(b"[1]"), "no access_token"),
        (http_response(b'{"access_token": 5}'), "no access_token"),
        (http_response(b'{"access_token": "a\\r\\nX-Evil: 1"}'), "no access_token"),
        (http_response(b'{"access_token": ""}'), "no access_token"),
        (http_response(status="302 Found", Location="/"), "the token server responded 302"),
        (b"garbage\r\n\r\n", "malformed_response: "),
    ],
)
async def test_failing_token_server_gives_unknown(reply: bytes, message: str) -> None:
    async with serve_tcp(respond_with(reply)) as token_port:
        client = {"client_id": "probe", "client_secret": {"env": "CLIENT_SECRET"}}
        check_keys = {
            "http": "http://127.0.0.1:9/",
            "oauth2": {"token_url": f"http://127.0.0.1:{token_port}/token", **client},
        }
        result = (await attempt(check_keys)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "token_unavailable")
    assert message in result.detail


async def test_slow_token_server_gives_unknown() -> None:
    async with serve_tcp(send_nothing) as token_port:
        client = {"client_id": "probe", "client_secret": {"env": "CLIENT_SECRET"}}
        oauth2 = {"token_url": f"http://127.0.0.1:{token_port}/token", **client}
        result = (await attempt({"http": "http://127.0.0.1:9/", "oauth2": oauth2, "timeout": "200ms"}, 5)).result
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "token_unavailable")


async def test_token_server_is_verified_with_the_checks_or_its_own_authorities(tmp_path: Path) -> None:
    """Its certificate is not reported as the target's."""
    authority, realm = trustme.CA(), Realm()
    ca = write_ca_bundle(authority, tmp_path)
    client = {"client_id": "probe", "client_secret": {"env": "CLIENT_SECRET"}}
    context = server_context(authority.issue_cert("127.0.0.1"))
    async with serve_tcp(realm.issue, context) as token_port, serve_tcp(realm.serve) as port:
        oauth2 = {"token_url": f"https://127.0.0.1:{token_port}/token", **client}
        check_keys = {"http": f"http://127.0.0.1:{port}/", "tls": {"ca": ca, "server_name": "of.the.target"}}
        good = (await attempt({**check_keys, "oauth2": oauth2})).result
        own = {
            **check_keys,
            "redirects": 1,
            "oauth2": {**oauth2, "tls": {}},
        }  # a redirect may lead to a server to which `tls` applies
        bad = (await attempt(own)).result
    assert good.outcome is Outcome.GOOD, good.detail
    assert good.certificate_expiry is None
    assert (bad.outcome, bad.reason) == (Outcome.UNKNOWN, "token_unavailable")
    assert "tls_untrusted" in bad.detail


async def test_no_secret_is_shown_and_old_tokens_are_released() -> None:
    realm = Realm(lifetime=60)
    async with oauth2_check(realm) as check_keys:
        results = await attempts({**check_keys, "expect": {"contains": "never"}}, *[MINUTE] * 4)
    assert [result.reason for result in results] == ["body_mismatch"] * 4
    assert conceal_secrets(SECRET) == "[secret]"
    assert [conceal_secrets(f"canary-token-{number}") for number in (3, 4)] == ["[secret]"] * 2
    assert conceal_secrets("canary-token-1") == "canary-token-1"


async def test_token_is_not_sent_after_a_redirect_to_another_host() -> None:
    realm, observations = Realm(), list[bytes]()

    async def elsewhere(reader: Any, writer: Any) -> None:
        observations.append(await read_request(reader))
        writer.write(http_response())
        await writer.drain()

    async with oauth2_check(realm) as check_keys, serve_tcp(elsewhere) as other:
        moved = respond_with(http_response(status="302 Found", Location=f"http://127.0.0.1:{other}/"))
        async with serve_tcp(moved) as start:
            result = (await attempt({**check_keys, "http": f"http://127.0.0.1:{start}/", "redirects": 1})).result
    assert result.outcome is Outcome.GOOD, result.detail
    assert b"canary" not in observations[0]


@pytest.mark.parametrize(
    ("options", "expected_error"),
    [
        ({"bearer": {"env": "CLIENT_SECRET"}}, "one set of credentials; keep bearer or oauth2"),
        ({"headers": {"Authorization": {"env": "CLIENT_SECRET"}}}, "already contain Authorization"),
        (
            {"oauth2": {"token_url": "https://a.example/", "client_id": "a", "client_secret": "plain"}},
            "must not be written",
        ),
        ({"oauth2": {"token_url": "a.example"}}, "not an http or https URL"),
    ],
)
def test_invalid_option_is_rejected_at_load(options: dict[str, Any], expected_error: str) -> None:
    client = {"client_id": "probe", "client_secret": {"env": "CLIENT_SECRET"}}
    with pytest.raises(ValidationError, match=expected_error):
        load_check({"http": "http://a.example/", "oauth2": {"token_url": "https://a.example/", **client}, **options})
