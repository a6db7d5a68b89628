"""Alerts of severity `note` about drills in progress: they open with the drill, and resolve when it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerting.alert import Alert
from monitor.ledger.product_drills import recorded_drills
from sla.interval import SECOND
from sla.product_incident import Severity
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.facts.fact_index import Facts
    from monitor.ledger.ledger import Ledger
    from sla.drill import DrillRecord

DRILL: Final = "drill"


class DrillConditions:
    """The drills in progress of a ledger's products, read again only after a change of the facts."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._facts: Facts | None = None
        self._open: dict[str, DrillRecord] = {}

    def update(self, open_alerts: dict[str, Alert], now: int) -> Iterator[Alert]:
        """Open an alert for each drill in progress; yield the alerts of drills that have ended."""
        if self._facts is not self._ledger.facts:
            self._facts = self._ledger.facts
            records = recorded_drills(self._ledger, now)
            self._open = {
                _key(record): record for record in records if record.end is None and record.drill.kind.measured
            }
        for key in [key for key in open_alerts if key.startswith(f"{DRILL}:") and key not in self._open]:
            yield replace(open_alerts.pop(key), resolved=now)
        for key, record in self._open.items():
            if record.drill.product in self._ledger.products:
                open_alerts[key] = self._alert(key, record)

    def _alert(self, key: str, record: DrillRecord) -> Alert:
        drill, product = record.drill, self._ledger.products[record.drill.product]
        summary = f"A drill of {product.name} ({drill.kind.value}) is in progress"
        notes = (
            f"Started by {drill.author} at {format_instant(drill.made)}. Outages during it are measured and paged.",
        )
        return Alert(key, product.id, Severity.NOTE, drill.made, None, summary, notes=notes)


def _key(record: DrillRecord) -> str:
    return f"{DRILL}:{record.drill.product}:{record.drill.kind.value}:{record.drill.made // SECOND}"
