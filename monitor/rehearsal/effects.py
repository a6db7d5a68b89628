"""Effects of a replay: pages per receiver and at night, outages without a page, and the delay from fault to page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from monitor.alerting.page_report import NIGHT_HOURS, categories, is_page
from monitor.facts.planned_maintenance import maintenance_exclusions
from monitor.notification import Kind
from sla.interval import SECOND, Interval, subtract, union
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.notification import Notification
    from monitor.rehearsal.replay import ReplayResult
    from sla.service_hours import ServiceHours


@dataclass(frozen=True, slots=True)
class Outage:
    """A time span in which a product was down according to the record.

    `paged` is the instant at which the first page during the outage was due. `covered`: whether a page was open during
    the outage, including earlier pages. `in_maintenance`: whether maintenance covers the complete outage.
    """

    product: str
    span: Interval
    paged: int | None
    covered: bool
    in_maintenance: bool

    @property
    def delay(self) -> int | None:
        """The time from the start of the downtime to the page, microseconds; None without a new page."""
        return None if self.paged is None else max(0, self.paged - self.span.start)


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of one configuration. `by_receiver` counts pages, pages at night, reminders and tickets."""

    notifications: Sequence[Notification]
    outages: Sequence[Outage]
    by_receiver: dict[str, Counter[str]]

    @property
    def totals(self) -> Counter[str]:
        """The total counts of all receivers."""
        total: Counter[str] = Counter()
        for counts in self.by_receiver.values():
            total.update(counts)
        return total

    @property
    def missed(self) -> list[Outage]:
        """The outages without a page, except those within maintenance."""
        return [outage for outage in self.outages if not outage.covered and not outage.in_maintenance]

    @property
    def delays(self) -> list[int]:
        """The delays from fault to page, microseconds."""
        return [outage.delay for outage in self.outages if outage.delay is not None]

    def as_json(self) -> dict[str, Any]:
        """Return the counts and delays; durations are in seconds."""
        delays = self.delays
        return {
            **{name: self.totals[name] for name in COUNTERS},
            "outages": len(self.outages),
            "outages_without_page": len(self.missed),
            "outages_in_maintenance": sum(outage.in_maintenance and not outage.covered for outage in self.outages),
            "delay_seconds": {
                "median": median(delays) / SECOND if delays else None,
                "longest": max(delays) / SECOND if delays else None,
            },
            "receivers": {
                name: {counter: counts[counter] for counter in COUNTERS}
                for name, counts in sorted(self.by_receiver.items())
            },
        }


COUNTERS: Final = ("pages", "pages_at_night", "reminders", "tickets")


def effects(replayed: ReplayResult, night: ServiceHours = NIGHT_HOURS) -> Effects:
    """Return the effects of a replay. The hours of `night` are in the time zone of its portfolio."""
    rows = replayed.notifications
    by_receiver: dict[str, Counter[str]] = {}
    for row in rows:
        by_receiver.setdefault(row.receiver, Counter()).update(categories(row, night, replayed.portfolio))
    return Effects(rows, list(_outages(replayed)), by_receiver)


def _outages(replayed: ReplayResult) -> Iterator[Outage]:
    pages: dict[str, list[Notification]] = {}
    for row in replayed.notifications:
        if is_page(row):
            pages.setdefault(row.product, []).append(row)
    resolved_at = {row.key: row.made for row in replayed.notifications if row.event is Kind.RESOLVED}
    for name in replayed.ledger.products:
        for span in _down_intervals(replayed, name):
            rows = pages.get(name, ())
            due = [row.due for row in rows if span.start <= row.made < span.end and ":" not in row.key]
            covered = any(row.made < span.end and resolved_at.get(row.key, span.end) > span.start for row in rows)
            yield Outage(name, span, min(due, default=None), covered, _is_in_maintenance(replayed, name, span))


def _down_intervals(replayed: ReplayResult, product: str) -> list[Interval]:
    """Return the intervals in which the product's point state is down. Adjacent intervals are merged."""
    pieces = replayed.ledger.compositions[product].pieces(replayed.span)
    return list(union(Interval(piece.start, piece.end) for piece in pieces if piece.state.point is State.DOWN))


def _is_in_maintenance(replayed: ReplayResult, product: str, span: Interval) -> bool:
    ledger = replayed.ledger
    configured = ledger.products[product].maintenance
    planned = maintenance_exclusions(ledger.facts, ledger.portfolio, product, configured, span)
    return not list(subtract(span, [exclusion.interval for exclusion in planned]))
