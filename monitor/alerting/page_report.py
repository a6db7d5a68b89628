"""The weekly report on pages: counts per receiver and person, pages at night, ratings, and the noisiest checks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from monitor.config.routing import is_within
from monitor.notification import Kind
from sla.page_rating import Rating
from sla.product_incident import Severity
from sla.service_hours import ServiceHours
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.config.model import Portfolio
    from monitor.notification import Notification
    from sla.interval import Interval
    from sla.page_rating import PageRating

NIGHT_HOURS: Final = ServiceHours.parse("22:00-07:00")
ALERT_EVENTS: Final = (Kind.OPENED, Kind.ESCALATED)
MAX_CHECKS: Final = 10


def is_page(row: Notification) -> bool:
    """Return whether the notification is a page on opening or escalation; reminders are counted separately."""
    return row.severity == Severity.PAGE and row.event in ALERT_EVENTS


def categories(row: Notification, night: ServiceHours, portfolio: Portfolio) -> Iterator[str]:
    """Yield the counters to increment for a notification: pages, pages_at_night, reminders, tickets."""
    if row.event is Kind.REMINDER:
        yield "reminders"
    elif row.event in ALERT_EVENTS:
        yield "pages" if is_page(row) else "tickets"
        if is_page(row) and is_within(night, row.due, portfolio.zone):
            yield "pages_at_night"


@dataclass(slots=True)
class RatingCounts:
    """Counts of alerts with pages: all, rated useful, and rated noise."""

    alerts: int = 0
    useful: int = 0
    noise: int = 0

    def add(self, rating: Rating | None) -> None:
        """Count an alert."""
        self.alerts += 1
        self.useful += rating is Rating.USEFUL
        self.noise += rating is Rating.NOISE

    @property
    def share_useful(self) -> float | None:
        """The share of useful alerts among the rated ones, None without ratings."""
        rated = self.useful + self.noise
        return self.useful / rated if rated else None

    def as_json(self) -> dict[str, Any]:
        """Return the counts and the share."""
        return {
            "alerts": self.alerts,
            "useful": self.useful,
            "noise": self.noise,
            "unmarked": self.alerts - self.useful - self.noise,
            "share_useful": self.share_useful,
        }


@dataclass(slots=True)
class ReceiverLine:
    """The notifications of one receiver; `people` are the configured people with this receiver."""

    receiver: str
    people: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    rated: RatingCounts = field(default_factory=RatingCounts)

    def as_json(self) -> dict[str, Any]:
        """Return the line as a JSON object."""
        names = ("pages", "pages_at_night", "reminders", "tickets")
        counts = {name: self.counts[name] for name in names}
        return {"receiver": self.receiver, "people": list(self.people), **counts, **self.rated.as_json()}


@dataclass(frozen=True, slots=True)
class PageReport:
    """The report on the pages of a time span; `checks` are the noisiest checks first."""

    span: Interval
    night: ServiceHours
    receivers: Sequence[ReceiverLine]
    checks: Sequence[tuple[str, RatingCounts]]
    total: RatingCounts

    def as_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {
            "since": format_instant(self.span.start),
            "until": format_instant(self.span.end),
            "night": str(self.night),
            **self.total.as_json(),
            "receivers": [line.as_json() for line in self.receivers],
            "noisiest_checks": [{"check": name, **rated.as_json()} for name, rated in self.checks],
        }


def page_report(
    rows: Iterable[Notification],
    ratings: Iterable[PageRating],
    portfolio: Portfolio,
    span: Interval,
    night: ServiceHours = NIGHT_HOURS,
) -> PageReport:
    """Return the report on the notifications that were due within the span; `ratings` may include other alerts."""
    inside = [row for row in rows if span.start <= row.due < span.end]
    rating_by_alert = ratings_by_alert(ratings)
    lines: dict[str, ReceiverLine] = {}
    paged: dict[str, dict[str, Notification]] = {}
    for row in inside:
        names = list(categories(row, night, portfolio))
        if not names:
            continue
        line = lines.setdefault(row.receiver, ReceiverLine(row.receiver, _people(portfolio, row.receiver)))
        line.counts.update(names)
        if is_page(row):
            paged.setdefault(row.key, {}).setdefault(row.receiver, row)
    checks: dict[str, RatingCounts] = {}
    total = RatingCounts()
    for key, receivers in paged.items():
        rating = rating_by_alert.get(key)
        total.add(rating)
        for name in receivers:
            lines[name].rated.add(rating)
        for check in dict.fromkeys(name for row in receivers.values() for name in checks_of(row)):
            checks.setdefault(check, RatingCounts()).add(rating)
    return PageReport(span, night, [lines[name] for name in sorted(lines)], _noisiest(checks), total)


def ratings_by_alert(ratings: Iterable[PageRating]) -> dict[str, Rating]:
    """Return a rating per alert: useful if at least half of its ratings are useful, otherwise noise."""
    counts: dict[str, Counter[Rating]] = {}
    for rating in ratings:
        counts.setdefault(rating.key, Counter())[rating.rating] += 1
    return {
        key: Rating.USEFUL if count[Rating.USEFUL] >= count[Rating.NOISE] else Rating.NOISE
        for key, count in counts.items()
    }


def checks_of(row: Notification) -> list[str]:
    """Return the keys of the checks in the message, such as `forms/page`; an empty list for an unreadable message."""
    try:
        body = json.loads(row.body)
        names = [str(name) for name in body["checks"]]
    except (ValueError, KeyError, TypeError):
        return []
    return [f"{row.product}/{name}" for name in names]


def _people(portfolio: Portfolio, receiver: str) -> tuple[str, ...]:
    return tuple(person.name for person in portfolio.people if receiver in person.to)


def _noisiest(checks: dict[str, RatingCounts]) -> list[tuple[str, RatingCounts]]:
    """Return the checks with the most noise, ordered by noise and number of alerts."""
    ordered = sorted(checks.items(), key=lambda item: (-item[1].noise, -item[1].alerts, item[0]))
    return ordered[:MAX_CHECKS]
