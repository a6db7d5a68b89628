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

_LIMIT = 1 << 20  # bytes of a message, and of all messages
_FRAMES = 10_000  # of a session; the smallest has 2 bytes, and each takes 10 microseconds
_NO_CODE = 1005  # the library's value for a close frame without a code
_SLICE = 2_048  # bytes parsed per turn of the event loop


def protocol_for(url: str, subprotocol: str | None) -> ClientProtocol:
    """Return the protocol state of a new session. The first call imports the library, which takes 0.1 s."""
    from websockets.client import ClientProtocol
    from websockets.typing import Subprotocol
    from websockets.uri import parse_uri

    wanted = None if subprotocol is None else [Subprotocol(subprotocol)]
    return ClientProtocol(parse_uri(url), subprotocols=wanted, max_size=_LIMIT)


class Session:
    """A WebSocket session over one connection."""

    def __init__(self, connection: Connection, protocol: ClientProtocol) -> None:
        self._connection, self._protocol = connection, protocol
        self._heard = self._frames = 0
        self._rest = b""
        self._broken: ProbeFailure | None = None  # why bytes can no longer be sent
        self._unsent = False

    async def open(self, headers: Mapping[str, str], refused: Callable[[int, dict[str, str]], None]) -> None:
        """Open the session. `refused` is called with status and headers (lower-case names) of any other response.

        Raises:
            ProbeFailure: `http_status`, `websocket_handshake`, `answer_too_long`.
        """
        from websockets.exceptions import InvalidStatus

        request = self._protocol.connect()
        for name, value in {"User-Agent": "ninewatch", **headers}.items():
            if name in request.headers:
                del request.headers[name]  # assignment adds a header
            request.headers[name] = value
        self._protocol.send_request(request)
        while self._protocol.state.name == "CONNECTING" and self._protocol.handshake_exc is None:
            await self._turn()
        error = self._protocol.handshake_exc
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            refused(status, {name.lower(): value for name, value in error.response.headers.raw_items()})
            raise ProbeFailure("http_status", f"status {status}, expected 101", status=status)
        if error is not None:
            if self._broken is not None:
                raise self._broken
            raise ProbeFailure("websocket_handshake", quoted(str(error.__cause__ or error), 160))
        if self._protocol.available_subprotocols and self._protocol.subprotocol is None:
            raise ProbeFailure("websocket_handshake", "the server does not support the subprotocol")

    def send_text(self, text: str) -> None:
        """Queue a text message; nothing is sent if the server has closed the session."""
        if self._open:
            self._protocol.send_text(text.encode())
        else:
            self._unsent = True

    async def expect(self, wanted: Regex) -> None:
        """Return once a message matches; earlier messages are ignored.

        Raises:
            ProbeFailure: `answer_mismatch`: the session ended without a match; `hung_up`, `websocket_malformed`: it
                ended without a message; `answer_too_long`.
        """
        last: str | None = None
        async with aclosing(self._messages()) as messages:
            async for last in messages:
                if wanted.search(last):
                    self._unsent = False  # the match does not depend on our message
                    return
        if last is not None:
            detail = f"the last message is {quoted(last)}, expected {quoted(wanted.text)}; {self._ending}"
            raise ProbeFailure("answer_mismatch", detail)
        if self._protocol.parser_exc is not None and not isinstance(self._protocol.parser_exc, EOFError):
            raise ProbeFailure("websocket_malformed", quoted(str(self._protocol.parser_exc), 160))
        if self._broken is not None and self._protocol.close_rcvd is None:
            raise self._broken
        raise ProbeFailure("hung_up", f"{self._ending} before a message came")

    @property
    def _open(self) -> bool:
        return self._protocol.state.name == "OPEN"

    @property
    def _ending(self) -> str:
        """How the server ended the session: the code and the reason of its close frame (RFC 6455, 7.4)."""
        close = self._protocol.close_rcvd
        if close is None:
            return "the server closed the connection without a close frame"
        code = "no code" if close.code == _NO_CODE else f"code {int(close.code)}"
        return f"the server closed the session with {code}" + (f" {quoted(close.reason)}" if close.reason else "")

    async def _messages(self) -> AsyncGenerator[str, None]:
        from websockets.frames import Frame as Piece

        pieces = bytearray()
        while True:
            events = self._protocol.events_received()
            self._frames += len(events)
            if self._frames > _FRAMES:
                raise ProbeFailure("answer_too_long", f"{self._frames} frames without what is expected")
            for event in events:
                if isinstance(event, Piece) and event.opcode.name in ("TEXT", "BINARY", "CONT"):
                    pieces += event.data
                    if event.fin:
                        yield pieces.decode(errors="replace")
                        pieces.clear()
            if not self._open:
                return
            await self._turn()

    async def close(self) -> None:
        """Close the session without waiting for the server's close frame.

        Raises:
            ProbeFailure: `hung_up`: the server closed it before our message was sent.
        """
        if self._open:
            self._protocol.send_close(1000)
        await self._flush()
        if self._unsent:
            raise ProbeFailure("hung_up", f"{self._ending} before our message was sent")

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # an empty one requests a half-close, which is not needed
                self._broken = await try_send(self._connection, data) or self._broken

    async def _turn(self) -> None:
        await self._flush()
        if self._rest:
            await asyncio.sleep(0)
        else:
            self._rest = await self._connection.receive()
            self._heard += len(self._rest)
        if self._heard > _LIMIT:
            raise ProbeFailure("answer_too_long", f"{self._heard} bytes without what is expected")
        if self._rest:
            self._protocol.receive_data(self._rest[:_SLICE])
            self._rest = self._rest[_SLICE:]
        else:
            self._protocol.receive_eof()
