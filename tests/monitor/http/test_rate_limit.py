"""Inconclusive responses: 429 with Retry-After, responses listed in `unknown`, and the pause that a server requests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.http.rate_limit import MAX_WAIT, RateLimit, retry_after
from monitor.network.failure import ProbeFailure
from monitor.probes.registry import prepare
from sla.interval import HOUR, SECOND
from sla.observation import Outcome
from tests.support.probing import attempt, load_check, retry_if_starved
from tests.support.servers import http_response, read_request, serve_tcp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from monitor.probe_result import ProbeResult

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
NOW = 1_800_000_000 * SECOND
LIMITED = http_response(status="429 Too Many Requests", Retry_After="50")


class AdvancedClock(SystemClock):
    """The system's clock, advanced by a test."""

    by = 0

    def now(self) -> int:
        return super().now() + self.by


class CountingServer:
    """A server that gives its responses in turn, repeats the last one, and counts the requests."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.requests = list(answers), 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        self.requests += 1
        writer.write(self.answers[min(self.requests, len(self.answers)) - 1])
        await writer.drain()


@asynccontextmanager
async def prepared_probe(check: dict[str, Any], clock: AdvancedClock) -> AsyncIterator[Any]:
    """Yield a function that makes one more attempt by the same prepared probe."""
    async with probe_environment(clock, Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        probe = prepare(load_check(check))

        async def again() -> ProbeResult:
            return (await retry_if_starved(runner, probe, 5.0)).result

        yield again


def kinds(port: int) -> dict[str, dict[str, Any]]:
    url = f"http://127.0.0.1:{port}/"
    return {
        "http": {"http": url},
        "freshness": {"freshness": url, "max_age": "1d"},
        "prometheus": {"prometheus": url, "good": "a", "total": "b", "at_least": "99%"},
        "domain": {"domain": "example.test", "rdap": url},
        "websocket": {"websocket": f"ws://127.0.0.1:{port}/"},
    }


REASONS = {"prometheus": "sli_unavailable", "domain": "rdap_unavailable"}


@pytest.mark.parametrize("kind", kinds(1))
async def test_429_with_retry_after_is_unknown_and_pauses_requests(kind: str) -> None:
    server, clock = CountingServer(LIMITED), AdvancedClock()
    async with serve_tcp(server) as port, prepared_probe(kinds(port)[kind], clock) as again:
        first, second = await again(), await again()
        assert server.requests == 1, "the second attempt sent nothing"
        clock.by = 51 * SECOND
        await again()
    assert server.requests == 2
    for result in (first, second):
        assert (result.outcome, result.reason) == (UNKNOWN, REASONS.get(kind, "rate_limited"))
    assert "Retry-After: 50" in first.detail
    assert "no request was sent" in second.detail


async def test_target_is_good_again_after_the_pause() -> None:
    server, clock = CountingServer(LIMITED, http_response(b"ok")), AdvancedClock()
    async with serve_tcp(server) as port, prepared_probe(kinds(port)["http"], clock) as again:
        outcomes = [(await again()).outcome]
        clock.by = 51 * SECOND
        outcomes += [(await again()).outcome, (await again()).outcome]
    assert outcomes == [UNKNOWN, GOOD, GOOD]
    assert server.requests == 3


@pytest.mark.parametrize(
    ("reply", "options", "outcome", "reason"),
    [
        (LIMITED, {}, UNKNOWN, "rate_limited"),
        (LIMITED, {"status": [200, 429]}, GOOD, ""),
        (LIMITED, {"status": "4xx"}, GOOD, ""),
        (LIMITED, {"status": 429, "contains": "x"}, BAD, "body_mismatch"),
        (http_response(status="429 Too Many"), {}, BAD, "http_status"),
        (http_response(status="429 Too Many", Retry_After="soon"), {}, BAD, "http_status"),
        (http_response(status="429 Too Many"), {"unknown": {"status": 429}}, UNKNOWN, "inconclusive"),
        (http_response(status="503 Out", Retry_After="50"), {}, BAD, "http_status"),
        (http_response(status="503 Out", Retry_After="50"), {"unknown": {"status": [503]}}, UNKNOWN, "inconclusive"),
        (http_response(b"ok"), {"unknown": {"status": [401, 403]}}, GOOD, ""),
        (http_response(status="401 No"), {"unknown": {"status": [401, 403]}}, UNKNOWN, "inconclusive"),
        (http_response(status="404 No"), {"unknown": {"status": [401, 403]}}, BAD, "http_status"),
        (http_response(status="403 No", X_By="waf"), {"unknown": {"header": {"X-By": "WAF"}}}, UNKNOWN, "inconclusive"),
        (http_response(status="403 No"), {"unknown": {"header": {"X-By": "WAF"}}}, BAD, "http_status"),
        (http_response(b"{}", X_By="waf"), {"unknown": {"header": {"X-By": True}}}, UNKNOWN, "inconclusive"),
        (
            http_response(b'{"error": "invalid_client"}', "401 No"),
            {"unknown": {"status": 401, "json": {"$.error": "invalid_client"}}},
            UNKNOWN,
            "inconclusive",
        ),
        (
            http_response(b'{"error": "other"}', "401 No"),
            {"unknown": {"status": 401, "json": {"$.error": {"in": ["invalid_client", "unauthorized_client"]}}}},
            BAD,
            "http_status",
        ),
        (
            http_response(b"<html>", "401 No"),
            {"unknown": {"status": 401, "json": {"$.error": "invalid_client"}}},
            BAD,
            "http_status",
        ),
        (
            http_response(b"{}", "400 No"),
            {"unknown": [{"status": 401}, {"status": 400, "json": {"$.error": {"exists": False}}}]},
            UNKNOWN,
            "inconclusive",
        ),
        (http_response(b'{"off": true}'), {"unknown": {"json": {"$.off": True}}}, UNKNOWN, "inconclusive"),
    ],
)
async def test_inconclusive_responses(reply: bytes, options: dict[str, Any], outcome: Outcome, reason: str) -> None:
    async with serve_tcp(CountingServer(reply)) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "expect": options})).result
    assert (result.outcome, result.reason) == (outcome, reason), result.detail
    assert result.status == int(reply.split()[1])


async def test_configured_unknown_response_with_retry_after_pauses_requests() -> None:
    server = CountingServer(http_response(status="503 Out", Retry_After="50"))
    async with serve_tcp(server) as port:
        check = {"http": f"http://127.0.0.1:{port}/", "expect": {"unknown": {"status": 503}}}
        async with prepared_probe(check, AdvancedClock()) as again:
            assert (await again()).reason == "inconclusive"
            assert (await again()).reason == "rate_limited"
    assert server.requests == 1


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ({"unknown": {}}, "has no condition"),
        ({"unknown": {"status": "abc"}}, "is not a status"),
        ({"unknown": {"body": "x"}}, "body"),
        ({"status": [200, 401], "unknown": {"status": 401}}, "status 401 is also in status"),
    ],
)
def test_invalid_unknown_option_is_rejected(expect: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        load_check({"http": "http://h/", "expect": expect})


def test_unknown_by_json_is_rejected_for_head_requests() -> None:
    with pytest.raises(ValidationError, match="HEAD has no body"):
        load_check({"http": "http://h/", "method": "HEAD", "expect": {"unknown": {"json": {"$.a": 1}}}})


async def test_freshness_check_has_its_own_unknown_responses() -> None:
    async with serve_tcp(CountingServer(http_response(status="401 No"))) as port:
        check = {"freshness": f"http://127.0.0.1:{port}/", "max_age": "1d"}
        result = (await attempt({**check, "unknown": {"status": 401}})).result
        bare = (await attempt(check)).result
    assert (result.outcome, result.reason) == (UNKNOWN, "inconclusive")
    assert (bare.outcome, bare.reason) == (BAD, "http_status")


async def test_websocket_check_has_its_own_unknown_statuses() -> None:
    async with serve_tcp(CountingServer(http_response(status="401 No"))) as port:
        check = {"websocket": f"ws://127.0.0.1:{port}/"}
        assert (await attempt({**check, "unknown": "401"})).result.reason == "inconclusive"
        assert (await attempt({**check, "unknown": "5xx"})).result.reason == "http_status"


async def test_retry_after_of_a_token_server_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "canary-secret")
    issuer, target = CountingServer(LIMITED), CountingServer(http_response(b"ok"))
    async with serve_tcp(issuer) as token_port, serve_tcp(target) as port:
        client = {
            "token_url": f"http://127.0.0.1:{token_port}/",
            "client_id": "x",
            "client_secret": {"env": "CLIENT_SECRET"},
        }
        async with prepared_probe({"http": f"http://127.0.0.1:{port}/", "oauth2": client}, AdvancedClock()) as again:
            results = [await again(), await again()]
    assert {(result.outcome, result.reason) for result in results} == {(UNKNOWN, "token_unavailable")}
    assert (issuer.requests, target.requests) == (1, 0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "99999999999999999999"}, None),
        ({"retry-after": "in a minute"}, None),
        ({"retry-after": formatdate(NOW // SECOND + 90, usegmt=True)}, 90),
        ({"retry-after": formatdate(NOW // SECOND - 90, usegmt=True)}, 0),
        (
            {
                "retry-after": formatdate(NOW // SECOND + 7_290, usegmt=True),
                "date": formatdate(NOW // SECOND + 7_200, usegmt=True),
            },
            90,
        ),
        ({"retry-after": "Thu, 01 Jan 99999 00:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_of_the_servers_clock(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after(headers, NOW) == (None if seconds is None else seconds * SECOND)


def test_retry_after_is_limited_to_one_hour() -> None:
    limit = RateLimit()
    with pytest.raises(ProbeFailure):
        limit.check_response(429, {"retry-after": "999999"}, NOW)
    assert limit.until == NOW + MAX_WAIT == NOW + HOUR
    limit.check_wait(NOW + HOUR)
    assert limit.until == 0
