"""What targets do to whoever connects. Each handler ends when the other hangs up, at the latest."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from tests.support.servers import read_request

if TYPE_CHECKING:
    from tests.support.servers import Handler

_PACE = 0.07  # seconds between two bytes: no multiple of it is a deadline


def answering(said: bytes) -> Handler:
    """Return a handler that takes a request, says this, and ends the stream."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(said)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            await reader.read()

    return handler


def answering_and_staying(said: bytes) -> Handler:
    """Return a handler that takes a request, says this, and leaves the connection open."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(said)
        await reader.read()

    return handler


def resetting(said: bytes = b"", *, asked: bool = True) -> Handler:
    """Return a handler that takes a request (or only the connection), says this, and cuts the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asked:
            await read_request(reader)
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(0.05 if said else 0)  # else the reset overtakes what was said
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handler


def dripping(piece: bytes, opening: bytes = b"", *, asked: bool = True) -> Handler:
    """Return a handler that says a piece fourteen times a second, without end: a slow-loris."""
    return _endless(piece, opening, asked=asked, pause=_PACE)


def flooding(piece: bytes, opening: bytes = b"", *, asked: bool = False) -> Handler:
    """Return a handler that says a piece as often as the other takes it, without end."""
    return _endless(piece, opening, asked=asked, pause=0.0)


def _endless(piece: bytes, opening: bytes, *, asked: bool, pause: float) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if asked:
            await read_request(reader)
        writer.write(opening)
        gone = asyncio.create_task(_gone(reader))  # over TLS, drain() does not tell
        try:
            while not gone.done():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        finally:
            gone.cancel()

    return handler


async def _gone(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        await reader.read()


def listening_and_leaving(count: int = 10, said: bytes = b"") -> Handler:
    """Return a handler that reads a few bytes, says this, and closes the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(count)
        writer.write(said)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return handler
