"""Test probes of hostile targets: streams end, the event loop is not blocked, and credentials are not printed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.http.response import Response
from monitor.network.connection import Connection
from monitor.probes.registry import CHECK_TYPES, prepare
from sla.observation import Outcome
from tests.support.clocks import ManualClock
from tests.support.probing import attempt
from tests.support.servers import http_response, read_request, repeat_piece, respond_with, serve_tcp

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.probe_result import ProbeResult

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CANARY = "canary-bearer-7f3a9c1e5b2d4f60"


@pytest.mark.parametrize(
    ("opening", "piece"),
    [
        (CHUNKED + b"5;", b"extension;" * 6_000),
        (CHUNKED + b"0\r\n", b"Trailer: and more\r\n" * 3_000),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", b"A: b\r\n" * 10_000),
    ],
)
@pytest.mark.fault(33)
async def test_endless_headers_and_chunk_extensions_are_aborted(opening: bytes, piece: bytes) -> None:
    async with serve_tcp(repeat_piece(piece, opening)) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/"}, 60)).result
    assert result.outcome is Outcome.BAD
    assert result.reason in ("malformed_response", "headers_too_large")


async def test_body_in_chunks_of_one_byte_is_read_completely() -> None:
    body = CHUNKED + b"1\r\nx\r\n" * 100_000 + b"2\r\nok\r\n0\r\n\r\n"
    async with serve_tcp(respond_with(body)) as port:
        check = {"http": f"http://127.0.0.1:{port}/", "expect": {"matches": "ok$"}, "body_limit": 200_000}
        assert (await attempt(check, 60)).result.outcome is Outcome.GOOD


class AlwaysReadable:
    """A socket with data that is always readable, like that of a fast target."""

    def fileno(self) -> int:
        return -1

    def recv(self, size: int) -> bytes:
        return b"x" * size


async def test_stream_without_a_pause_lets_other_tasks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline can expire while the stream is read.

    The loop's clock advances by a millisecond with each turn of another task.
    """
    clock = ManualClock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock.monotonic)

    async def others() -> None:
        while True:
            clock.jump(0.001)
            await asyncio.sleep(0)

    async def probe(attempt: Any) -> ProbeResult:
        attempt.enter("transfer")
        connection = Connection(attempt, AlwaysReadable())  # type: ignore[arg-type]
        while True:
            await connection.receive()

    async with probe_environment(clock, Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]
        other_task = asyncio.create_task(others())
        outcome = await runner.attempt(probe, 0.1)
        other_task.cancel()
        await asyncio.gather(other_task, return_exceptions=True)
    assert (outcome.result.outcome, outcome.result.reason) == (Outcome.BAD, "deadline")
    assert outcome.duration == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize(
    "reply",
    [
        http_response(b"first") + http_response(b"second", "500 Internal Server Error"),
        http_response(b"first") + b"\x00garbage",
        b"HTTP/1.1 204 No Content\r\n\r\nunasked for",
    ],
)
async def test_bytes_after_a_response_are_ignored(reply: bytes) -> None:
    response = Response(limit=1_000)
    response.feed(reply)
    assert response.complete
    assert response.status in (200, 204)
    assert bytes(response.body) in (b"first", b"")


async def test_body_of_a_response_to_head_is_ignored() -> None:
    async with serve_tcp(respond_with(http_response(b"a body all the same"))) as port:
        result = (await attempt({"http": f"http://127.0.0.1:{port}/", "method": "HEAD"})).result
    assert (result.outcome, result.status) == (Outcome.GOOD, 200)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"1" * 5_000,
        b'{"a": "\\ud800"}',
        b"\xff\xfe\xfa",
        b'{"a": NaN, "a": 2}',
        b'"' + b"x" * 500_000 + b'"',
        b"",
    ],
)
@pytest.mark.parametrize("path", ["$.a", "$..a", "$"])
@pytest.mark.fault(38)
async def test_invalid_json_body_causes_no_internal_error(body: bytes, path: str) -> None:
    async with serve_tcp(respond_with(http_response(body))) as port:
        check = {"http": f"http://127.0.0.1:{port}/", "expect": {"json": {path: "expected"}}}
        result = (await attempt(check)).result
    reasons = {b"[[": "body_too_large", b"\xff\xfe": "body_charset"}
    assert (result.outcome, result.reason) == (Outcome.BAD, reasons.get(body[:2], "body_mismatch"))
    assert len(result.detail) <= 300
    assert result.detail.isprintable()


@pytest.mark.parametrize(
    "expect",
    [{"header": {"X-Echo": "something else"}}, {"json": {"$.echo": "something else"}}, {"status": 204}],
)
@pytest.mark.parametrize("filler", [0, 40, 70, 100])
async def test_echoed_credential_is_not_printed(
    expect: dict[str, Any], filler: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a complete nor a truncated detail contains a part of the credential."""
    monkeypatch.setenv("CANARY", CANARY)
    (tmp_path / "password").write_text(CANARY[::-1])

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        (sent,) = (line[15:].decode() for line in request.split(b"\r\n") if line.startswith(b"Authorization: "))
        echoed_text = "." * filler + sent
        writer.write(
            http_response(json.dumps({"echo": echoed_text}).encode(), X_Echo=echoed_text, Location=f"/?{echoed_text}")
        )
        await writer.drain()
        await reader.read()

    async with serve_tcp(echo) as port:
        for credentials in ("bearer: {env: CANARY}", "basic: {user: robot, password: {file: password}}"):
            path = tmp_path / "ninewatch.yaml"
            check = f"{{id: c, http: 'http://127.0.0.1:{port}/', {credentials}, expect: {json.dumps(expect)}}}"
            path.write_text(f"products:\n- {{id: p, objective: 99%, checks: [{check}]}}\n")
            ((_, loaded),) = load(path, CHECK_TYPES).checks()
            async with probe_environment(SystemClock(), Health()) as (runner, _):
                result = (await runner.attempt(prepare(loaded), 5)).result
            assert result.outcome is Outcome.BAD
            output = repr(result)
            assert not any(secret[:8] in output for secret in (CANARY, CANARY[::-1]))
            assert "cm9ib3Q6" not in output, "base64 of robot:"
