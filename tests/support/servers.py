"""Real servers on loopback with configurable handlers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serve_tcp(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections with the handler while the `with` block runs, and yield the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        if context is None:  # TLS of Python 3.11 never resumes with a limit of 0
            writer.transport.set_write_buffer_limits(0)  # `drain` waits for all bytes: `abort` discards the buffer
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read and return the head of a request."""
    return await reader.readuntil(b"\r\n\r\n")


def respond_with(answer: bytes) -> Handler:
    """Return a handler that reads a request, sends these bytes, and closes the connection."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            await reader.read()

    return handler


def repeat_piece(piece: bytes, opening: bytes = b"") -> Handler:
    """Return a handler that sends an opening and then the same piece endlessly."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(opening)
        while True:
            writer.write(piece)
            await writer.drain()

    return handler


async def send_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read all data and send no response."""
    await reader.read()


def http_response(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Return a complete HTTP/1.1 response. Header names have _ instead of -."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
