"""The availability of a journey by itself, next to that of its product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.measured import measure

if TYPE_CHECKING:
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from sla.measured import Measured


def journey_figures(ledger: Ledger, entry: CheckEntry, now: int) -> Measured | None:
    """Return the figures of a journey over the window of its product, before exclusions. None for other checks."""
    if entry.check.kind != "steps":
        return None
    window = ledger.own_window(entry.product.id, now)
    return measure(entry.states, window.measured, interval=entry.check.interval, rolling=window.rolling)
