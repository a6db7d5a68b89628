"""One WebSocket session (RFC 6455). `websockets` implements the protocol without I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from monitor.network.buffered_stream import try_send
from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

    from monitor.config.expect import Regex
    from monitor.network.connection import Connection

_MAX_BYTES = 1 << 20  # bytes of a message, and of all messages
_MAX_FRAMES = 10_000  # of a session; a frame has at least 2 bytes and takes 10 microseconds
_NO_CODE = 1005  # the library's value for a close frame without a code
_PARSE_BYTES = 2_048  # bytes parsed per turn of the event loop


def protocol_for(url: str, subprotocol: str | None) -> ClientProtocol:
    """Return the protocol state of a new session. The first call imports the library, which takes 0.1 s."""
    from websockets.client import ClientProtocol
    from websockets.typing import Subprotocol
    from websockets.uri import parse_uri

    subprotocols = None if subprotocol is None else [Subprotocol(subprotocol)]
    return ClientProtocol(parse_uri(url), subprotocols=subprotocols, max_size=_MAX_BYTES)


class Session:
    """A WebSocket session over one connection."""

    def __init__(self, connection: Connection, protocol: ClientProtocol) -> None:
        self._connection, self._protocol = connection, protocol
        self._received_bytes = self._frames = 0
        self._unparsed = b""
        self._send_failure: ProbeFailure | None = None  # set when sending failed
        self._unsent = False

    async def open(self, headers: Mapping[str, str], on_refusal: Callable[[int, dict[str, str]], None]) -> None:
        """Open the session. `on_refusal` receives status and headers (lower-case names) of an HTTP error response.

        Raises:
            ProbeFailure: `http_status`, `websocket_handshake`, `answer_too_long`.
        """
        from websockets.exceptions import InvalidStatus

        request = self._protocol.connect()
        for name, value in {"User-Agent": "ninewatch", **headers}.items():
            if name in request.headers:
                del request.headers[name]  # an assignment would add a second header
            request.headers[name] = value
        self._protocol.send_request(request)
        while self._protocol.state.name == "CONNECTING" and self._protocol.handshake_exc is None:
            await self._send_and_receive()
        error = self._protocol.handshake_exc
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            on_refusal(status, {name.lower(): value for name, value in error.response.headers.raw_items()})
            raise ProbeFailure("http_status", f"status {status}, expected 101", status=status)
        if error is not None:
            if self._send_failure is not None:
                raise self._send_failure
            raise ProbeFailure("websocket_handshake", quoted(str(error.__cause__ or error), 160))
        if self._protocol.available_subprotocols and self._protocol.subprotocol is None:
            raise ProbeFailure("websocket_handshake", "the server does not support the subprotocol")

    def send_text(self, text: str) -> None:
        """Queue a text message. It is not sent if the server has closed the session."""
        if self._open:
            self._protocol.send_text(text.encode())
        else:
            self._unsent = True

    async def expect(self, expected: Regex) -> None:
        """Wait until a message matches; other messages are ignored.

        Raises:
            ProbeFailure: `answer_mismatch`: the session ended without a match; `hung_up`, `websocket_malformed`: the
                session ended without a message; `answer_too_long`.
        """
        last: str | None = None
        async with aclosing(self._messages()) as messages:
            async for last in messages:
                if expected.search(last):
                    self._unsent = False  # the expected message arrived although sending failed
                    return
        if last is not None:
            detail = f"the last message is {quoted(last)}, expected {quoted(expected.text)}; {self._ending}"
            raise ProbeFailure("answer_mismatch", detail)
        if self._protocol.parser_exc is not None and not isinstance(self._protocol.parser_exc, EOFError):
            raise ProbeFailure("websocket_malformed", quoted(str(self._protocol.parser_exc), 160))
        if self._send_failure is not None and self._protocol.close_rcvd is None:
            raise self._send_failure
        raise ProbeFailure("hung_up", f"{self._ending} before the first message")

    @property
    def _open(self) -> bool:
        return self._protocol.state.name == "OPEN"

    @property
    def _ending(self) -> str:
        """The end of the session: code and reason of the server's close frame (RFC 6455, 7.4)."""
        close = self._protocol.close_rcvd
        if close is None:
            return "the server closed the connection without a close frame"
        code = "no code" if close.code == _NO_CODE else f"code {int(close.code)}"
        return f"the server closed the session with {code}" + (f" {quoted(close.reason)}" if close.reason else "")

    async def _messages(self) -> AsyncGenerator[str, None]:
        from websockets.frames import Frame

        pieces = bytearray()
        while True:
            events = self._protocol.events_received()
            self._frames += len(events)
            if self._frames > _MAX_FRAMES:
                raise ProbeFailure("answer_too_long", f"{self._frames} frames without the expected message")
            for event in events:
                if isinstance(event, Frame) and event.opcode.name in ("TEXT", "BINARY", "CONT"):
                    pieces += event.data
                    if event.fin:
                        yield pieces.decode(errors="replace")
                        pieces.clear()
            if not self._open:
                return
            await self._send_and_receive()

    async def close(self) -> None:
        """Close the session without waiting for the server's close frame.

        Raises:
            ProbeFailure: `hung_up`: the server closed the session before the message was sent.
        """
        if self._open:
            self._protocol.send_close(1000)
        await self._flush()
        if self._unsent:
            raise ProbeFailure("hung_up", f"{self._ending} before the message was sent")

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # empty data requests a half-close, which is not needed
                self._send_failure = await try_send(self._connection, data) or self._send_failure

    async def _send_and_receive(self) -> None:
        await self._flush()
        if self._unparsed:
            await asyncio.sleep(0)
        else:
            self._unparsed = await self._connection.receive()
            self._received_bytes += len(self._unparsed)
        if self._received_bytes > _MAX_BYTES:
            raise ProbeFailure("answer_too_long", f"{self._received_bytes} bytes without the expected message")
        if self._unparsed:
            self._protocol.receive_data(self._unparsed[:_PARSE_BYTES])
            self._unparsed = self._unparsed[_PARSE_BYTES:]
        else:
            self._protocol.receive_eof()
