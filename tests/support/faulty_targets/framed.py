"""Faulty targets of the kinds `grpc` and `websocket`, whose protocols use frames."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

from tests.support.faulty_targets.behaviour import answer_with, reset_after, send_endlessly, send_slowly
from tests.support.faulty_targets.certificates import HOST, IssuedCertificate, names
from tests.support.faulty_targets.faulty_target import AMPLE, BAD, GOOD, SHORT, FaultyTarget, TargetAuthority, listener
from tests.support.line_servers import send_and_close, send_on_connect
from tests.support.servers import http_response, read_request, send_nothing

if TYPE_CHECKING:
    import ssl

    from tests.support.faulty_targets.faulty_target import Context
    from tests.support.servers import Handler

SETTINGS = b"\0\0\0\x04\0\0\0\0\0"  # an empty SETTINGS frame, which an HTTP/2 server sends first
SERVING, NOT_SERVING = b"\0\0\0\0\2\x08\1", b"\0\0\0\0\2\x08\2"


def _frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


def answer_calls(data: bytes = b"", trailers: dict[str, str] | None = None, **headers: str) -> Handler:
    """Return a handler that answers a call over HTTP/2 with these headers, data and trailers."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = H2Connection(H2Configuration(client_side=False))
        http.initiate_connection()
        while chunk := await reader.read(65_536):
            for event in http.receive_data(chunk):
                if isinstance(event, StreamEnded):
                    response_headers = {"status": "200", **headers}
                    http.send_headers(
                        1,
                        [
                            (f":{name}" if name == "status" else name, response_headers[name])
                            for name in response_headers
                        ],
                    )
                    http.send_data(1, data, end_stream=trailers is None)
                    if trailers is not None:
                        http.send_headers(1, list(trailers.items()), end_stream=True)
            writer.write(http.data_to_send())

    return handler


def grpc() -> Iterator[FaultyTarget]:
    """Yield servers for gRPC health checks."""

    def build_target(
        name: str, handler: Handler, reason: str, context: Context | None = None, **options: Any
    ) -> FaultyTarget:
        seconds = options.pop("seconds", AMPLE)
        check = {"grpc": f"{HOST}:<port>", **options}
        return FaultyTarget(f"grpc-{name}", listener(handler, context), check, reason, BAD if reason else GOOD, seconds)

    encrypted = {"encrypted": True, "tls": {"ca": "<ca>"}}
    good_trailers = {"grpc-status": "0"}
    yield build_target("good", answer_calls(SERVING, good_trailers), "")
    yield build_target("not-serving", answer_calls(NOT_SERVING, good_trailers), "grpc_not_serving")
    yield build_target("no-message", answer_calls(b"", good_trailers), "grpc_not_serving")
    yield build_target("unimplemented", answer_calls(b"", {"grpc-status": "12"}), "grpc_status")
    yield build_target("status-in-words", answer_calls(SERVING, {"grpc-status": "fine"}), "grpc_status")
    yield build_target("no-status", answer_calls(SERVING), "grpc_status")
    yield build_target("unavailable", answer_calls(b"busy", status="503"), "http_status")
    yield build_target("other-message", answer_calls(b"\0\0\0\0\3\x12\1\1", good_trailers), "grpc_malformed")
    yield build_target("http-1", answer_with(http_response(b"ok")), "http2_malformed")
    yield build_target("garbage", send_endlessly(b"\xff" * 65_536), "http2_malformed")
    yield build_target("garbage-frames", send_endlessly(b"\xff" * 65_536, SETTINGS), "http2_malformed")
    yield build_target("endless-settings", send_endlessly(SETTINGS * 1_000), "http2_flood")
    yield build_target("endless-pings", send_endlessly(_frame(6, 0, 0, b"\0" * 8) * 1_000, SETTINGS), "http2_flood")
    options = _frame(9, 0, 1, b"\0") * 1_000
    yield build_target("endless-headers", send_endlessly(options, SETTINGS + _frame(1, 0, 1)), "http2_malformed")
    yield build_target("header-bomb", send_endlessly(_bomb(), SETTINGS), "headers_too_large")
    yield build_target("goes-away", send_on_connect(SETTINGS + _frame(7, 0, 0, b"\0" * 8)), "http2_reset")
    yield build_target("resets-the-stream", send_on_connect(SETTINGS + _frame(3, 0, 1, b"\0\0\0\7")), "http2_reset")
    yield build_target("closes-at-once", send_and_close(SETTINGS), "hung_up")
    yield build_target("silent", send_nothing, "deadline", seconds=SHORT)
    yield build_target("settings-then-silence", send_on_connect(SETTINGS), "deadline", seconds=SHORT)
    yield build_target("no-alpn", send_nothing, "grpc_no_http2", _context_with_alpn(), **encrypted)
    yield build_target("other-alpn", send_nothing, "grpc_no_http2", _context_with_alpn("http/1.1"), **encrypted)


