"""One address of a simulated product: an HTTP server on loopback that can change its behaviour or close."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from monitor.demo import responses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from monitor.clock import Clock
    from monitor.demo.modes import Behaviour

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

HOST = "127.0.0.1"
_GRACE = 0.01  # seconds for requests in progress when a listener closes; 0 would mean no limit in aiohttp


class Server:
    """An HTTP server on a port that stays reserved while it is closed.

    A second socket is bound to the port and never listens, so that the kernel refuses connections and does not assign
    the port to another server or to an outgoing connection (which could connect to itself).
    """

    def __init__(self, reserved: socket.socket, handler: Handler) -> None:
        self.port: int = reserved.getsockname()[1]
        self._reserved = reserved
        self._handler = handler
        self._runner: web.ServerRunner | None = None

    async def open(self) -> None:
        """Listen; connections are accepted when this returns."""
        if self._runner is None:
            self._runner = web.ServerRunner(
                web.Server(self._handler, handler_cancellation=True), shutdown_timeout=_GRACE
            )
            await self._runner.setup()
            await web.TCPSite(self._runner, HOST, self.port, reuse_address=True).start()

    async def close(self) -> None:
        """Close the listening socket and all connections; new ones are refused when this returns."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def release(self) -> None:
        """Close and release the port."""
        await self.close()
        self._reserved.close()


class Listener:
    """One listener of a product, which responds according to its current behaviour."""

    def __init__(self, reserved: socket.socket, clock: Clock) -> None:
        self.server = Server(reserved, self._handle)
        self._clock = clock
        self._behaviour: Behaviour | None = None

    async def set_behaviour(self, behaviour: Behaviour) -> None:
        """Set the behaviour, and open or close the port accordingly.

        A delayed response in progress still uses the previous behaviour.
        """
        self._behaviour = behaviour
        await (self.server.close() if behaviour.closed else self.server.open())

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        behaviour = self._behaviour
        if behaviour is None:
            raise RuntimeError("request before the first behaviour was set")
        if behaviour.delay:
            await self._clock.sleep_until(self._clock.monotonic() + behaviour.delay)
        request[responses.BODY] = await request.read()
        return responses.answer(behaviour.routes, request, self._clock.now())


def reserve(count: int, base: int) -> list[socket.socket]:
    """Return sockets bound to the ports base, base + 1, ..., or to any free ports if base is 0 or one is in use.

    The first port is that of the control server, which always listens, so two demos never share a block of ports.
    """
    if base:
        with suppress(OSError):
            return _bind([base + offset for offset in range(count)])
    return _bind([0] * count)


def _bind(ports: Sequence[int]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for port in ports:
            sockets.append(sock := socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((HOST, port))
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets
