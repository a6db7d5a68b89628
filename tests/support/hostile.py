"""A process of its own full of targets that misbehave, each on a port: `python -m tests.support.hostile`.

It writes one line of JSON, name to port, and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
OPENING = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OPENING + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = gzip.compress(b"\0" * 50_000_000)


async def _say(said: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(said)
    await writer.drain()


async def _say_and_stay(said: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _say(said, reader, writer)
    await reader.read()


async def _spill(said: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak before being asked, as something that is no HTTP server does."""
    writer.write(said)
    await writer.drain()
    await reader.read()


async def _endless(opening: bytes, piece: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _say(opening, reader, writer)
    while True:
        writer.write(piece)
        await writer.drain()


async def _drip(opening: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte ten times a second: a slow-loris."""
    await _say(opening, reader, writer)
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)


def _plain() -> Iterator[tuple[str, Handler]]:
    """Yield targets of http checks by name."""
    yield "healthy", functools.partial(_say, OK)
    yield "slow-headers", functools.partial(_drip, OPENING + b"X-Slow: ")
    yield "slow-status", functools.partial(_drip, b"HT")
    yield "slow-body", functools.partial(_drip, OPENING + b"Content-Length: 1000000\r\n\r\n")
    yield "slow-chunks", functools.partial(_drip, CHUNKED + b"ffffff\r\n")
    yield "endless-body", functools.partial(_endless, OPENING + b"\r\n", b"x" * 65_536)
    yield "endless-chunks", functools.partial(_endless, CHUNKED, b"1\r\nx\r\n" * 10_000)
    yield "endless-extension", functools.partial(_endless, CHUNKED + b"5;", b"x" * 65_536)
    yield "endless-trailers", functools.partial(_endless, CHUNKED + b"0\r\n", b"X-More: and more\r\n" * 3_000)
    yield "endless-headers", functools.partial(_endless, OPENING, b"X-More: and more\r\n" * 3_000)
    yield "endless-header", functools.partial(_endless, OPENING + b"X-Long: ", b"x" * 65_536)
    yield "endless-status", functools.partial(_endless, b"HTTP/1.1 200 ", b"x" * 65_536)
    yield "endless-promises", functools.partial(_endless, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)
    bomb = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
    yield "gzip-bomb", functools.partial(_say, OPENING + bomb + BOMB)
    yield "redirect-loop", functools.partial(_say, b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
    yield "redirect-file", functools.partial(_say, b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n")
    yield "redirect-nowhere", functools.partial(_say, b"HTTP/1.1 302 F\r\nLocation: http://[::bad\r\n\r\n")
    yield "garbage", functools.partial(_spill, bytes(range(256)) * 100)
    yield "ssh", functools.partial(_spill, b"SSH-2.0-OpenSSH_9.2\r\n")
    yield "nul", functools.partial(_say, OPENING + b"X: \x00\r\n\r\n")
    yield "two-lengths", functools.partial(_say, OPENING + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab")
    yield "length-and-chunks", functools.partial(_say, CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n0\r\n\r\n")
    yield "negative-length", functools.partial(_say, OPENING + b"Content-Length: -1\r\n\r\n")
    yield "huge-length", functools.partial(_say, OPENING + b"Content-Length: 9999999999999999999999\r\n\r\n")
    yield "http-09", functools.partial(_say, b"<html>hello</html>")
    yield "cut-short", functools.partial(_say, OPENING + b"Content-Length: 100\r\n\r\nhalf")
    yield "deep-json", functools.partial(_say, OPENING + b"\r\n" + b"[" * 500_000)
    yield "markup", functools.partial(_say, OPENING + b"X-Said: <script>\x1b[31m\r\n\r\n<script>alert(1)</script>")
    yield "silent", _silent
    yield "hang-up", _hang_up
    yield "says-nothing", functools.partial(_say, b"")


def _encrypted() -> Iterator[tuple[str, Handler]]:
    """Yield targets of tls checks by name."""
    yield "tls-stall", _silent
    yield "tls-garbage", functools.partial(_spill, b"\x16\x03\x03\xff\xff" + b"\xff" * 70_000)
    yield "tls-drip", _tls_drip
    yield "tls-hang-up", _hang_up


async def _tls_drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"\x16")
        await writer.drain()
        await asyncio.sleep(0.1)


def names() -> tuple[list[str], list[str]]:
    """Return the targets of http and of tls checks, the healthy one not among them."""
    return [name for name, _ in _plain() if name != "healthy"], [name for name, _ in _encrypted()]


def _patient(handler: Handler) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    return handle


async def _serve() -> None:
    ports = {}
    for name, handler in (*_plain(), *_encrypted()):
        server = await asyncio.start_server(_patient(handler), "127.0.0.1", 0)
        ports[name] = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # without a word about all the connections that are cut off by it


if __name__ == "__main__":
    asyncio.run(_serve())
