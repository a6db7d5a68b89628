"""Repeat a name lookup until it is answered or cancelled, because queries get lost and some responses are slow.

c-ares allows a server 5 times its average response time, at least 250 ms, and drops a later response; after 3
measurements no option raises that. Repeated queries therefore use channels without measurements, where each query
waits for its response until the end.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import aiodns
import pycares

Nodes: TypeAlias = "list[pycares.AddrInfoNode]"
Query: TypeAlias = "asyncio.Future[pycares.AddrInfoResult]"

RESOLUTION_DELAY = 0.05  # seconds that one family's addresses wait for the other family's (RFC 8305, 3)
PREFERRED_DELAY = 1.0  # the same if the caller prefers the other family
_FIRST_PAUSE, _GROWTH = 0.2, 1.2  # seconds to the next query: 10 in 3 s, enough for a response at 30 % loss
_GENERATION = 10.0  # seconds for which new queries use the same channels

# Errors of a query without a response: another query or server may still respond.
_UNANSWERED = {pycares.errno.ARES_ETIMEOUT, pycares.errno.ARES_ECANCELLED, pycares.errno.ARES_EDESTRUCTION}
_REFUSED = pycares.errno.ARES_ECONNREFUSED
_NOT_IN_FAMILY = pycares.errno.ARES_ENODATA
_FAMILIES: dict[int, tuple[int, ...]] = {socket.AF_UNSPEC: (socket.AF_INET6, socket.AF_INET)}


@dataclass(slots=True, eq=False)
class _Channels:
    """One channel per server; each starts with a different server."""

    resolvers: list[aiodns.DNSResolver]
    created_at: float
    users: int = 0
    retired: bool = False


class FreshChannels:
    """Channels without measurements, replaced after their first response and closed when no lookup uses them.

    `make` creates new channels.
    """

    def __init__(self, make: Callable[[], list[aiodns.DNSResolver]]) -> None:
        self._make = make
        self._current: _Channels | None = None
        self._open: set[_Channels] = set()

    def borrow(self) -> _Channels:
        """Return channels to query; return them with `release`."""
        now = asyncio.get_running_loop().time()
        current = self._current
        if current is not None and now > current.created_at + _GENERATION:
            self.retire(current)
        if current is None or current.retired:
            current = self._current = _Channels(self._make(), now)
            self._open.add(current)
        current.users += 1
        return current

    def retire(self, channels: _Channels) -> None:
        """Stop new queries on these channels, which have a measurement or many queries."""
        channels.retired = True
        self._close_unused(channels)

    def release(self, channels: _Channels) -> None:
        """Return borrowed channels."""
        channels.users -= 1
        self._close_unused(channels)

    def _close_unused(self, channels: _Channels) -> None:
        if channels.retired and not channels.users and channels in self._open:
            self._open.remove(channels)
            _close(channels)

    def close(self) -> None:
        """Cancel running queries and release the sockets."""
        for channels in self._open:
            _close(channels)
        self._open.clear()


def _close(channels: _Channels) -> None:
    for resolver in channels.resolvers:
        resolver.cancel()  # here and not in pycares' thread, which may outlive the loop
        resolver._cleanup()  # the rest of `close`, which is a coroutine


class RepeatedLookup:
    """A lookup without an immediate response. `first` is the running query, for both families if both are acceptable.

    Each further query is for one family, so that a lost response for one family does not affect the other. `preferred`
    is the family with the longer wait, AF_UNSPEC for none.
    """

    def __init__(
        self, channels: FreshChannels, first: Query, server: tuple[str, int], family: int, preferred: int
    ) -> None:
        self._channels, (self._host, self._port) = channels, server
        self._families: Sequence[int] = _FAMILIES.get(family, (family,))
        self._preferred = preferred
        self._nodes: dict[int, Nodes] = {}
        self._errors: dict[int, aiodns.error.DNSError] = {}
        self._sufficient_at = math.inf  # loop time from which one family's addresses suffice
        self._unanswered = set(_UNANSWERED)
        self._borrowed: list[_Channels] = []
        self._queries: dict[Query, tuple[int, _Channels | None]] = {first: (family, None)}

    async def run(self, on_repeat: Callable[[], object]) -> list[Nodes]:
        """Return the nodes in one sorted list, or in one list per family. `on_repeat` is called before each query.

        Raises:
            aiodns.error.DNSError: no address in any family, or no server to query.
        """
        try:
            for number, pause in enumerate(pauses()):
                on_repeat()
                self._query(number)
                await self._wait_for_responses(pause)
                if self._sufficient_at <= asyncio.get_running_loop().time() or not self._open_families():
                    break
        finally:
            for query in self._queries:
                query.cancel()
            for channels in self._borrowed:
                self._channels.release(channels)
        return self._result()

    def _query(self, number: int) -> None:
        try:
            channels = self._channels.borrow()
        except pycares.AresError:  # no descriptor or thread left; running queries may still be answered
            return
        self._borrowed.append(channels)
        if len(channels.resolvers) > 1:
            self._unanswered.add(_REFUSED)
        resolver = channels.resolvers[number % len(channels.resolvers)]
        for family in self._open_families():
            of_family = socket.AddressFamily(family)
            query = resolver.getaddrinfo(self._host, port=self._port, family=of_family, type=socket.SOCK_STREAM)
            self._queries[query] = family, channels

    def _open_families(self) -> list[int]:
        return [family for family in self._families if family not in self._nodes and family not in self._errors]

    async def _wait_for_responses(self, seconds: float) -> None:
        """Process responses for `seconds`, or until they suffice."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._open_families() and (remaining := min(end, self._sufficient_at) - loop.time()) > 0:
            if not self._queries:
                await asyncio.sleep(remaining)
                return
            completed, _ = await asyncio.wait(self._queries, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
            for query in completed:
                self._record_response(query, *self._queries.pop(query), loop.time())

    def _record_response(self, query: Query, family: int, channels: _Channels | None, now: float) -> None:
        error = query.exception()
        families = _FAMILIES.get(family, (family,))
        if error is None:
            nodes = query.result().nodes
            is_first = channels is None  # the first query's response is sorted across families
            self._nodes = dict.fromkeys(families, nodes) if is_first else {family: nodes, **self._nodes}
            preferred = self._preferred in (family, socket.AF_UNSPEC)
            self._sufficient_at = min(self._sufficient_at, now + (RESOLUTION_DELAY if preferred else PREFERRED_DELAY))
            if channels is not None:
                self._channels.retire(channels)
        elif isinstance(error, aiodns.error.DNSError) and error.args[0] not in self._unanswered:
            self._errors |= dict.fromkeys(families, error)

    def _result(self) -> list[Nodes]:
        if self._nodes:
            return list({id(nodes): nodes for nodes in self._nodes.values()}.values())
        raise min(self._errors.values(), key=lambda error: error.args[0] == _NOT_IN_FAMILY)


def pauses() -> Iterator[float]:
    """Yield the seconds between queries, endlessly."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause *= _GROWTH
