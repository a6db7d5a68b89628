"""The part of a report on one product: headline, tiles, chart and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Chart, Column, Part, Tile
from monitor.reporting.period_names import column_label, period_name
from monitor.reporting.product_sections import SectionInputs, sections
from monitor.views.product_summary import rule_sentence, verdict_text
from sla.availability import Verdict
from sla.objective import format_duration, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from sla.measured import Measured
    from sla.report import Report, Step


def part(report: Report, context: SectionInputs) -> Part:
    """Return the part of the report on the product."""
    product, contractual = context.product, report.figures.contractual
    about = filter(None, (product.team, rule_sentence(product) if len(product.checks) > 1 else ""))
    return Part(
        product.id,
        product.name,
        " · ".join(about),
        headline(contractual),
        contractual.verdict is Verdict.MISSED,
        tuple(_tiles(report)),
        chart(report, context),
        tuple(sections(report, context)),
    )


def headline(m: Measured) -> str:
    """Return the verdict on the objective in one sentence. `m` are the contractual figures."""
    objective = str(m.objective)
    low, point, high = m.availability
    if low is None:
        return f"No verdict on the objective of {objective}: all time is excluded."
    bounds = f"between {format_percent(low)} and {format_percent(high)}"
    estimate = "n/a" if point is None else format_percent(point)
    if m.verdict is Verdict.MET:
        return f"Objective {objective} met: availability {estimate}, {bounds}."
    if m.verdict is Verdict.MISSED:
        return f"Objective {objective} missed: availability {estimate}, {bounds}."
    return f"Objective {objective} {verdict_text(m)}. Availability {estimate}, {bounds}."


def _between(m: Measured) -> str:
    low, _, high = m.availability
    return "all time is excluded" if low is None else f"{format_percent(low)} to {format_percent(high)}"


def _tiles(report: Report) -> Iterator[Tile]:
    raw, contractual = report.figures.raw, report.figures.contractual
    excluded = f"{format_duration(contractual.excluded)} excluded" if contractual.excluded else "no time excluded"
    yield Tile("Contractual", doc.ratio(contractual.availability.point), f"{_between(contractual)}, {excluded}")
    yield Tile("Raw", doc.ratio(raw.availability.point), f"{_between(raw)}, before exclusions")
    objective = Cell(str(contractual.objective), float(contractual.objective.ratio), doc.Unit.RATIO)
    yield Tile("Objective", objective, str(contractual.verdict), contractual.verdict is Verdict.MISSED)
    budget = contractual.budget
    note = f"{format_duration(budget.spent)} of {format_duration(budget.allowed)} spent"
    yield Tile("Budget left", doc.duration(budget.remaining), note, budget.remaining < 0)
    yield Tile("Coverage", doc.ratio(contractual.coverage, 2), "of the time is known")


def chart(report: Report, context: SectionInputs) -> Chart:
    """Return the chart of the raw figures by day or month."""
    objective, period = report.figures.raw.objective.ratio, "month" if report.by_month else "day"
    columns = tuple(_column(step, context.zone) for step in report.steps)
    missed = sum(column.misses for column in columns)
    unknown = sum(column.point is None for column in columns)
    known = [(column.point, column.name) for column in columns if column.point is not None]
    worst_text = f"; the worst is {min(known)[1]} with {format_percent(min(known)[0])}" if known else ""
    text = (
        f"{len(columns)} {period}s: {missed} with an estimate below the objective, {unknown} without data{worst_text}. "
        f"The table by {period} has the same figures."
    )
    title = f"Raw availability by {period}, with bounds"
    return Chart(title, text, columns, float(objective), str(report.figures.raw.objective))


def _column(step: Step, zone: ZoneInfo) -> Column:
    m = step.figures.raw
    low, point, high = (None if share is None else float(share) for share in m.availability)
    name = period_name(step.window, zone)
    text = f"{name}: no data"
    if point is not None:
        text = f"{name}: {format_percent(m.availability.point)}, bounds {_between(m)}"
    return Column(name, column_label(step.window, zone), low, point, high, m.point_meets_objective is False, text)
