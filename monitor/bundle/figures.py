"""The figures of a report as lines of a bundle, in the format of measurement.md, section 11, where defined."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.ledger.latency_objectives import latency_figures
from monitor.ledger.product_drills import measured_drill, recorded_drills
from monitor.reporting.context_sections import context_sections
from monitor.reporting.drill_report import chart_span, states_json

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from monitor.reporting.report import PortfolioReport
    from sla.report import Report

# Results of transcendental functions are compared with a tolerance, because math libraries differ in the last digit.
_COMPARED_WITH_TOLERANCE: Final = ("nines.observed", "nines.proven", "proven_availability")
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """A value in a bundle that differs from the recomputed one. `field` is its path."""

    field: str
    stated: Any
    recomputed: Any


def figure_lines(portfolio_report: PortfolioReport) -> Iterator[dict[str, Any]]:
    """Yield each figure of the reports: product, part of the report, number within the part, figure and value.

    `part` is `window` (the report's own), `step` (its days or months), `month`, `trend`, or a part without a window.
    """
    for report in portfolio_report.reports:
        yield from _lines(portfolio_report.ledger, report)


def drill_lines(ledger: Ledger, drills: Collection[str], at: int) -> Iterator[dict[str, Any]]:
    """Yield the result of each of these drills as of the instant, with the states of the product to the second."""
    records = [record for record in recorded_drills(ledger, at) if record.id in drills]
    for number, record in enumerate(records):
        result = measured_drill(ledger, record, at)
        states = states_json(ledger.compositions[record.drill.product].pieces(chart_span(result)))
        yield _line(record.drill.product, "drill", number, result.as_json() | {"states": states})


def _lines(ledger: Ledger, report: Report) -> Iterator[dict[str, Any]]:
    plain = report.as_json()
    yield from _raw_and_contractual(report.product, "window", 0, plain)
    for part, steps in (("step", plain["steps"]), ("month", plain["months"]), ("trend", plain["trend"])):
        for number, step in enumerate(steps):
            yield from _raw_and_contractual(report.product, part, number, step)
    for name in ("excluded_seconds_by_cause", "blame", "claim_ceiling", "claim_ceiling_reasons"):
        yield _line(report.product, name, 0, plain[name])
    for part, name in (("outage_limit", "outage_limits"), ("exclusion", "exclusions"), ("incident", "incidents")):
        for number, figure in enumerate(plain[name]):
            yield _line(report.product, part, number, figure)
    for number, not_excluded in enumerate(ledger.not_excluded_maintenance(report.product, report.window.measured)):
        yield _line(report.product, "maintenance_not_excluded", number, not_excluded.as_json())
    product, end = ledger.products[report.product], report.figures.raw.window.end
    for number, objective in enumerate(latency_figures(ledger, product, end)):
        yield _line(report.product, "latency_objective", number, objective.as_json())
    context = context_sections(ledger, report).as_json()
    for name in ("affected", "value"):
        yield _line(report.product, name, 0, context[name])


def _raw_and_contractual(product: str, part: str, number: int, pair: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for figure in ("raw", "contractual"):
        yield _line(product, part, number, pair[figure]) | {"figure": figure}


def _line(product: str, part: str, number: int, value: Any) -> dict[str, Any]:
    return {"product": product, "part": part, "number": number, "value": value}


def key_of(line: Mapping[str, Any]) -> tuple[str, str, int, str]:
    """Return the unique key of a figure in a bundle."""
    return str(line["product"]), str(line["part"]), int(line["number"]), str(line.get("figure", ""))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested data with their paths: `availability.low`, `dependencies[0].seconds`."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def compare(bundle_value: Any, recomputed: Any) -> tuple[int, list[Difference]]:
    """Return the number of equal values, and the differences. A value on only one side is a difference."""
    stated_values, recomputed_values = dict(leaves(bundle_value)), dict(leaves(recomputed))
    differences = [
        Difference(path, _value_or_missing(stated_values, path), _value_or_missing(recomputed_values, path))
        for path in dict.fromkeys((*stated_values, *recomputed_values))
        if not _is_equal(path, stated_values.get(path, _MISSING), recomputed_values.get(path, _MISSING))
    ]
    return len({*stated_values, *recomputed_values}) - len(differences), differences


def _value_or_missing(values: Mapping[str, Any], path: str) -> Any:
    return values.get(path, "missing")


def _is_equal(path: str, bundle_value: Any, recomputed: Any) -> bool:
    if isinstance(bundle_value, float) and isinstance(recomputed, float) and path in _COMPARED_WITH_TOLERANCE:
        return math.isclose(bundle_value, recomputed, rel_tol=1e-12)
    same_kind = isinstance(bundle_value, bool) is isinstance(recomputed, bool)
    return same_kind and bool(bundle_value == recomputed)
