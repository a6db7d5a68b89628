"""A small HTTP proxy that forwards requests in absolute form, and opens tunnels for CONNECT."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.servers import read_request


@dataclass
class Proxy:
    """A proxy with its received requests and its behaviour.

    `authorization` is the required Proxy-Authorization; requests without it get 407. `refusal` is the status of
    responses to CONNECT, if set. Names are looked up only in `names`.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    refusal: str = ""
    heads: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        head = (await read_request(reader)).decode()
        self.heads.append(head)
        method, target, _ = head.split("\r\n")[0].split(" ")
        if self.authorization and f"Proxy-Authorization: {self.authorization}\r\n" not in head:
            await _respond(writer, "407 Proxy Authentication Required")
        elif method != "CONNECT":
            await self._forward(head, target, reader, writer)
        elif self.refusal:
            await _respond(writer, self.refusal)
        else:
            await self._tunnel(target, reader, writer)

    async def _open_target(self, authority: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        url = urlsplit(f"//{authority}")
        name = url.hostname or ""
        return await asyncio.open_connection(self.names.get(name, name), url.port or 80)

    async def _forward(
        self, head: str, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        url = urlsplit(target)
        assert url.scheme == "http", "only an absolute form names its host"
        target_reader, target_writer = await self._open_target(url.netloc)
        lines = [line for line in head.split("\r\n") if not line.startswith("Proxy-")]
        target_writer.write("\r\n".join(lines).replace(f"http://{url.netloc}", "", 1).encode())
        await copy_both_ways(reader, writer, target_reader, target_writer)

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await self._open_target(target)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await copy_both_ways(reader, writer, target_reader, target_writer)


async def _respond(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    await writer.drain()


async def copy_both_ways(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target_reader: asyncio.StreamReader,
    target_writer: asyncio.StreamWriter,
) -> None:
    """Copy bytes in both directions until the target closes its side."""
    sending = asyncio.create_task(_copy(reader, target_writer))
    try:
        await _copy(target_reader, writer)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        target_writer.transport.abort()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
