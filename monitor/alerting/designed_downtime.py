"""Alerts of products that are down by design: tickets until the failover has ended, then pages.

A product with `down_by_design` is expected to be down while the other product runs at another site. If it is still
down when the failover has ended and the settle time has passed, the ticket becomes a page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.ledger.designed_downtime import time_elsewhere
from sla.interval import Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.alerting.alert import Alert
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger


def as_designed(alert: Alert, ledger: Ledger, now: int) -> Alert:
    """Return the alert of a product incident, as a ticket if the product is expected to be down."""
    product = ledger.products.get(alert.product)
    if alert.incident is None or alert.severity is not Severity.PAGE or product is None:
        return alert
    at = now if alert.resolved is None else alert.resolved
    if not any(span.start <= at < span.end for span in expected_downtime(ledger, product, at)):
        return alert
    if alert.resolved is not None:
        return replace(alert, severity=Severity.TICKET)
    summary = f"{product.name} is down by design while {_other_name(ledger, product)} runs at another site"
    return replace(alert, severity=Severity.TICKET, summary=summary)


def expected_downtime(ledger: Ledger, product: Product, at: int) -> Iterator[Interval]:
    """Yield the times in which the product is expected to be down: failovers until now, each with its settle time."""
    for away in time_elsewhere(ledger, product, at):
        yield Interval(away.start, away.end + _settle_time(ledger, product))


def _settle_time(ledger: Ledger, product: Product) -> int:
    other = None if product.down_by_design is None else ledger.products.get(product.down_by_design.failover_of)
    return 0 if other is None else other.failover.settle


def _other_name(ledger: Ledger, product: Product) -> str:
    other = "" if product.down_by_design is None else product.down_by_design.failover_of
    return ledger.products[other].name if other in ledger.products else other
