"""Downtime by design of the ledger's products: now, and in a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sla.down_by_design import downtime_by_design, time_at_another_site
from sla.interval import Interval, total
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger


class DesignedDowntime(NamedTuple):
    """Downtime by design in progress: `failover_of` has run at another site since the recorded instant `since`."""

    failover_of: str
    since: int

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {"failover_of": self.failover_of, "since": format_instant(self.since)}


def designed_downtime(ledger: Ledger, product: Product, now: int) -> DesignedDowntime | None:
    """Return the current downtime by design. None if the product is not down, or is down for another reason."""
    if product.down_by_design is None or ledger.state(product.id, now).point is not State.DOWN:
        return None
    current_span = next((span for span in time_elsewhere(ledger, product, now) if span.end == now), None)
    return None if current_span is None else DesignedDowntime(product.down_by_design.failover_of, current_span.start)


def time_elsewhere(ledger: Ledger, product: Product, now: int) -> list[Interval]:
    """Return the times until now in which the other product ran at another site. Empty if none is configured."""
    if product.down_by_design is None:
        return []
    changes = ledger.facts.site_changes.get(product.down_by_design.failover_of, ())
    return list(time_at_another_site(changes, now))


def designed_total(ledger: Ledger, product: Product, window: Interval) -> int:
    """Return the product's downtime by design in the window, microseconds. It is part of the measured downtime."""
    history = ledger.compositions[product.id]
    return total(downtime_by_design(history, time_elsewhere(ledger, product, window.end), window))
