"""A relay between a probe and a real server that forwards a part of the response, and then closes or resets."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.support.servers import serve_tcp

Ending = Literal["close", "reset"]
EVERYTHING = 1 << 40
SPREAD = 10  # positions in addition to the ends of the chunks


@dataclass
class Relay:
    """Forwards `left` bytes of the server, on all connections together, and then ends the connection.

    `piecewise`: forward single bytes. `damaged` is the position of a byte whose bits are inverted. `chunks` has the
    data of each read from the server.
    """

    server: int
    left: int = EVERYTHING
    ending: Ending = "close"
    piecewise: bool = False
    damaged: int | None = None
    chunks: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.server)
        forwarding = asyncio.create_task(_copy(reader, server_writer))
        try:
            if await self._forward_response(server_reader, writer):
                await self._end(reader, writer)
        finally:
            forwarding.cancel()
            server_writer.transport.abort()
            await asyncio.gather(forwarding, server_writer.wait_closed(), return_exceptions=True)

    async def _forward_response(self, server_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Return whether to end the connection as specified by `ending`. False if the server has ended it."""
        while self.left > 0:
            data = await server_reader.read(65_536)
            if not data:
                writer.write_eof()
                return False
            forwarded = self._damage(data, sum(map(len, self.chunks)))[: self.left]
            self.chunks.append(data)
            self.left -= len(forwarded)
            for piece in _bytes(forwarded) if self.piecewise else (forwarded,):
                writer.write(piece)
                await asyncio.sleep(0)
        return True

    def _damage(self, data: bytes, before: int) -> bytes:
        if self.damaged is None or not 0 <= (at := self.damaged - before) < len(data):
            return data
        return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]

    async def _end(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.ending == "close":
            writer.write_eof()
            await asyncio.Event().wait()  # until the test ends, like a server that does not answer
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Edit:
    """The replacement of `deleted` bytes at a position of the response by other bytes."""

    at: int
    deleted: int
    inserted: bytes


@dataclass
class EditingRelay(Relay):
    """Applies edits to the response, and ends the connection after the first chunk with an edit.

    Later edits have no effect, because the client may wait for the rest of the edited chunk.
    """

    edits: Sequence[Edit] = ()

    def _damage(self, data: bytes, before: int) -> bytes:
        """Return the chunk with its edits, the last position first, so that the positions of the others are valid."""
        edited, end = data, before + len(data)
        for edit in sorted(self.edits, key=lambda edit: edit.at, reverse=True):
            if before <= edit.at < end:
                at = edit.at - before
                edited = edited[:at] + edit.inserted + edited[at + edit.deleted :]
        if any(edit.at < end for edit in self.edits):
            self.left = len(edited)
        return edited


def _bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
        writer.write_eof()


@contextlib.asynccontextmanager
async def run_relay(relay: Relay) -> AsyncIterator[int]:
    """Run the relay while the `with` block runs, and yield its port."""
    async with serve_tcp(relay) as port:
        yield port


def truncation_positions(chunks: list[bytes]) -> list[int]:
    """Return positions for truncating a response: around the ends of its chunks, and distributed over all of it."""
    ends = [0]
    for chunk in chunks:
        ends.append(ends[-1] + len(chunk))
    total = ends[-1]
    near = {end + by for end in ends for by in (-1, 0, 1)}
    spread = {total * part // SPREAD for part in range(SPREAD)}
    return sorted(place for place in near | spread if 0 <= place <= total)


def end_of_chunk(chunks: list[bytes], at: int) -> int:
    """Return the end position of the chunk that contains this position."""
    ends = itertools.accumulate(map(len, chunks))
    return next((end for end in ends if end > at), at + 1)
