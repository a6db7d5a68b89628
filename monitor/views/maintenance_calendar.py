"""The maintenance calendar: planned maintenance in progress, upcoming and past, by day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from monitor.facts.maintenance_events import maintenance_events
from monitor.views.formatting import moment
from sla.interval import DAY, Interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from monitor.config.model import Portfolio
    from monitor.facts.fact_index import Facts
    from monitor.facts.maintenance_events import MaintenanceEvent
    from monitor.views.formatting import Moment

PAST: Final = 30 * DAY
MAX_ROWS: Final = 300  # per section


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the calendar. `id` is that of the added window; empty if it cannot be changed."""

    id: str
    product: str
    name: str
    start: Moment
    end: Moment
    times: str
    length: int
    reason: str
    source: str
    approved_by: str
    can_approve: bool
    cancelled: bool
    recurring: bool


@dataclass(frozen=True, slots=True)
class DayOfRows:
    """The events that start on a day."""

    date: str
    name: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Section:
    """Events by day. `more` is the number of events that are not shown."""

    name: str
    title: str
    empty: str
    days: Sequence[DayOfRows]
    count: int
    more: int


def maintenance_calendar(
    facts: Facts, portfolio: Portfolio, now: int, ahead: int, product: str = ""
) -> Sequence[Section]:
    """Return the sections: in progress, upcoming until `ahead`, and of the last 30 days, the newest first.

    With a product, only its maintenance and that of all products. Cancelled events are in the section of their time.
    """
    names = {known.id: known.name for known in portfolio.products}
    events = [
        event
        for event in maintenance_events(facts, portfolio, Interval(now - PAST, now + ahead))
        if not product or event.product in ("", product)
    ]
    running = [event for event in events if event.interval.start <= now < event.interval.end and not event.cancelled]
    upcoming = [event for event in events if event.interval.start > now]
    past = [event for event in events if event.interval.end <= now or (event.cancelled and event.interval.start <= now)]
    days = ahead // DAY
    return [
        _section(running, names, portfolio.zone, now, "now", "In progress", "No maintenance is in progress."),
        _section(upcoming, names, portfolio.zone, now, "upcoming", "Upcoming", f"None in the next {days} days."),
        _section(past[::-1], names, portfolio.zone, now, "past", "Last 30 days", "None in the last 30 days."),
    ]


def _section(
    events: Sequence[MaintenanceEvent],
    names: dict[str, str],
    zone: ZoneInfo,
    now: int,
    name: str,
    title: str,
    empty: str,
) -> Section:
    rows = [_row(event, names, zone, now) for event in events[:MAX_ROWS]]
    return Section(name, title, empty, _by_day(rows), len(events), max(0, len(events) - MAX_ROWS))


def _by_day(rows: Iterable[Row]) -> list[DayOfRows]:
    days = []
    for date, group in groupby(rows, key=lambda row: row.start.local[:10]):
        shown = list(group)
        days.append(DayOfRows(date, f"{dt.date.fromisoformat(date):%A %-d %B %Y}", shown))
    return days


def _row(event: MaintenanceEvent, names: dict[str, str], zone: ZoneInfo, now: int) -> Row:
    start, end = moment(event.interval.start, zone), moment(event.interval.end, zone)
    window = event.window
    changeable = window if window is not None and window.ended is None and window.interval.end > now else None
    return Row(
        id="" if changeable is None else changeable.id,
        product=event.product,
        name=names.get(event.product, event.product) if event.product else "All products",
        start=start,
        end=end,
        times=_times(start.local, end.local),
        length=event.interval.length,
        reason=event.reason,
        source="configuration" if window is None else window.author,
        approved_by="" if window is None or window.approval is None else window.approval.author,
        can_approve=changeable is not None and changeable.approval is None and event.interval.start > now,
        cancelled=event.cancelled,
        recurring=event.recurring,
    )


def _times(start: str, end: str) -> str:
    """Return the times of day, with the date of the end on another day and the zones where they differ.

    >>> _times("2026-12-06 02:00:00 PST", "2026-12-06 04:00:00 PST")
    '02:00 to 04:00 PST'
    >>> _times("2027-03-14 01:30:00 PST", "2027-03-15 00:30:00 PDT")
    '01:30 PST to 2027-03-15 00:30 PDT'
    """
    (day, at, zone), (end_day, end_at, end_zone) = start.split(), end.split()
    first = at[:5] if zone == end_zone else f"{at[:5]} {zone}"
    last = end_at[:5] if day == end_day else f"{end_day} {end_at[:5]}"
    return f"{first} to {last} {end_zone}"
