"""/ping: access control, accepted reports, and that no other endpoint accepts a body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from monitor.engine.heartbeats import Heartbeats
from monitor.probes.heartbeat import HeartbeatCheck
from monitor.web import request_body
from sla.observation import Outcome
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW, ledger_of, observe, product

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer

TOKEN = "0123456789abcdef-canary"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def server(publish: object, monkeypatch: pytest.MonkeyPatch) -> RunningServer:
    monkeypatch.setenv("PING_TOKEN", TOKEN)
    check = HeartbeatCheck.model_validate({"id": "job", "heartbeat": "every 1h", "token": {"env": "PING_TOKEN"}})
    ledger, clock = ledger_of({**product("drop"), "checks": (check,)}, product("css")), ManualClock(NOW)
    heartbeats = Heartbeats(ledger, lambda entry, result, at, ran: observe(ledger, entry, at, result, ran), clock)
    return await publish(ledger, clock, heartbeats=heartbeats)


def last_result(server: RunningServer) -> tuple[Outcome, str] | None:
    last_observation = server.ledger.entries["drop/job"].last
    return (last_observation.result.outcome, last_observation.result.detail) if last_observation is not None else None


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("signal", ["", "/success", "/0"])
async def test_success_is_recorded(server: RunningServer, method: str, signal: str) -> None:
    response = await server.get(f"/ping/drop/job{signal}", method, headers=BEARER)
    assert (response.status, response.text) == (200, "OK\n")
    assert last_result(server) == (Outcome.GOOD, "")


@pytest.mark.parametrize(("signal", "code"), [("/fail", 1), ("/1", 1), ("/255", 255)])
async def test_failure_is_recorded_with_exit_code_and_first_line(server: RunningServer, signal: str, code: int) -> None:
    await server.get(f"/ping/drop/job{signal}", "POST", headers=BEARER, data=b"disk <full>\nmore\n")
    assert last_result(server) == (Outcome.BAD, f'exit code {code}: "disk <full>"')


async def test_start_and_log_record_nothing(server: RunningServer) -> None:
    for signal in ("start", "log"):
        assert (await server.get(f"/ping/drop/job/{signal}", "POST", headers=BEARER, data=b"x")).status == 200
    assert last_result(server) is None


async def test_token_may_be_in_the_url(server: RunningServer) -> None:
    assert (await server.get(f"/ping/drop/job?token={TOKEN}")).status == 200


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/ping/drop/job", {}),
        ("/ping/drop/job", {"Authorization": "Bearer wrong"}),
        ("/ping/drop/job", {"Authorization": f"Basic {TOKEN}"}),
        ("/ping/drop/job?token=", {}),
        ("/ping/drop/job/fail", {"Authorization": "Bearer "}),
        ("/ping/drop/none", BEARER),
        ("/ping/css/health", BEARER),
        ("/ping/nobody/job", BEARER),
    ],
)
async def test_unauthorized_ping_gets_the_same_error(server: RunningServer, path: str, headers: dict[str, str]) -> None:
    response = await server.get(path, "POST", headers=headers)
    assert response.status == 401
    assert response.text.startswith("unknown heartbeat or wrong token")
    assert last_result(server) is None


@pytest.mark.parametrize("signal", ["256", "-1", "99999999999", "²", "stop", "0x1", "0001", "00011234", "0" * 5_000])
async def test_unknown_signal_is_rejected(server: RunningServer, signal: str) -> None:
    assert (await server.get(f"/ping/drop/job/{signal}", headers=BEARER)).status == 404
    assert last_result(server) is None


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.fault(50)
async def test_other_methods_than_get_and_post_are_rejected(server: RunningServer, method: str) -> None:
    response = await server.get("/ping/drop/job", method, headers=BEARER)
    assert (response.status, response.headers["Allow"]) == (405, "GET, POST")
    assert response.text == ("" if method == "HEAD" else "method not allowed; allowed: GET, POST; use one of these\n")
    assert last_result(server) is None


async def test_wrong_tokens_are_rate_limited_without_affecting_the_right_one(server: RunningServer) -> None:
    statuses = [(await server.get("/ping/drop/job")).status for _ in range(15)]
    assert statuses == [401] * 10 + [429] * 5
    assert (await server.get("/ping/drop/job", headers=BEARER)).status == 200
    await server.clock.advance(3)
    assert [(await server.get("/ping/drop/job")).status for _ in range(4)] == [401, 401, 401, 429]


@pytest.mark.fault(50)
async def test_valid_pings_are_rate_limited_too(server: RunningServer) -> None:
    statuses = [(await server.get("/ping/drop/job/log", headers=BEARER)).status for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2


async def test_only_the_start_of_a_long_body_is_read(server: RunningServer) -> None:
    response = await server.get("/ping/drop/job/1", "POST", headers=BEARER, data=b"y" * 1_000_000)
    assert response.status == 200
    last_observation = last_result(server)
    assert last_observation is not None
    assert len(last_observation[1]) < 300


async def test_missing_body_times_out(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "READ_TIMEOUT", 0.05)
    url = urlsplit(server.base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = (
        f"POST /ping/drop/job HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n"
    )
    writer.write(head.encode())
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 408")
    writer.close()
    assert last_result(server) is None


async def test_ping_with_an_unknown_host_header_is_rejected(server: RunningServer) -> None:
    response = await server.get("/ping/drop/job", "POST", headers={**BEARER, "Host": "evil.test"})
    assert response.status == 421


async def test_other_endpoints_reject_bodies(server: RunningServer) -> None:
    assert (await server.get("/api/v1/products", "POST", headers=BEARER)).status == 405
    response = await server.get("/ping", "POST", headers=BEARER)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert response.text == "method not allowed; allowed: GET, HEAD; this endpoint is read-only\n"
    assert (await server.get("/probe", "HEAD")).headers["Allow"] == "GET"
    assert (await server.get("/livez", data=b"x", headers=BEARER)).status == 413
