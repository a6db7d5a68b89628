"""Talking over a wire: line by line, or as many bytes as announced. Bounded, whatever the target sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.network.failure import ProbeFailure, quoted

if TYPE_CHECKING:
    from monitor.network.connection import Wire

LIMIT = 65_536  # bytes that a target may say before what is waited for
_AT_A_STRETCH = 64  # lines taken; then the loop gets its turn, for a piece of 64 KiB may hold 30,000 of them
_GONE = {"connection_reset", "tls_handshake"}  # why sending fails where the peer closed or reset the connection


async def offer(wire: Wire, data: bytes) -> ProbeFailure | None:
    """Send the bytes. Return the failure, instead of raising it, where the peer has closed the connection.

    What the peer sent before that can still be read, and may be the whole answer: servers refuse early and close.
    """
    try:
        await wire.send(data)
    except ProbeFailure as failure:
        if failure.reason not in _GONE:
            raise
        return failure
    return None


class Dialogue:
    """What a target has said over a wire and nobody has taken yet."""

    __slots__ = ("_broken", "_limit", "_lines", "_wire", "heard")

    def __init__(self, wire: Wire, limit: int = LIMIT) -> None:
        self._wire, self._limit = wire, limit
        self._lines = 0
        self._broken: ProbeFailure | None = None
        self.heard = bytearray()

    async def send(self, data: bytes) -> None:
        """Return once the kernel has taken all of the bytes."""
        await self._wire.send(data)

    async def ask(self, data: bytes) -> None:
        """Send bytes to which an answer is expected. That they could not be sent is raised when the answer is read."""
        self._broken = await offer(self._wire, data)

    async def line(self) -> bytes:
        """Return the next line without its end.

        Raises:
            ProbeFailure: `hung_up` before it ended, `answer_too_long`.
        """
        self._lines += 1
        if self._lines % _AT_A_STRETCH == 0:
            await asyncio.sleep(0)
        await self.until(lambda heard: b"\n" in heard, "the end of a line")
        return (await self.exactly(self.heard.index(b"\n") + 1)).rstrip(b"\r\n")

    async def exactly(self, count: int) -> bytes:
        """Return the next `count` bytes; raises like `line`."""
        await self.until(lambda heard: len(heard) >= count, f"{count} bytes")
        taken = bytes(self.heard[:count])
        del self.heard[:count]
        return taken

    async def until(self, satisfied: Callable[[bytearray], bool], wanted: str) -> None:
        """Receive until what was heard satisfies; raises like `line`, and names what was wanted."""
        while not satisfied(self.heard):
            if len(self.heard) > self._limit:
                raise ProbeFailure("answer_too_long", f"{len(self.heard)} bytes without {wanted}")
            data = await self._wire.receive()
            if not data:
                if self._broken is not None:
                    raise self._broken
                said = f" after {quoted(self.heard.decode(errors='replace'))}" if self.heard else ""
                raise ProbeFailure("hung_up", f"the connection was closed{said}, waiting for {wanted}")
            self.heard += data
