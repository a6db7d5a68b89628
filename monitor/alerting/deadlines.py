"""The instants at which the announcements of open alerts may change without a new observation, for replays.

Not included: the hours of routes, which change at whole minutes, and the windows of burn alerts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerting.designed_downtime import expected_downtime
from monitor.facts.planned_maintenance import maintenance_exclusions
from sla.interval import Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.alerting.announcements import Announcements
    from monitor.alerting.product_incidents import ProductIncidents
    from monitor.ledger.ledger import Ledger
    from sla.page_response import Response
    from sla.silence import Silence


def deadlines(
    ledger: Ledger,
    product_incidents: ProductIncidents,
    announced: Announcements,
    responses: Iterable[Response],
    silences: Iterable[Silence],
    now: int,
) -> Iterator[int]:
    """Yield the instants in any order, microseconds since the epoch. Some may be in the past."""
    yield from (silence.until for silence in silences)
    yield from (response.next_due for response in responses if response.next_due is not None)
    yield from _reminders(ledger, announced)
    for product in _products_to_announce(product_incidents, announced):
        yield from _flapping_ends(ledger, product_incidents, product, now)
        if product in ledger.products:
            yield from _maintenance_ends(ledger, product, now)
            yield from (span.end for span in expected_downtime(ledger, ledger.products[product], now))
            yield from (end for pause in ledger.facts.pauses(product) if now < (end := pause.interval.end))


def _reminders(ledger: Ledger, announced: Announcements) -> Iterator[int]:
    every = ledger.portfolio.alerting.remind_every
    if every is not None:
        for key in announced.keys:
            for announcement in announced.of(key).values():
                if announcement.open and announcement.severity == Severity.PAGE:
                    yield announcement.last + every


def _products_to_announce(product_incidents: ProductIncidents, announced: Announcements) -> set[str]:
    """Return the products with an open incident, or one whose end is not announced yet."""
    ended = (product_incidents.all[key].product for key in announced.keys if key in product_incidents.all)
    return {*(incident.product for incident in product_incidents.all_open()), *ended}


def _flapping_ends(ledger: Ledger, product_incidents: ProductIncidents, product: str, now: int) -> Iterator[int]:
    """Yield the instants at which the product may no longer be flapping."""
    damping = ledger.portfolio.alerting.damping
    for incident in product_incidents.recent(product, now - damping.within):
        yield incident.opened + damping.within + 1
        if incident.resolved is not None:
            yield incident.resolved + damping.stable_after


def _maintenance_ends(ledger: Ledger, product: str, now: int) -> Iterator[int]:
    configured, window = ledger.products[product].maintenance, Interval(now, now + 1)
    for exclusion in maintenance_exclusions(ledger.facts, ledger.portfolio, product, configured, window):
        yield exclusion.interval.end
