"""The state of a product as pages show it, to detect when an open page has to be refreshed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.views.page_frame import is_recent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident


def shown_state(ledger: Ledger, product: Product, open_incidents: Iterable[Incident], now: int) -> tuple[object, ...]:
    """Return the states of the product and its checks, and the ids of its open incidents. Figures are not included."""
    checks: list[object] = []
    for entry in ledger.entries_of(product.id):
        checks.append(is_recent(entry, now))
        for history in (entry, *entry.views.values()):
            run = history.open_run
            checks.append(None if run is None else (run.outcome, run.reason))
    incidents = sorted(incident.id for incident in open_incidents)
    return ledger.state(product.id, now), *checks, *incidents
