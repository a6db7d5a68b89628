"""One request over HTTP/2: complete responses, and servers that send without end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import hpack
import pytest

from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.http.http2 import exchange
from monitor.http.response import Response
from monitor.network.connection import Connection
from monitor.network.failure import ProbeFailure
from monitor.probe_result import ProbeResult
from sla.observation import Outcome
from tests.support.http2_server import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    HELLO,
    OK,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    frame,
    send_frames,
    serve_response,
)
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.servers import serve_tcp

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from tests.support.servers import Handler

GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "target.example.test")]


async def make_request(handler: Handler, body: bytes = b"", limit: int = 1 << 20) -> tuple[ProbeResult, Response, int]:
    """Return the result of one request, its response, and the number of header announcements."""
    answer, begun = Response(limit=limit), 0

    def begin() -> None:
        nonlocal begun
        begun += 1

    async with serve_tcp(handler) as port, probe_environment(SystemClock(), Health()) as (runner, loop_monitor):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]

        async def probe(attempt: Attempt) -> ProbeResult:
            with await Connection.connect(attempt, "127.0.0.1", port) as connection:
                await exchange(connection, GET, body, answer, on_headers=begin)
            return ProbeResult(Outcome.GOOD)

        return (await runner.attempt(probe, 30.0)).result, answer, begun


async def test_body_longer_than_the_flow_control_window_is_complete() -> None:
    long = bytes(range(256)) * 2_000
    fields = [(":status", "203"), ("X-Kind".lower(), "a"), ("x-kind", "b")]
    result, answer, begun = await make_request(serve_response(fields, long, [("checksum", "7")]))
    assert (result.outcome, result.reason) == (Outcome.GOOD, ""), result.detail
    assert (answer.status, answer.body, answer.truncated, begun) == (203, long, False, 1)
    assert (answer.headers, answer.trailers) == ({"x-kind": "a, b"}, {"checksum": "7"})


async def test_long_request_respects_flow_control() -> None:
    bodies: list[bytes] = []
    result, answer, _ = await make_request(serve_response([(":status", "204")], seen=bodies), body=b"x" * 300_000)
    assert (result.outcome, answer.status, answer.body) == (Outcome.GOOD, 204, b"")
    assert bodies == [b"x" * 300_000]


async def test_body_beyond_the_limit_is_not_read() -> None:
    result, answer, _ = await make_request(send_frames(HELLO + OK, again=frame(DATA, b"x" * 1_000)), limit=2_500)
    assert result.outcome is Outcome.GOOD
    assert (answer.body, answer.truncated) == (b"x" * 2_500, True)


async def test_body_of_exactly_the_limit_is_complete() -> None:
    _, answer, _ = await make_request(send_frames(HELLO + OK + frame(DATA, b"x" * 100, flags=END_STREAM)), limit=100)
    assert (len(answer.body), answer.truncated) == (100, False)


async def test_frames_before_the_response_change_nothing() -> None:
    """The frames are 103 Early Hints, a PING, and GOAWAY for later requests."""
    hints = frame(HEADERS, hpack.Encoder().encode([(":status", "103")]), flags=END_HEADERS)
    leaving = frame(GOAWAY, (1).to_bytes(4, "big") + bytes(4), stream=0)
    response_frames = (
        HELLO + frame(PING, bytes(8), stream=0) + hints + leaving + OK + frame(DATA, b"fine", flags=END_STREAM)
    )
    result, answer, _ = await make_request(send_frames(response_frames))
    assert (result.outcome, answer.status, answer.body) == (Outcome.GOOD, 200, b"fine"), result.detail


HUGE = hpack.Encoder().encode([(":status", "200"), *((f"x-{number}", "v" * 1_000) for number in range(100))])
PIECES = [HUGE[start : start + 9_000] for start in range(0, len(HUGE), 9_000)]
LONG_HEADERS = frame(HEADERS, PIECES[0]) + b"".join(frame(CONTINUATION, piece) for piece in PIECES[1:-1])


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (send_and_close(HELLO), "hung_up"),
        (send_and_close(HELLO + OK), "hung_up"),
        (send_and_close(HELLO + OK[:5]), "hung_up"),
        (send_on_connect(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "http2_malformed"),
        (send_frames(HELLO + frame(77, b"x" * 20_000)), "http2_malformed"),
        (send_frames(HELLO + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"), "http2_malformed"),
        (send_frames(HELLO + frame(DATA, b"before any header")), "http2_malformed"),
        (send_frames(HELLO + frame(CONTINUATION, b"\x88")), "http2_malformed"),
        (send_frames(HELLO + frame(HEADERS, b"\xff" * 100, flags=END_HEADERS)), "http2_malformed"),
        (send_frames(HELLO + frame(HEADERS, b"\x08\x0320x", flags=END_HEADERS)), "http2_malformed"),
        (send_frames(HELLO + frame(PUSH_PROMISE, b"\0\0\0\2" + bytes([0x82, 0x84, 0x86]), flags=4)), "http2_malformed"),
        (send_frames(HELLO + OK + frame(RST_STREAM, b"\0\0\0\x0b")), "http2_reset"),
        (send_frames(HELLO + frame(GOAWAY, bytes(8), stream=0)), "http2_reset"),
        (send_frames(HELLO + frame(GOAWAY, b"\0\0\0\1\0\0\0\x02", stream=0)), "http2_reset"),
        (send_frames(HELLO + LONG_HEADERS + frame(CONTINUATION, PIECES[-1], flags=END_HEADERS)), "headers_too_large"),
    ],
)
async def test_invalid_response_has_the_expected_reason(handler: Handler, reason: str) -> None:
    result, _, _ = await make_request(handler)
    assert (result.outcome, result.reason) == (Outcome.BAD, reason), result.detail
    assert result.detail.isprintable()


@pytest.mark.parametrize(
    ("opening", "again", "reason"),
    [
        (HELLO, frame(PING, bytes(8), stream=0), "http2_flood"),
        (HELLO, frame(SETTINGS, stream=0), "http2_flood"),
        (HELLO, frame(77, b"x" * 16_000, stream=0), "http2_flood"),
        (HELLO + OK, frame(DATA), "http2_flood"),
        (HELLO + OK, frame(DATA, b"x"), "http2_flood"),
        (HELLO + OK, frame(DATA, b"\xff" + b"x" + bytes(255), flags=8), "http2_flood"),
        (HELLO, frame(HEADERS, hpack.Encoder().encode([(":status", "103")]), flags=END_HEADERS), "http2_flood"),
        (HELLO + frame(HEADERS, b""), frame(CONTINUATION, b""), "http2_malformed"),
    ],
    ids=["ping", "settings", "unknown", "empty data", "data by the byte", "padding", "hints", "continuation"],
)
async def test_endless_server_is_aborted(opening: bytes, again: bytes, reason: str) -> None:
    result, _, _ = await make_request(send_frames(opening, again=again * 500))
    assert (result.outcome, result.reason) == (Outcome.BAD, reason), result.detail


async def test_expensive_headers_do_not_block_the_loop() -> None:
    """One byte can refer to a header in the table, so a frame of 2 KiB contains two thousand headers."""
    opening = hpack.Encoder().encode([(":status", "103"), ("a", "")])
    frames = [frame(HEADERS, opening + b"\xbe" * 1_900, flags=END_HEADERS)]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    class Fast:
        """A connection whose peer has sent all data at once."""

        async def send(self, data: bytes) -> None:
            pass

        async def receive(self) -> bytes:
            return HELLO + b"".join(frames * 100)

    other_task = asyncio.create_task(others())
    with pytest.raises(ProbeFailure, match="interim responses"):
        await exchange(Fast(), GET, b"", Response(limit=1_000))  # type: ignore[arg-type]
    other_task.cancel()
    await asyncio.gather(other_task, return_exceptions=True)
    assert turns > 3
