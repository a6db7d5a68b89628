"""The instants at which time alone may change what is announced of open alerts: a replay looks at these.

Besides them, what the hours of routes decide changes at whole minutes, and burn alerts by their look-backs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.interval import Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.alerting.announcements import Announcements
    from monitor.alerting.outages import Outages
    from monitor.ledger.ledger import Ledger
    from sla.page_response import Response
    from sla.silence import Silence


def deadlines(
    ledger: Ledger,
    outages: Outages,
    announced: Announcements,
    responses: Iterable[Response],
    silences: Iterable[Silence],
    now: int,
) -> Iterator[int]:
    """Yield the instants in no order, microseconds since the epoch; some may have passed."""
    yield from (each.until for each in silences)
    yield from (each.next_due for each in responses if each.next_due is not None)
    yield from _reminders(ledger, announced)
    for product in _watched(outages, announced):
        yield from _stable(ledger, outages, product, now)
        if product in ledger.products:
            yield from _maintenance_ends(ledger, product, now)


def _reminders(ledger: Ledger, announced: Announcements) -> Iterator[int]:
    every = ledger.portfolio.alerting.remind_every
    if every is not None:
        for key in announced.keys:
            held = announced.of(key).values()
            yield from (each.last + every for each in held if each.open and each.severity == Severity.PAGE)


def _watched(outages: Outages, announced: Announcements) -> set[str]:
    """Return the products with an incident that is open, or whose end is not announced."""
    ended = (outages.all[key].product for key in announced.keys if key in outages.all)
    return {*(each.product for each in outages.ongoing()), *ended}


def _stable(ledger: Ledger, outages: Outages, product: str, now: int) -> Iterator[int]:
    """Yield when the product may stop to be flapping."""
    damping = ledger.portfolio.alerting.damping
    for each in outages.recent(product, now - damping.within):
        yield each.opened + damping.within + 1
        if each.resolved is not None:
            yield each.resolved + damping.stable_after


def _maintenance_ends(ledger: Ledger, product: str, now: int) -> Iterator[int]:
    configured, window = ledger.products[product].maintenance, Interval(now, now + 1)
    for each in maintenance_exclusions(ledger.facts, ledger.portfolio, product, configured, window):
        yield each.interval.end
