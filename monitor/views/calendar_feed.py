"""Planned maintenance as an iCalendar feed (RFC 5545), which calendar programs subscribe to.

Each occurrence of a recurrence is an event of its own, and times are in UTC: so a program shows the instants that are
in the record, also on days when clocks change and where the program's time zone rules are older.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import icalendar

from monitor.facts.maintenance_events import maintenance_events
from monitor.language import ENGLISH
from monitor.views.formatting import shorten
from sla.interval import DAY, SECOND, Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from monitor.config.model import Portfolio
    from monitor.config.status_pages import StatusPage
    from monitor.facts.fact_index import Facts
    from monitor.facts.maintenance_events import MaintenanceEvent
    from monitor.language import Language

PAST: Final = 31 * DAY
AHEAD: Final = 180 * DAY
MAX_EVENTS: Final = 1_000
_REFRESH: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A maintenance event with the texts that its readers may see."""

    event: MaintenanceEvent
    uid: str
    summary: str
    description: str = ""


def feed_span(now: int) -> Interval:
    """Return the time that feeds cover."""
    return Interval(now - PAST, now + AHEAD)


def private_feed(facts: Facts, portfolio: Portfolio, now: int, products: Collection[str] = ()) -> bytes:
    """Return the feed of the products, or of all, with reasons and authors. Maintenance of all products is included."""
    names = {product.id: product.name for product in portfolio.products}
    events = [
        FeedEvent(event, event.id, f"Maintenance: {_subject(event, names)}", _description(event))
        for event in maintenance_events(facts, portfolio, feed_span(now))
        if not products or not event.product or event.product in products
    ]
    url = f"{portfolio.public_url.rstrip('/')}/calendar" if portfolio.public_url else ""
    return calendar(f"Maintenance: {portfolio.title}", events, portfolio.time_zone, now, url)


def public_feed(facts: Facts, portfolio: Portfolio, page: StatusPage, now: int, language: Language = ENGLISH) -> bytes:
    """Return the feed of a status page: the names of its components and times, without reasons, authors and ids."""
    events, title = [], language.gettext("Maintenance: {names}")
    for event in maintenance_events(facts, portfolio, feed_span(now)):
        names = [component.name for component in page.components if event.product in ("", component.product)]
        if names:
            uid = hashlib.sha256(f"{page.id}\0{event.id}".encode()).hexdigest()[:20]
            events.append(FeedEvent(event, uid, title.format(names=", ".join(names))))
    url = page.address(portfolio.public_url).rstrip("/")
    return calendar(title.format(names=page.title), events, portfolio.time_zone, now, url)


def calendar(title: str, events: Iterable[FeedEvent], zone: str, now: int, url: str = "") -> bytes:
    """Return the events as an iCalendar file, at most the `MAX_EVENTS` that are closest to now. `url` may be empty."""
    feed = icalendar.Calendar()
    feed.add("PRODID", "-//ninewatch//maintenance//EN")
    feed.add("VERSION", "2.0")
    feed.add("METHOD", "PUBLISH")
    for name in ("NAME", "X-WR-CALNAME"):
        feed.add(name, _line(title))
    feed.add("X-WR-TIMEZONE", zone)
    feed.add("REFRESH-INTERVAL", _REFRESH, parameters={"VALUE": "DURATION"})
    feed.add("X-PUBLISHED-TTL", "PT1H")
    for event in _closest(events, now):
        feed.add_component(_component(event, url))
    return bytes(feed.to_ical())


def _closest(events: Iterable[FeedEvent], now: int) -> Iterator[FeedEvent]:
    closest = sorted(events, key=lambda row: abs(row.event.interval.start - now))[:MAX_EVENTS]
    yield from sorted(closest, key=lambda row: (row.event.interval.start, row.uid))


def _component(row: FeedEvent, url: str) -> icalendar.Event:
    event, component = row.event, icalendar.Event()
    component.add("UID", f"{row.uid}@ninewatch")
    component.add("DTSTAMP", _time(event.changed))
    component.add("CREATED", _time(event.made))
    component.add("LAST-MODIFIED", _time(event.changed))
    component.add("SEQUENCE", event.sequence)
    component.add("DTSTART", _time(event.interval.start))
    component.add("DTEND", _time(event.interval.end))
    component.add("SUMMARY", _line(row.summary))
    component.add("STATUS", "CANCELLED" if event.cancelled else "CONFIRMED")
    component.add("TRANSP", "TRANSPARENT")  # a reader's own time is not taken
    component.add("CATEGORIES", ["MAINTENANCE"])
    if row.description:
        component.add("DESCRIPTION", _line(row.description))
    if url:
        component.add("URL", url)
    return component


def _subject(event: MaintenanceEvent, names: dict[str, str]) -> str:
    return names.get(event.product, event.product) if event.product else "all products"


def _description(event: MaintenanceEvent) -> str:
    source = "from the configuration" if event.window is None else f"planned by {event.window.author}"
    return f"{event.reason} ({source})" if event.reason else source


def _line(text: str) -> str:
    """Return the text on one line without control characters, which the format does not allow."""
    return shorten(text, 500)


def _time(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at // SECOND)
