"""One descriptor that the event loop watches for all sockets of all probes.

Why not asyncio's transports or an HTTP client: at a hundred probes a second the cost is not the request, it is waking
up and building objects around it (aiohttp's client 1.2 ms of CPU a probe at that rate, this 0.15 ms). The answers of a
batch of probes arrive in one callback.
"""

from __future__ import annotations

import asyncio
import select


class Poller:
    """Tells a probe when its socket is ready. All sockets wait in one epoll, which waits in the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._watched: set[int] = set()
        loop.add_reader(self._epoll.fileno(), self._wake)

    def _wake(self) -> None:
        for descriptor, _ in self._epoll.poll(0):
            ready = self._waiting.pop(descriptor, None)
            if ready is not None and not ready.done():
                ready.set_result(None)

    def ready(self, descriptor: int, events: int) -> asyncio.Future[None]:
        """Return what is done once the descriptor can be read (or written); errors and hang-ups count as ready."""
        watch = self._epoll.modify if descriptor in self._watched else self._epoll.register
        watch(descriptor, events | select.EPOLLONESHOT)
        self._watched.add(descriptor)
        future = self._waiting[descriptor] = self._loop.create_future()
        return future

    def forget(self, descriptor: int) -> None:
        """Take notice that the descriptor is about to be closed, upon which the kernel stops watching it."""
        self._waiting.pop(descriptor, None)
        self._watched.discard(descriptor)

    def close(self) -> None:
        """Release the epoll descriptor."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
