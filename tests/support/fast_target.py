"""A healthy target with minimal overhead, in a process of its own: `python -m tests.support.fast_target`.

It writes the port that it listens on, and serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import cast

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class _Healthy(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(OK)
            self._transport.close()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Healthy, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_serve())
