"""The section "Service credits" of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Section, Table, Unit, words
from monitor.views.credits import NOTE, credit_terms, month_id
from sla.service_credit import format_amount, monthly_credit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.ledger import Ledger
    from sla.report import Report
    from sla.service_credit import Credit, MonthlyCredit

_COLUMNS = ("Month", "Minimum", "Estimate", "Maximum", "Credit at minimum", "Credit at estimate", "Credit at maximum",
            "Claimable", "Claim before")  # fmt: skip


def report_credits(ledger: Ledger, product: Product, report: Report) -> Iterator[MonthlyCredit]:
    """Yield the credits of the calendar months that the report's window touches, oldest first.

    A month that has ended, but after the window, is omitted: the report has the figures of a part of it only.
    """
    zone, window = ledger.portfolio.zone, report.window.measured
    for month in report.months:
        full = month.window.full
        if full.end <= window.start or full.start >= window.end or window.end < full.end <= report.at:
            continue
        if (terms := credit_terms(ledger, product, min(full.end, report.at))) is not None:
            yield monthly_credit(terms, month.window, month.figures.contractual, zone)


def credit_section(ledger: Ledger, product: Product, report: Report) -> Iterator[Section]:
    """Yield the section on service credits, if the agreement of one of the months has any."""
    if rows := tuple(_row(ledger, credit) for credit in report_credits(ledger, product, report)):
        yield Section("credits", "Service credits", (NOTE,), Table(_COLUMNS, rows))


def _row(ledger: Ledger, credit: MonthlyCredit) -> tuple[Cell, ...]:
    currency, claimable = credit.terms.currency, credit.claimable
    amounts = (_amount(one, currency, "n/a") for one in credit.credits)
    deadline = doc.at(credit.deadline, ledger.portfolio.zone, "no deadline")
    name = words(month_id(credit.window, ledger.portfolio.zone))
    return (
        name,
        *map(doc.ratio, credit.measured.availability),
        *amounts,
        _amount(claimable, currency, "none"),
        deadline,
    )


def _amount(credit: Credit | None, currency: str, missing: str) -> Cell:
    if credit is None:
        return Cell(missing, None, Unit.MONEY)
    return Cell(format_amount(credit.rounded, currency), float(credit.rounded), Unit.MONEY)


def credit_json(ledger: Ledger, product: Product, report: Report) -> dict[str, Any]:
    """Return the service credits for the report as JSON; nothing without any."""
    monthly = [credit.as_json() for credit in report_credits(ledger, product, report)]
    return {"service_credits": monthly} if monthly else {}
