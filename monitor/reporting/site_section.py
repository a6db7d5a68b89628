"""The sections "Sites and failovers" and "Downtime by design" of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.config.agreement import FailoverOf
from monitor.ledger.designed_downtime import designed_total
from monitor.ledger.product_sites import active_site_of
from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Section, Table, words
from monitor.views.sites import VERDICT_TEXTS, active_text, duration_text, failover_json, measured_failovers
from sla.duration import format_duration
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.failover import FailoverResult
    from sla.failover_facts import FailoverRecord
    from sla.report import Report

COLUMNS = ("Start", "Kind", "Change", "Duration", "Downtime", "Verdict")


def site_sections(ledger: Ledger, product: Product, report: Report) -> Iterator[Section]:
    """Yield the section about sites if the product has sites, and about downtime by design if it is configured."""
    if product.sites:
        yield _failovers(ledger, product, report)
    if product.down_by_design is not None:
        yield _down_by_design(ledger, product, report)


def _failovers(ledger: Ledger, product: Product, report: Report) -> Section:
    zone, promised = ledger.portfolio.zone, product.failover.within
    promise = "No failover time is promised." if promised is None else f"Promised: within {format_duration(promised)}."
    active = active_text(product, active_site_of(ledger, product, report.at))
    notes = [f"As of this report, {active}. {promise}"]
    rows = tuple(_row(record, result, zone) for record, result in _in_window(ledger, report))
    notes += [] if rows else ["No failover in this period."]
    return Section("sites", "Sites and failovers", tuple(notes), Table(COLUMNS, rows) if rows else None)


def _in_window(ledger: Ledger, report: Report) -> list[tuple[FailoverRecord, FailoverResult]]:
    """Return the failovers that overlap the report's window, oldest first."""
    window, failovers = report.window.measured, measured_failovers(ledger, report.product, report.at)
    return [
        (record, result)
        for record, result in failovers
        if result.started < window.end and _end(record, result, report.at) >= window.start
    ]


def _end(record: FailoverRecord, result: FailoverResult, at: int) -> int:
    """Return the end of a failover: its site change if another one followed before recovery, `at` if it continues."""
    if result.ended is not None:
        return max(result.ended, record.change.arrived)
    return record.change.arrived if result.final else at


def _row(record: FailoverRecord, result: FailoverResult, zone: ZoneInfo) -> tuple[Cell, ...]:
    return (
        doc.at(result.started, zone),
        words(record.change.kind.value),
        words(f"{record.change.source} to {record.change.target}"),
        words(duration_text(result.duration)),
        words(duration_text(result.downtime)),
        words(f"{VERDICT_TEXTS[result.met]}: {result.reason}"),
    )


def _down_by_design(ledger: Ledger, product: Product, report: Report) -> Section:
    designed = _designed_json(ledger, product, report)
    length = format_duration(round(designed["seconds"] * SECOND))
    counted = "excluded from the contractual figures" if designed["excluded"] else "counted in the contractual figures"
    other = ledger.products[designed["failover_of"]].name
    note = (
        f"While {other} runs at another site than its primary one, this product is down by design. Estimated downtime "
        f"by design in this period: {length}. It is counted in the raw figures, and {counted}."
    )
    return Section("down-by-design", "Downtime by design", (note,))


def _designed_json(ledger: Ledger, product: Product, report: Report) -> dict[str, Any]:
    assert product.down_by_design is not None  # noqa: S101 - for the type checker
    other = product.down_by_design.failover_of
    seconds = designed_total(ledger, product, report.window.measured) / SECOND
    return {"failover_of": other, "seconds": seconds, "excluded": FailoverOf(other) in product.agreement.excludes}


def site_json(ledger: Ledger, product: Product, report: Report) -> dict[str, Any]:
    """Return failovers and downtime by design for the JSON report; null if not configured."""
    failovers = [failover_json(*failover) for failover in _in_window(ledger, report)] if product.sites else None
    designed = None if product.down_by_design is None else _designed_json(ledger, product, report)
    return {"failovers": failovers, "down_by_design": designed}
