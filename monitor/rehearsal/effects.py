"""The effects of a replay: pages by receiver and at night, outages without a page, and the delay from fault to page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from monitor.alerting.page_report import NIGHT, counted, is_page
from monitor.facts.planned_maintenance import maintenance_exclusions
from monitor.notification import Kind
from sla.interval import SECOND, Interval, subtract, union
from sla.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.notification import Notification
    from monitor.rehearsal.replay import Replayed
    from sla.service_hours import ServiceHours


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a product was down by its record; `paged` is when the first page of an incident was due in it.

    `covered` is whether a page was open in it, also one from before; `muted` whether maintenance covers all of it.
    """

    product: str
    span: Interval
    paged: int | None
    covered: bool
    muted: bool

    @property
    def delay(self) -> int | None:
        """The time from the start of the downtime to the page, microseconds; None without a page of its own."""
        return None if self.paged is None else max(0, self.paged - self.span.start)


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of one configuration. `by_receiver` counts pages, pages at night, reminders and tickets."""

    notifications: Sequence[Notification]
    outages: Sequence[Outage]
    by_receiver: dict[str, Counter[str]]

    @property
    def totals(self) -> Counter[str]:
        """The counts of all receivers together."""
        total: Counter[str] = Counter()
        for counts in self.by_receiver.values():
            total.update(counts)
        return total

    @property
    def missed(self) -> list[Outage]:
        """The outages without a page, other than those within maintenance."""
        return [each for each in self.outages if not each.covered and not each.muted]

    @property
    def delays(self) -> list[int]:
        """The delays from fault to page, microseconds."""
        return [each.delay for each in self.outages if each.delay is not None]

    def as_json(self) -> dict[str, Any]:
        """Return the counts; durations in seconds."""
        delays = self.delays
        return {
            **{name: self.totals[name] for name in COUNTED},
            "outages": len(self.outages),
            "outages_without_page": len(self.missed),
            "outages_in_maintenance": sum(each.muted and not each.covered for each in self.outages),
            "delay_seconds": {
                "median": median(delays) / SECOND if delays else None,
                "longest": max(delays) / SECOND if delays else None,
            },
            "receivers": {
                name: {each: counts[each] for each in COUNTED} for name, counts in sorted(self.by_receiver.items())
            },
        }


COUNTED: Final = ("pages", "pages_at_night", "reminders", "tickets")


def effects(replayed: Replayed, night: ServiceHours = NIGHT) -> Effects:
    """Return the effects of a replay; the hours of `night` are in the zone of its portfolio."""
    rows = replayed.notifications
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row.receiver, Counter()).update(counted(row, night, replayed.portfolio))
    return Effects(rows, list(_outages(replayed)), found)


def _outages(replayed: Replayed) -> Iterator[Outage]:
    pages: dict[str, list[Notification]] = {}
    for row in replayed.notifications:
        if is_page(row):
            pages.setdefault(row.product, []).append(row)
    ended = _ended(replayed.notifications)
    for name in replayed.ledger.products:
        for span in _down(replayed, name):
            own = pages.get(name, ())
            due = [row.due for row in own if span.start <= row.made < span.end and ":" not in row.key]
            covered = any(row.made < span.end and ended.get(row.key, span.end) > span.start for row in own)
            yield Outage(name, span, min(due, default=None), covered, _is_planned(replayed, name, span))


def _ended(rows: Iterable[Notification]) -> dict[str, int]:
    """Return when each alert was resolved, by its key."""
    return {row.key: row.made for row in rows if row.event is Kind.RESOLVED}


def _down(replayed: Replayed, product: str) -> list[Interval]:
    """Return the times in which the product is down by the estimate, neighbours joined."""
    pieces = replayed.ledger.compositions[product].pieces(replayed.span)
    return list(union(Interval(each.start, each.end) for each in pieces if each.state.point is State.DOWN))


def _is_planned(replayed: Replayed, product: str, span: Interval) -> bool:
    ledger = replayed.ledger
    configured = ledger.products[product].maintenance
    planned = maintenance_exclusions(ledger.facts, ledger.portfolio, product, configured, span)
    return not list(subtract(span, [each.interval for each in planned]))
