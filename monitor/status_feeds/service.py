"""Read the public status feeds of suppliers at a modest interval, and record what they state."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import structlog

from monitor.http.check import HttpCheck
from monitor.http.exchange import redirect_follower
from monitor.http.rate_limit import MAX_WAIT, retry_after
from monitor.http.request import request_of
from monitor.network.failure import ProbeFailure, error_text
from monitor.status_feeds.changes import Reading, new_statements
from monitor.status_feeds.formats import MAX_BYTES, FeedError, problems_in
from sla.interval import HOUR, SECOND
from sla.supplier_statement import FeedState, feed_states, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.clock import Clock
    from monitor.config.model import Product
    from monitor.config.status_feed import StatusFeed
    from monitor.http.response import Response
    from monitor.ledger.ledger import Ledger
    from monitor.network.attempt import Attempt
    from monitor.status_feeds.formats import Problem
    from sla.fact import Fact

    MakeAttempt = Callable[[], Attempt]

log = structlog.get_logger()

CHECK_INTERVAL: Final = 5.0  # seconds between two checks for due feeds
UNREADABLE_AFTER: Final = 3  # failures in a row, so that one lost request adds no fact
MAX_DELAY: Final = HOUR  # between two requests while they fail
REDIRECTS: Final = 3
NOT_MODIFIED: Final = 304

_follow = redirect_follower(REDIRECTS)


@dataclass(slots=True)
class _Source:
    """The state of one URL: when it is due (monotonic), its failures in a row, and its last successful reading.

    `previous` has the instant of that reading for each product and its components.
    """

    due: float = 0.0
    failures: int = 0
    previous: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    validators: dict[str, str] = field(default_factory=dict)  # the headers of a conditional request


@dataclass(slots=True)
class StatusFeeds:
    """A service that reads the feeds of all products, each URL once. `add` records facts."""

    ledger: Ledger
    add: Callable[[Sequence[Fact]], None]
    clock: Clock
    _sources: dict[tuple[str, str], _Source] = field(default_factory=dict)

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Read due feeds every few seconds, forever."""
        while True:
            await self.clock.sleep_until(self.clock.monotonic() + CHECK_INTERVAL)
            try:
                await self.read_due_feeds(make_attempt)
            except Exception:  # a defect must not end the daemon
                log.exception("status_feeds_defect")

    async def read_due_feeds(self, make_attempt: MakeAttempt) -> None:
        """Read each feed that is due, and record the end of the feeds that are no longer configured."""
        products: dict[tuple[str, str], list[tuple[Product, StatusFeed]]] = {}
        for product in self.ledger.portfolio.products:
            if (feed := product.status_feed) is not None:
                products.setdefault((feed.format, feed.url), []).append((product, feed))
        self._sources = {key: self._sources.get(key, _Source()) for key in products}
        self._end_removed()
        now = self.clock.monotonic()
        due = [(source, products[key]) for key, source in self._sources.items() if source.due <= now]
        readings = (self._read(source, readers, make_attempt()) for source, readers in due)
        for defect in await asyncio.gather(*readings, return_exceptions=True):
            if defect is not None:
                log.error("status_feeds_defect", exc_info=defect)

    def _end_removed(self) -> None:
        """Record that the feeds of products without a configured feed are not read."""
        without = (product.id for product in self.ledger.portfolio.products if product.status_feed is None)
        read = [product for product in without if self._is_readable(product)]
        self._set_readable(read, readable=False, error="not configured")

    async def _read(self, source: _Source, readers: Sequence[tuple[Product, StatusFeed]], attempt: Attempt) -> None:
        """Read a feed for the products that use it, and set the time of the next request."""
        feed = min((feed for _, feed in readers), key=lambda feed: feed.interval)
        ids = [product.id for product, _ in readers]
        source.due = self.clock.monotonic() + feed.interval / SECOND  # also if a defect ends this method
        try:
            async with asyncio.timeout(feed.timeout / SECOND):
                attempt.limit(feed.timeout / SECOND)
                response = await _request(feed, source, attempt)
            await self._accept(feed, source, response)
        except (FeedError, ProbeFailure, OSError) as error:
            self._record_failure(feed, source, ids, error)
            return
        now = self.clock.now()
        for product, own in readers:
            known = statements(self.ledger.facts.of_supplier(product.id))
            reading = Reading(source.problems, now, source.previous.get((product.id, own.components)))
            facts = list(new_statements(product.id, own, reading, known, self._observed_since(product.id)))
            if facts:
                self.add(facts)
        source.previous, source.failures = {(product.id, own.components): now for product, own in readers}, 0
        source.due = self.clock.monotonic() + feed.interval / SECOND
        self._set_readable(ids, readable=True)

    async def _accept(self, feed: StatusFeed, source: _Source, response: Response) -> None:
        """Take the problems of a response.

        Raises:
            FeedError: the response is not a feed.
        """
        if response.status == NOT_MODIFIED and source.validators:
            return
        if response.status != 200:
            raise _StatusError(response)
        if response.truncated:
            raise FeedError(f"longer than {MAX_BYTES >> 20} MiB")
        source.problems = await asyncio.to_thread(problems_in, bytes(response.body), feed.format)
        names = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
        source.validators = {header: response.headers[name] for name, header in names if name in response.headers}

    def _record_failure(
        self, feed: StatusFeed, source: _Source, ids: Sequence[str], error: FeedError | ProbeFailure | OSError
    ) -> None:
        """Set the time of the next request: later with each failure in a row, and not before a requested wait."""
        delay = min(feed.interval * 2**source.failures, max(MAX_DELAY, feed.interval))
        if isinstance(error, _StatusError):
            requested = retry_after(error.response.headers, self.clock.now())
            delay = max(delay, min(requested or 0, MAX_WAIT))
        source.failures = min(source.failures + 1, 20)
        source.due = self.clock.monotonic() + delay / SECOND
        text = str(error) if isinstance(error, FeedError) else error_text(error)
        log.warning("status_feed_not_read", products=ids, error=text, advice=f"retried in {delay // SECOND} s")
        if source.failures == UNREADABLE_AFTER:
            self._set_readable(ids, readable=False, error=text)

    def _set_readable(self, ids: Sequence[str], *, readable: bool, error: str = "") -> None:
        """Record for each product whether its feed can be read, if that changed."""
        changed = [product for product in ids if self._is_readable(product) is not readable]
        if changed:
            self.add([FeedState(product, self.clock.now(), readable, error).fact() for product in changed])

    def _is_readable(self, product: str) -> bool | None:
        states = feed_states(self.ledger.facts.of_supplier(product))
        return states[-1].readable if states else None

    def _observed_since(self, product: str) -> int | None:
        firsts = (entry.timeline.first_observation_at for entry in self.ledger.entries_of(product))
        return min((first for first in firsts if first is not None), default=None)


class _StatusError(FeedError):
    """The response has another status than 200."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.response = response


async def _request(feed: StatusFeed, source: _Source, attempt: Attempt) -> Response:
    """Send a request, conditional if an earlier response can be validated."""
    check = HttpCheck.model_construct(
        id="status-feed",
        timeout=feed.timeout,
        http=feed.url,
        headers=dict(source.validators),
        body_limit=MAX_BYTES,
        tls=feed.tls,
    )
    return await _follow(attempt, replace(request_of(check)).ready())
