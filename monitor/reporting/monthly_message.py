"""The executive summary of a month as the content of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from monitor.alerting.monthly_reports import ReportContent
from monitor.language import language
from monitor.reporting.executive_summary import executive_summary
from monitor.views.time_slice import TimeSlices
from sla.localtime import local
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.config.report_schedule import MonthlyReport
    from monitor.ledger.ledger import Ledger
    from monitor.reporting.executive_summary import ExecutiveSummary, SummaryLine
    from sla.calendar import Window


async def monthly_message(
    ledger: Ledger, clock: Clock, report: MonthlyReport, window: Window, now: int
) -> ReportContent:
    """Return the content of a report: one paragraph per product, broken promises first.

    The figures are contractual, and as of `now` (microseconds since the epoch).
    """
    portfolio, spoken = ledger.portfolio, language(report.language)
    products = [product for product in portfolio.products if not report.products or product.id in report.products]
    summary = await executive_summary(ledger, products, window, now, TimeSlices(clock), spoken)
    paragraphs = [" ".join(filter(None, (line.sentence, line.promise))) for line in summary.lines]
    title = spoken.gettext("{period}: {headline}").format(period=summary.period, headline=summary.headline)
    return ReportContent(title, paragraphs, _address(portfolio, report, window), _figures(summary, window, portfolio))


def _address(portfolio: Portfolio, report: MonthlyReport, window: Window) -> str | None:
    """Return the address of the summary on the pages. The pages show one product or all."""
    if not portfolio.public_url:
        return None
    first_days = (local(at, portfolio.zone).date() for at in (window.full.start, window.full.end))
    product = {"product": report.products[0]} if len(report.products) == 1 else {}
    query = {**product, "window": "/".join(map(str, first_days)), "lang": report.language}
    return f"{portfolio.public_url.rstrip('/')}/reports?{urlencode(query)}"


def _figures(summary: ExecutiveSummary, window: Window, portfolio: Portfolio) -> dict[str, Any]:
    return {
        "month": f"{local(window.full.start, portfolio.zone):%Y-%m}",
        "since": format_instant(window.full.start),
        "until": format_instant(window.full.end),
        "products": [_product_figures(line) for line in summary.lines],
    }


def _product_figures(line: SummaryLine) -> dict[str, Any]:
    low, point, high = (None if ratio is None else float(ratio) for ratio in line.measured.availability)
    return {
        "id": line.id,
        "name": line.name,
        "verdict": line.verdict,
        "availability": {"low": low, "point": point, "high": high},
        "sentence": line.sentence,
        "promise": line.promise,
    }
