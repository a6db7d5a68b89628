"""Report changes of the shown state to open pages, for /events.

While there are readers, one task compares the state with that of a second ago. Without readers it does not run. All
readers get the same message, so that a reader costs one write per message.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from monitor.views.shown_state import shown_state
from monitor.views.time_slice import TimeSlices
from monitor.web.connection_limit import capacity

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv6Network
    from typing import TypeAlias

    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident

    Client: TypeAlias = IPv4Address | IPv6Network | None

log = structlog.get_logger(__name__)

INTERVAL: Final = 1.0  # seconds between two comparisons
PAUSE: Final = 5.0  # seconds between two messages: the first change is reported at once, then they are combined
HEARTBEAT: Final = 15.0  # seconds between two heartbeats
LIFETIME: Final = 300.0  # seconds after which a stream ends and the browser connects again, so that access is checked
MAX_UNSENT: Final = 8_192  # bytes that a stream may be behind
MAX_NAMED: Final = 50  # products in one message; a message without products is about all
PER_CLIENT: Final = 32  # streams of one remote client network
_RETRY, _RETRY_SPREAD, _RETRY_STEP = 2_000, 3_000, 613  # milliseconds; the delays of readers differ
_HEARTBEAT_COMMENT: Final = b": heartbeat\n\n"


class Stream:
    """The messages for one reader. `client` is its network, None for loopback. It ends at the moment `until`."""

    def __init__(self, client: Client, until: float, is_admitted: Callable[[], bool]) -> None:
        self.client, self.until, self.is_admitted = client, until, is_admitted
        self.is_open = True
        self.unsent = b""
        self._changed = asyncio.Event()

    def send(self, message: bytes) -> None:
        """Queue a message. A reader that is too far behind is dropped."""
        if len(self.unsent) > MAX_UNSENT:
            self.end()
            return
        self.unsent += message
        self._changed.set()

    def end(self) -> None:
        """End the stream."""
        self.is_open = False
        self._changed.set()

    async def next(self) -> bytes:
        """Wait for messages and return them. Empty at the end."""
        await self._changed.wait()
        self._changed.clear()
        message, self.unsent = self.unsent, b""
        return message if self.is_open else b""


class LiveUpdates:
    """The streams of a server, and the version of the shown state, which changes with it and with each start."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.streams: list[Stream] = []
        self._ledger, self._clock = ledger, clock
        self._start, self._changes, self._opened = f"{clock.now():x}", 0, 0
        self._states: dict[str, tuple[object, ...]] = {}
        self._basis: tuple[Portfolio, Facts] = ledger.portfolio, ledger.facts
        self._unreported: set[str] = set()
        self._quiet_until, self._next_heartbeat = 0.0, 0.0
        self._opening = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_stopped = False

    @property
    def version(self) -> str:
        """The version of the state at the last comparison."""
        return f"{self._start}-{self._changes}"

    def may_open(self, client: Client) -> bool:
        """Return whether the client may open another stream. Others need free connections for pages and probes."""
        limit = capacity()
        if self._is_stopped or len(self.streams) >= limit * 7 // 8:
            return False
        if client is None:
            return True
        own = sum(stream.client == client for stream in self.streams)
        return len(self.streams) < limit * 9 // 16 and own < min(PER_CLIENT, limit // 8)

    async def open(self, client: Client, is_admitted: Callable[[], bool]) -> Stream:
        """Return a new stream, which starts with the present version."""
        stream = Stream(client, self._clock.monotonic() + LIFETIME, is_admitted)
        async with self._opening:
            if not self.streams:
                await self.compare()
            self.streams.append(stream)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        self._opened += 1
        delay = _RETRY + self._opened * _RETRY_STEP % _RETRY_SPREAD
        stream.send(f"retry: {delay}\n".encode() + self._message(None))
        return stream

    def close(self, stream: Stream) -> None:
        """Remove a stream that has ended."""
        self.streams.remove(stream)

    async def stop(self, _: web.Application) -> None:
        """End all streams, and accept no more."""
        self._is_stopped = True
        for stream in self.streams:
            stream.end()
        if self._task is not None:
            self._task.cancel()

    async def compare(self) -> None:
        """Compare the shown state with that of the last comparison, and report what changed."""
        ledger, now, slices = self._ledger, self._clock.now(), TimeSlices(self._clock)
        basis = ledger.portfolio, ledger.facts
        open_incidents: dict[str, list[Incident]] = defaultdict(list)
        for incident in ledger.open_incidents():
            open_incidents[incident.product].append(incident)
        states = {}
        for product in ledger.portfolio.products:
            if product.id in ledger.products:  # a reload may remove it meanwhile
                states[product.id] = shown_state(ledger, product, open_incidents[product.id], now)
            await slices.yield_if_spent()
        changed = {name for name in states.keys() | self._states.keys() if states.get(name) != self._states.get(name)}
        if basis[0] is not self._basis[0]:
            self._end_streams(lambda _: True)  # the access may have changed
        if basis[1] is not self._basis[1]:
            changed |= states.keys()
        self._states, self._basis = states, basis
        self._changes += bool(changed)
        self._unreported |= changed
        self._report()

    def _report(self) -> None:
        moment = self._clock.monotonic()
        if not self.streams:
            self._unreported = set()
        if self._unreported and moment >= self._quiet_until:
            self.send(self._message(sorted(self._unreported)))
            self._unreported, self._quiet_until = set(), moment + PAUSE

    def send(self, message: bytes) -> None:
        """Send a message to all readers."""
        for stream in self.streams:
            stream.send(message)

    def _message(self, products: list[str] | None) -> bytes:
        """Return the event with the version and the changed products. Null: any may have changed."""
        named = products if products is not None and len(products) <= MAX_NAMED else None
        data = json.dumps({"version": self.version, "products": named}, separators=(",", ":"))
        return f"event: state\ndata: {data}\n\n".encode()

    def _end_streams(self, is_over: Callable[[Stream], bool]) -> None:
        for stream in self.streams:
            if is_over(stream):
                stream.end()

    async def _watch(self) -> None:
        """Compare every second while there are streams, send heartbeats, and end streams."""
        while self.streams:
            await self._clock.sleep_until(self._clock.monotonic() + INTERVAL)
            try:
                await self.compare()
            except Exception:
                log.exception("live_update_failed")
            self._end_streams(lambda stream: self._clock.monotonic() >= stream.until or not stream.is_admitted())
            if (moment := self._clock.monotonic()) >= self._next_heartbeat:
                self.send(_HEARTBEAT_COMMENT)
                self._next_heartbeat = moment + HEARTBEAT


LIVE: web.AppKey[LiveUpdates] = web.AppKey("live_updates", LiveUpdates)
