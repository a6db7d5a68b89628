"""Connection handlers of faulty targets. Each handler ends at the latest when the client disconnects."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from tests.support.servers import read_request

if TYPE_CHECKING:
    from tests.support.servers import Handler

_PACE = 0.07  # seconds between two bytes; no multiple of it equals a deadline


def answer_with(data: bytes) -> Handler:
    """Return a handler that reads a request, sends this data, and ends the stream."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            await reader.read()

    return handler


def answer_and_stay_open(data: bytes) -> Handler:
    """Return a handler that reads a request, sends this data, and keeps the connection open."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        await reader.read()

    return handler


def reset_after(data: bytes = b"", *, after_request: bool = True) -> Handler:
    """Return a handler that reads a request (or only accepts), sends this data, and resets the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if after_request:
            await read_request(reader)
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.05 if data else 0)  # otherwise the reset arrives before the data
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handler


def send_slowly(piece: bytes, opening: bytes = b"", *, after_request: bool = True) -> Handler:
    """Return a handler that sends a piece fourteen times per second, endlessly (slow loris)."""
    return _endless(piece, opening, after_request=after_request, pause=_PACE)


def send_endlessly(piece: bytes, opening: bytes = b"", *, after_request: bool = False) -> Handler:
    """Return a handler that sends a piece endlessly, as fast as the client reads."""
    return _endless(piece, opening, after_request=after_request, pause=0.0)


def _endless(piece: bytes, opening: bytes, *, after_request: bool, pause: float) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if after_request:
            await read_request(reader)
        writer.write(opening)
        disconnect = asyncio.create_task(_wait_for_disconnect(reader))  # over TLS, drain() does not detect a disconnect
        try:
            while not disconnect.done():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        finally:
            disconnect.cancel()

    return handler


async def _wait_for_disconnect(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        await reader.read()


def read_and_close(count: int = 10, data: bytes = b"") -> Handler:
    """Return a handler that reads a few bytes, sends this data, and closes the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(count)
        writer.write(data)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return handler
