"""Test servers with scripted responses to lines or datagrams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tests.support.servers import Handler


def reply_to_lines(replies: dict[bytes, bytes], greeting: bytes = b"") -> Handler:
    """Return a handler that sends a greeting and answers known lines. It disconnects after an unknown line."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            if line.strip() not in replies:
                return
            writer.write(replies[line.strip()])
            await writer.drain()

    return handler


def send_on_connect(message: bytes) -> Handler:
    """Return a handler that sends this data, and reads until the client disconnects."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(message)
        await reader.read()

    return handler


def send_and_close(message: bytes = b"") -> Handler:
    """Return a handler that sends this data and closes the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(message)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return handler


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answering: Callable[[bytes], list[bytes]]) -> None:
        self._answering = answering

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
        for reply in self._answering(data):
            self._transport.sendto(reply, sender)


@contextlib.asynccontextmanager
async def serve_datagrams(answering: Callable[[bytes], list[bytes]]) -> AsyncIterator[int]:
    """Answer datagrams on loopback while the `with` block runs, and yield the port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(answering), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