def _bomb() -> bytes:
    """Return headers that define a long header once and reference it a thousand times (HPACK bomb)."""
    long = b"\x40\x01a\x7f\x81\x1e" + b"x" * 4_000
    return _frame(1, 4, 1, b"\x88" + long + b"\xbe" * 10_000)


def _context_with_alpn(*protocols: str) -> Context:
    def context(authority: TargetAuthority) -> ssl.SSLContext:
        tls_context = IssuedCertificate.of(authority.root).issues(names(HOST)).context(authority.folder)
        if protocols:
            tls_context.set_alpn_protocols(list(protocols))
        return tls_context

    return context


def accept_upgrade(frames: bytes, *, stay_open: bool = True, key: bytes = b"", endless: bool = False) -> Handler:
    """Return a handler that accepts the WebSocket upgrade, and then sends these bytes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match = re.search(rb"Sec-WebSocket-Key: (\S+)", await read_request(reader))
        assert match is not None
        accept = base64.b64encode(hashlib.sha1(match[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324
        headers_101 = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % (key or accept)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + headers_101 + frames)
        await writer.drain()
        while endless:
            writer.write(frames)
            await writer.drain()
        if stay_open:
            await reader.read()

    return handler


def websocket() -> Iterator[FaultyTarget]:
    """Yield servers for checks of a session with a message that contains `ok`."""

    def build_target(name: str, handler: Handler, reason: str, seconds: float = AMPLE) -> FaultyTarget:
        check = {"websocket": f"ws://{HOST}:<port>/", "expect": "ok"}
        return FaultyTarget(f"websocket-{name}", listener(handler), check, reason, BAD if reason else GOOD, seconds)

    text = b"\x81\x04busy"
    yield build_target("good", accept_upgrade(text + b"\x81\x02ok"), "")
    yield build_target("no-upgrade", answer_with(http_response(b"ok")), "http_status")
    yield build_target("forbidden", answer_with(http_response(b"", "403 Forbidden")), "http_status")
    yield build_target("other-key", accept_upgrade(b"", key=b"bm90IHRoZSBvbmU="), "websocket_handshake")
    yield build_target("no-http", send_on_connect(b"SSH-2.0-OpenSSH_9.2\r\n"), "websocket_handshake")
    yield build_target("garbage", send_endlessly(b"\xff" * 65_536), "websocket_handshake")
    yield build_target(
        "endless-headers", send_endlessly(b"A: b\r\n" * 1_000, b"HTTP/1.1 101 S\r\n"), "websocket_handshake"
    )
    yield build_target("closes-at-once", send_and_close(), "websocket_handshake")
    yield build_target("resets", reset_after(), "connection_reset")
    yield build_target("no-response", accept_upgrade(b"", stay_open=False), "hung_up")
    yield build_target("closes", accept_upgrade(b"\x88\x02\x03\xe8"), "hung_up")
    yield build_target("other-word", accept_upgrade(text, stay_open=False), "answer_mismatch")
    yield build_target("endless-words", accept_upgrade(text * 1_000, endless=True), "answer_too_long")
    yield build_target(
        "endless-message", accept_upgrade(b"\x01\x7e\xff\xff" + b"x" * 65_535, stay_open=False), "hung_up"
    )
    yield build_target("endless-fragments", accept_upgrade(b"\0\1x" * 10_000, endless=True), "websocket_malformed")
    yield build_target("endless-pings", accept_upgrade(b"\x89\0" * 1_000, endless=True), "answer_too_long")
    yield build_target("huge-frame", accept_upgrade(b"\x81\x7f\x7f" + b"\xff" * 7), "websocket_malformed")
    yield build_target("masked", accept_upgrade(b"\x81\x82\0\0\0\0ok"), "websocket_malformed")
    yield build_target("reserved-bits", accept_upgrade(b"\xf1\x02ok"), "websocket_malformed")
    yield build_target("no-utf-8", accept_upgrade(b"\x81\x02\xff\xfe", stay_open=False), "answer_mismatch")
    yield build_target("silent", send_nothing, "deadline", SHORT)
    yield build_target("silent-session", accept_upgrade(b""), "deadline", SHORT)
    yield build_target("drip", send_slowly(b"x", b"HTTP/1.1 101 "), "deadline", SHORT)


def faulty_targets() -> Iterator[FaultyTarget]:
    """Yield all targets of this module."""
    yield from grpc()
    yield from websocket()
