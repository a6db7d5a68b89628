"""The section "Latency objectives" of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.ledger.latency_objectives import latency_figures
from monitor.reporting import document as doc
from monitor.reporting.document import Section, Table, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from monitor.ledger.latency_objectives import LatencyFigure
    from monitor.ledger.ledger import Ledger

_NOTE = (
    "The share of the good responses that were faster than the limit, over the window of the objective that ends with "
    "the report's window. Minimum and maximum include time that is unknown or in doubt. Slow responses do not reduce "
    "availability."
)
_COLUMNS = ("Objective", "Check", "Minimum", "Estimate", "Maximum", "Responses", "Verdict")


def latency_section(ledger: Ledger, product: Product, end: int) -> Iterator[Section]:
    """Yield the section on the latency objectives up to `end`, if the product or a check has any."""
    if rows := tuple(_row(figure) for figure in latency_figures(ledger, product, end)):
        yield Section("latency", "Latency objectives", (_NOTE,), Table(_COLUMNS, rows))


def _row(figure: LatencyFigure) -> tuple[doc.Cell, ...]:
    measured = figure.measured
    shares = (doc.ratio(share, 2) for share in measured.share)
    names = words(str(measured.objective)), words(figure.check or "all checks")
    verdict = words("n/a" if measured.verdict is None else measured.verdict.value)
    return (*names, *shares, doc.count(measured.fast.count), verdict)


def latency_json(ledger: Ledger, product: Product, end: int) -> dict[str, Any]:
    """Return the latency objectives for the report as JSON; nothing without one."""
    figures = [figure.as_json() for figure in latency_figures(ledger, product, end)]
    return {"latency_objectives": figures} if figures else {}
