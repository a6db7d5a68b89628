"""The usefulness of pages: per receiver and person, at night, marked useful or noise, and the noisiest checks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from monitor.config.routing import is_within
from monitor.notification import Kind
from sla.page_mark import Mark
from sla.product_incident import Severity
from sla.service_hours import ServiceHours
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.config.model import Portfolio
    from monitor.notification import Notification
    from sla.interval import Interval
    from sla.page_mark import PageMark

NIGHT: Final = ServiceHours.parse("22:00-07:00")
ALERTS: Final = (Kind.OPENED, Kind.ESCALATED)
MOST_CHECKS: Final = 10


def is_page(row: Notification) -> bool:
    """Return whether the notification wakes a person: a page that opened or got worse; reminders are counted apart."""
    return row.severity == Severity.PAGE and row.event in ALERTS


def counted(row: Notification, night: ServiceHours, portfolio: Portfolio) -> Iterator[str]:
    """Yield what a notification counts as: pages, pages_at_night, reminders, tickets."""
    if row.event is Kind.REMINDER:
        yield "reminders"
    elif row.event in ALERTS:
        yield "pages" if is_page(row) else "tickets"
        if is_page(row) and is_within(night, row.due, portfolio.zone):
            yield "pages_at_night"


@dataclass(slots=True)
class Marked:
    """How many alerts that paged were marked useful, marked noise, and not marked."""

    alerts: int = 0
    useful: int = 0
    noise: int = 0

    def add(self, mark: Mark | None) -> None:
        """Count an alert."""
        self.alerts += 1
        self.useful += mark is Mark.USEFUL
        self.noise += mark is Mark.NOISE

    @property
    def share_useful(self) -> float | None:
        """The share of the marked alerts that was useful, None where none was marked."""
        marked = self.useful + self.noise
        return self.useful / marked if marked else None

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
    """The notifications of one receiver; `people` are those it reaches by the configuration."""

    receiver: str
    people: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    marked: Marked = field(default_factory=Marked)

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain data."""
        names = ("pages", "pages_at_night", "reminders", "tickets")
        counts = {name: self.counts[name] for name in names}
        return {"receiver": self.receiver, "people": list(self.people), **counts, **self.marked.as_json()}


@dataclass(frozen=True, slots=True)
class PageReport:
    """The report on a time; `checks` have the alerts that paged for each check, noisiest first."""

    span: Interval
    night: ServiceHours
    receivers: Sequence[ReceiverLine]
    checks: Sequence[tuple[str, Marked]]
    total: Marked

    def as_json(self) -> dict[str, Any]:
        """Return the report as one object."""
        return {
            "since": format_instant(self.span.start),
            "until": format_instant(self.span.end),
            "night": str(self.night),
            **self.total.as_json(),
            "receivers": [each.as_json() for each in self.receivers],
            "noisiest_checks": [{"check": name, **marked.as_json()} for name, marked in self.checks],
        }


def page_report(
    rows: Iterable[Notification],
    marks: Iterable[PageMark],
    portfolio: Portfolio,
    span: Interval,
    night: ServiceHours = NIGHT,
) -> PageReport:
    """Return the report on the notifications that were due within the span; `marks` are all marks."""
    inside = [row for row in rows if span.start <= row.due < span.end]
    opinion = opinions(marks)
    lines: dict[str, ReceiverLine] = {}
    paged: dict[str, dict[str, Notification]] = {}
    for row in inside:
        names = list(counted(row, night, portfolio))
        if not names:
            continue
        line = lines.setdefault(row.receiver, ReceiverLine(row.receiver, _people(portfolio, row.receiver)))
        line.counts.update(names)
        if is_page(row):
            paged.setdefault(row.key, {}).setdefault(row.receiver, row)
    checks: dict[str, Marked] = {}
    total = Marked()
    for key, receivers in paged.items():
        mark = opinion.get(key)
        total.add(mark)
        for name in receivers:
            lines[name].marked.add(mark)
        for check in dict.fromkeys(name for row in receivers.values() for name in checks_of(row)):
            checks.setdefault(check, Marked()).add(mark)
    return PageReport(span, night, [lines[name] for name in sorted(lines)], _noisiest(checks), total)


def opinions(marks: Iterable[PageMark]) -> dict[str, Mark]:
    """Return the mark of each alert: useful if at least as many people found it useful as noise."""
    votes: dict[str, Counter[Mark]] = {}
    for each in marks:
        votes.setdefault(each.key, Counter())[each.mark] += 1
    return {key: Mark.USEFUL if each[Mark.USEFUL] >= each[Mark.NOISE] else Mark.NOISE for key, each in votes.items()}


def checks_of(row: Notification) -> list[str]:
    """Return the keys of the checks that a message names: `forms/page`; none of a message that cannot be read."""
    try:
        body = json.loads(row.body)
        names = [str(each) for each in body["checks"]]
    except (ValueError, KeyError, TypeError):
        return []
    return [f"{row.product}/{name}" for name in names]


def _people(portfolio: Portfolio, receiver: str) -> tuple[str, ...]:
    return tuple(each.name for each in portfolio.people if receiver in each.to)


def _noisiest(checks: dict[str, Marked]) -> list[tuple[str, Marked]]:
    """Return the checks with the most noise, then with the most pages."""
    ordered = sorted(checks.items(), key=lambda item: (-item[1].noise, -item[1].alerts, item[0]))
    return ordered[:MOST_CHECKS]
