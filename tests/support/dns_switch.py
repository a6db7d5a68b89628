"""A real name server whose answer a test changes, as a global load balancer does in a failover."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from tests.support.nameserver import dns_records, nameserver

if TYPE_CHECKING:
    import dns.message


class DnsSwitch:
    """Answers every query for an address with `address`, without a time to live."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 0

    @contextlib.contextmanager
    def serving(self) -> Iterator[DnsSwitch]:
        """Answer while the `with` block runs, in a thread with an event loop of its own."""
        started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        thread.start()
        self.port, loop, stop = started.result(timeout=60)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()

    async def _serve(self, started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
        stop = asyncio.Event()
        try:
            async with nameserver(self._answer) as port:
                started.set_result((port, asyncio.get_running_loop(), stop))
                await stop.wait()
        except OSError as error:
            started.set_exception(error)

    def _answer(self, query: dns.message.QueryMessage) -> Iterable[bytes]:
        return dns_records(f"A {self.address}")(query)
