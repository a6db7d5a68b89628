"""The section "What can we promise?" of a report: figures, claim ceiling, and checklist items with evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Section, Table, words
from monitor.views.readiness import promise_view, source_text
from sla.objective import format_percent
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.config.model import Product
    from sla.promise import PlanForecast
    from sla.readiness import ItemStatus
    from sla.report import Report


def promise_section(report: Report, product: Product) -> Section:
    """Return the section with the raw figures of the report's window."""
    view = promise_view(product, report.figures.raw, report.readiness)
    figures = view.figures
    supported = "No availability is supported before one is measured and proven."
    if figures.supported is not None:
        supported = f"All figures support {format_percent(figures.supported)}, limited by {view.limited_by}."
    notes = [f"{text[:1].upper()}{text[1:]}." for text in (view.limit, view.remedy) if text]
    objective = Cell(str(product.objective), float(product.objective.ratio), doc.Unit.RATIO)
    rows: list[tuple[Cell, ...]] = [
        (words("Objective"), objective, words("")),
        (words("Measured (raw)"), doc.ratio(figures.measured.point), words("")),
        (words("Proven at 95 %"), doc.ratio(figures.proven), words("")),
        (words("Claim ceiling"), doc.ratio(figures.ceiling), words("lowest cap of an unmet item")),
        *_plan(figures.plan),
        (words("Supported by all"), doc.ratio(figures.supported), words(view.limited_by)),
    ]
    rows += [_item(status) for status in (report.readiness.statuses if report.readiness else ())]
    table = Table(("Figure or item", "Availability or cap", "Notes and evidence"), tuple(rows))
    return Section("promise", "What can we promise?", (*notes, supported), table)


def _plan(plan: PlanForecast | None) -> Iterator[tuple[Cell, ...]]:
    if plan is not None:
        chance = f"{format_percent(plan.probability, 1)} chance to meet the objective"
        yield words("Plan, expected"), doc.ratio(plan.expected), words(chance)


def _item(status: ItemStatus) -> tuple[Cell, ...]:
    evidence = "; ".join(
        f"{source_text(evidence)}{'' if evidence.supports else ','} until {format_instant(evidence.until)}"
        + (f": {evidence.detail}" if evidence.detail else "")
        for evidence in status.evidence
    )
    return words(f"{status.item.title}: {status.state}"), doc.ratio(status.item.cap), words(evidence or "no evidence")


def promise_json(report: Report, product: Product) -> dict[str, Any]:
    """Return readiness and promise for the JSON report."""
    ready = report.readiness
    return {
        "readiness": None if ready is None else ready.as_json(product.id, product.objective),
        "promise": promise_view(product, report.figures.raw, ready).figures.as_json(),
    }
