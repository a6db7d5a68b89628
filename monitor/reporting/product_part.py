"""The part of a report on one product: headline, tiles, chart and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.reporting import document as doc
from monitor.reporting.document import Cell, Chart, Column, Part, Tile
from monitor.reporting.period_names import named, short
from monitor.reporting.product_sections import PartContext, objective_ratio, sections
from monitor.views.product_summary import rule_sentence, verdict_text
from sla.availability import Verdict
from sla.objective import format_duration, format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from sla.measured import Measured
    from sla.report import Report, Step


def part(report: Report, context: PartContext) -> Part:
    """Return the part on the product."""
    product, agreed = context.product, report.figures.contractual
    about = filter(None, (product.team, rule_sentence(product) if len(product.checks) > 1 else ""))
    return Part(
        product.id,
        product.name,
        " · ".join(about),
        headline(agreed),
        agreed.verdict is Verdict.MISSED,
        tuple(_tiles(report)),
        chart(report, context),
        tuple(sections(report, context)),
    )


def headline(m: Measured) -> str:
    """Return the verdict on the objective in one sentence, by the contractual figure."""
    goal = str(m.objective)
    low, point, high = m.availability
    if low is None:
        return f"No verdict on the objective of {goal}: all time is excluded."
    notes = f"between {format_percent(low)} and {format_percent(high)}"
    best = "n/a" if point is None else format_percent(point)
    if m.verdict is Verdict.MET:
        return f"Objective {goal} met: availability {best}, {notes}."
    if m.verdict is Verdict.MISSED:
        return f"Objective {goal} missed: availability {best}, {notes}."
    return f"Objective {goal} {verdict_text(m)}. Availability {best}, {notes}."


def _between(m: Measured) -> str:
    low, _, high = m.availability
    return "all time is excluded" if low is None else f"{format_percent(low)} to {format_percent(high)}"


def _tiles(report: Report) -> Iterator[Tile]:
    raw, agreed = report.figures.raw, report.figures.contractual
    left_out = f"{format_duration(agreed.excluded)} excluded" if agreed.excluded else "no time excluded"
    yield Tile("Contractual", doc.ratio(agreed.availability.point), f"{_between(agreed)}, {left_out}")
    yield Tile("Raw", doc.ratio(raw.availability.point), f"{_between(raw)}, before exclusions")
    goal, missed = str(agreed.objective), agreed.verdict is Verdict.MISSED
    yield Tile("Objective", Cell(goal, float(objective_ratio(agreed)), doc.Unit.RATIO), str(agreed.verdict), missed)
    if (held := agreed.budget) is not None:
        note = f"{format_duration(held.spent)} of {format_duration(held.allowed)} spent"
        yield Tile("Budget left", doc.duration(held.remaining), note, held.remaining < 0)
    yield Tile("Coverage", doc.ratio(agreed.coverage, 2), "of the time is known")


def chart(report: Report, context: PartContext) -> Chart:
    """Return the chart by day or month, of raw figures."""
    goal, kind = objective_ratio(report.figures.raw), "month" if report.by_month else "day"
    columns = tuple(_column(each, context.zone) for each in report.steps)
    missing = sum(each.misses for each in columns)
    blind = sum(each.point is None for each in columns)
    known = [(each.point, each.name) for each in columns if each.point is not None]
    worst = f"; the worst is {min(known)[1]} with {format_percent(min(known)[0])}" if known else ""
    text = (
        f"{len(columns)} {kind}s: {missing} with an estimate below the objective, {blind} without data{worst}. "
        f"The table by {kind} has the same figures."
    )
    title = f"Raw availability by {kind}, with bounds"
    return Chart(title, text, columns, float(goal), str(report.figures.raw.objective))


def _column(step: Step, zone: ZoneInfo) -> Column:
    m = step.figures.raw
    low, point, high = (None if share is None else float(share) for share in m.availability)
    name = named(step.window, zone)
    text = f"{name}: no data"
    if point is not None:
        text = f"{name}: {format_percent(m.availability.point)}, bounds {_between(m)}"
    return Column(name, short(step.window, zone), low, point, high, m.point_meets_objective is False, text)
