"""The drills of a product as rows of its page and of its reports."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from monitor.ledger.product_drills import measured_drill, recorded_drills
from monitor.views.drill_text import VERDICT_TEXTS, bounds_text
from monitor.views.formatting import moment
from sla.duration import format_duration

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.drill_result import DrillResult

MAX_ROWS: Final = 10


def drill_rows(ledger: Ledger, product: str, now: int) -> SimpleNamespace:
    """Return the newest drills of the product, newest first, and the overdue findings of all its drills."""
    records = recorded_drills(ledger, now, product)
    newest = [measured_drill(ledger, drill, now) for drill in reversed(records[-MAX_ROWS:])]
    zone = ledger.portfolio.zone
    rows = [drill_row(drill, started=moment(drill.record.drill.started, zone)) for drill in newest]
    return SimpleNamespace(rows=rows, overdue=[finding for drill in records for finding in drill.overdue(now)])


def drill_row(result: DrillResult, *, started: object = None) -> SimpleNamespace:
    """Return the texts of a drill's cells."""
    drill = result.record.drill
    return SimpleNamespace(
        started=started,
        kind=drill.kind.value,
        recovery=bounds_text(result.recovery),
        rto=_length(drill.rto, "not stated"),
        lost=_length(result.lost, "not measured"),
        rpo=_length(drill.rpo, "not stated"),
        verdict="in progress" if result.record.end is None else VERDICT_TEXTS[result.met],
        reason=result.reason,
    )


def _length(length: int | None, missing: str) -> str:
    return missing if length is None else format_duration(length)
