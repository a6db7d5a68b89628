"""The section of a report on the statements of suppliers on their status feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.reporting.document import Cell, Section, Table, Unit, words
from monitor.views.admissions import admission_table, admissions_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from monitor.views.admissions import AdmissionRow
    from sla.report import Report

_COLUMNS = ("Supplier", "Started", "Observed outage", "Admitted", "Delay", "Statement")


def admission_section(ledger: Ledger, product: Product, report: Report) -> Iterator[Section]:
    """Yield the section on the statements in the report's window, if the product or a dependency has a status feed."""
    admissions = admission_table(ledger, product, report.window.measured, report.at)
    if admissions is not None:
        rows = tuple(map(_row, admissions.rows))
        without = () if rows else ("No outage was observed and no problem was stated in this period.",)
        table = Table(_COLUMNS, rows) if rows else None
        yield Section("suppliers", "Statements of suppliers", (*admissions.notes, *without), table)


def _row(row: AdmissionRow) -> tuple[Cell, ...]:
    started = Cell(row.started.local, row.started.iso, Unit.INSTANT)
    return (words(row.supplier), started, *map(words, (row.outage, row.admitted, row.delay, row.statement)))


def admission_json(ledger: Ledger, product: Product, report: Report) -> dict[str, Any]:
    """Return the statements for the report as JSON; nothing without a status feed."""
    suppliers = admissions_json(ledger, product, report.window.measured, report.at)
    return {"suppliers": suppliers} if suppliers else {}
