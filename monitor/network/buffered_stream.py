"""Read a connection by lines, byte counts or conditions, within a limit on unread bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.network.connection import Connection

MAX_UNREAD_BYTES = 65_536  # maximum size of the buffer while a line or another expected part is incomplete
_LINES_PER_YIELD = 64  # then yield to the event loop: 64 KiB may hold 30,000 lines
_PEER_CLOSED = {
    "connection_reset",
    "tls_handshake",
}  # reason codes of a send to a peer that has closed


async def try_send(connection: Connection, data: bytes) -> ProbeFailure | None:
    """Send the bytes; return the failure instead of raising it if the peer has closed the connection.

    Data that the peer sent before closing can still be read. It may be the complete response: some servers reject a
    request early and close the connection.
    """
    try:
        await connection.send(data)
    except ProbeFailure as failure:
        if failure.reason not in _PEER_CLOSED:
            raise
        return failure
    return None


class BufferedStream:
    """A connection with a buffer of received, unread bytes."""

    __slots__ = ("_connection", "_limit", "_lines", "_send_failure", "buffer")

    def __init__(self, connection: Connection, limit: int = MAX_UNREAD_BYTES) -> None:
        self._connection, self._limit = connection, limit
        self._lines = 0
        self._send_failure: ProbeFailure | None = None
        self.buffer = bytearray()

    async def send(self, data: bytes) -> None:
        """Send the bytes; return once the kernel has accepted all of them."""
        await self._connection.send(data)

    async def send_request(self, data: bytes) -> None:
        """Send a request.

        If the peer has closed the connection, the failure is raised by the read that finds no complete response.
        """
        self._send_failure = await try_send(self._connection, data)

    async def read_line(self) -> bytes:
        """Return the next line without its line break.

        Raises:
            ProbeFailure: `hung_up`: the connection was closed first; `answer_too_long`.
        """
        self._lines += 1
        if self._lines % _LINES_PER_YIELD == 0:
            await asyncio.sleep(0)
        await self.fill_until(lambda buffer: b"\n" in buffer, "the end of a line")
        return (await self.read_exactly(self.buffer.index(b"\n") + 1)).rstrip(b"\r\n")

    async def read_exactly(self, count: int) -> bytes:
        """Return the next `count` bytes. Raises the errors of `read_line`."""
        await self.fill_until(lambda buffer: len(buffer) >= count, f"{count} bytes")
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    async def fill_until(self, is_complete: Callable[[bytearray], bool], expected: str) -> None:
        """Receive until `is_complete` returns true for the buffer.

        Raises the errors of `read_line`. The message contains `expected`.
        """
        while not is_complete(self.buffer):
            if len(self.buffer) > self._limit:
                raise ProbeFailure("answer_too_long", f"{len(self.buffer)} bytes without {expected}")
            data = await self._connection.receive()
            if not data:
                if self._send_failure is not None:
                    raise self._send_failure
                received = f" after {quoted(self.buffer.decode(errors='replace'))}" if self.buffer else ""
                raise ProbeFailure("hung_up", f"the connection was closed{received}, waiting for {expected}")
            self.buffer += data
