"""The section "Drills" of a report: the drills in its window, compared with RTO and RPO."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.ledger.product_drills import measured_drill, recorded_drills
from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Section, Table, words
from monitor.views.drill_rows import drill_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.drill import DrillRecord
    from sla.drill_result import DrillResult
    from sla.report import Report

COLUMNS = ("Start", "Kind", "Recovery time", "RTO", "Recovery point", "RPO", "Verdict")


def drill_sections(ledger: Ledger, product: Product, report: Report) -> Iterator[Section]:
    """Yield the section of a product with drills or with a promised RTO or RPO."""
    records = recorded_drills(ledger, report.at, report.product)
    if records or product.drills.rto is not None or product.drills.rpo is not None:
        rows = tuple(_row(result, ledger.portfolio.zone) for result in _results(ledger, records, report))
        notes = [] if rows else ["No drill in this period."]
        notes += [
            f'Overdue finding: "{finding.text}" ({finding.owner}, due {finding.day}).'
            for record in records
            for finding in record.overdue(report.at)
        ]
        yield Section("drills", "Drills", tuple(notes), Table(COLUMNS, rows) if rows else None)


def drills_json(ledger: Ledger, report: Report) -> dict[str, Any]:
    """Return the drills in the report's window for the JSON report, as `ninewatch drill show --json` shows them."""
    records = recorded_drills(ledger, report.at, report.product)
    return {"drills": [result.as_json() for result in _results(ledger, records, report)]}


def _results(ledger: Ledger, records: Sequence[DrillRecord], report: Report) -> Iterator[DrillResult]:
    """Yield the results of the drills that overlap the report's window, as of its instant.

    A drill in progress lasts until the report's instant.
    """
    window = report.window.measured
    for record in records:
        end = report.at if record.end is None else record.end.at
        if record.drill.started < window.end and end >= window.start:
            yield measured_drill(ledger, record, report.at)


def _row(result: DrillResult, zone: ZoneInfo) -> tuple[Cell, ...]:
    row = drill_row(result)
    texts = (row.kind, row.recovery, row.rto, row.lost, row.rpo, f"{row.verdict}: {row.reason}")
    return (doc.at(result.record.drill.started, zone), *map(words, texts))
