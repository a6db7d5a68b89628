"""The portfolio dashboard: state, verdicts, nines with bounds, budgets and ceilings of all products."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.exporters.dashboards import style
from monitor.exporters.dashboards.expressions import (
    BOUNDS,
    BUDGET,
    BUDGET_SHARE,
    CEILING,
    COVERAGE,
    EXPIRY,
    OBJECTIVE,
    OPEN_INCIDENTS,
    PRODUCT,
    STATE,
    VERDICT,
    availability,
    by_product,
    nines,
    promised_availability,
    rounded_down,
    state,
)
from monitor.exporters.dashboards.panels import (
    Column,
    PanelBuilder,
    Query,
    Row,
    figures,
    gauges,
    lines,
    timeline,
    value,
)


def portfolio_rows() -> Iterator[Row]:
    """Yield the rows from top to bottom."""
    yield Row("Now", (*_counts(), *_problems(), _states()))
    yield Row("Objectives: verdicts, ceilings and budgets", (_objectives(), _budget_left(), *_budgets()))
    yield Row("Availability over $window", (_nines(), *_trends()))
    yield Row("Incidents and certificates", tuple(_incidents()))


def _counts() -> Iterator[PanelBuilder]:
    for name, colour in (("up", style.GOOD), ("down", style.BAD), ("unknown", style.UNKNOWN)):
        description = f"Number of selected products that are {name} now."
        yield value(
            f"Products {name}",
            description,
            "none",
            Query(f"sum({state(name)})"),
            steps=style.from_zero(colour),
            width=3,
        )
    yield value(
        "Low coverage",
        "Number of products with less than 99 % coverage of the window. Their bounds are wide.",
        "none",
        Query(f"sum({COVERAGE} < bool 0.99)"),
        steps=style.ANY_IS_WARNING,
        width=3,
    )
    yield value(
        "Objectives missed",
        "Number of products that missed their objective: the maximum is below the objective.",
        "none",
        Query(f"sum(({VERDICT}) == bool 1)"),
        steps=style.ANY_IS_BAD,
        width=3,
    )


def _problems() -> Iterator[PanelBuilder]:
    yield value(
        "Open incidents",
        "Open incidents of checks. A product with open incidents may be up.",
        "none",
        Query(f"sum({OPEN_INCIDENTS})"),
        steps=style.ANY_IS_BAD,
        width=3,
    )
    yield value(
        "Smallest budget left",
        "Lowest remaining share of an error budget. If it is below 0, the objective is missed.",
        "percentunit",
        Query(f"min({BUDGET_SHARE})"),
        steps=style.BUDGET,
        width=3,
    )
    yield value(
        "Next certificate expires in",
        "Earliest expiry of all certificates that probes received.",
        "s",
        Query(f"min({EXPIRY})"),
        steps=style.EXPIRY,
        width=3,
    )


def _states() -> PanelBuilder:
    return timeline(
        "State",
        "State of each product. Unknown time counts neither as up nor as down.",
        style.STATES,
        Query(STATE, "{{product}}"),
        label="product",
    )


def _objectives() -> PanelBuilder:
    exhausted = by_product("ninewatch_budget_exhaustion_timestamp_seconds", function="min")
    return figures(
        "Objectives",
        "Over the window of each objective, before exclusions. Met: the minimum reaches the objective. Missed: the "
        "maximum is below it. Ceiling: highest availability that may be claimed with the unmet readiness items. Spent "
        "in: time until the budget is spent at the burn rate of the last 24 h; empty if it lasts.",
        "product",
        {
            "Verdict": Column(VERDICT, names=style.VERDICTS),
            "Availability": Column(rounded_down(promised_availability("point")), "percentunit"),
            "Minimum": Column(rounded_down(promised_availability("low")), "percentunit"),
            "Maximum": Column(rounded_down(promised_availability("high")), "percentunit"),
            "Objective": Column(OBJECTIVE, "percentunit"),
            "Ceiling": Column(CEILING, "percentunit"),
            "Budget left": Column(BUDGET_SHARE, "percentunit", steps=style.BUDGET, decimals=1),
            "Downtime left": Column(BUDGET, "s"),
            "Spent in": Column(f"{exhausted} - time()", "s"),
            "Open incidents": Column(OPEN_INCIDENTS, steps=style.ANY_IS_BAD),
        },
    )


def _budget_left() -> PanelBuilder:
    return gauges(
        "Budget left",
        "Remaining share of the error budget, over the window of each objective.",
        "percentunit",
        Query(BUDGET_SHARE, "{{product}}"),
        style.BUDGET,
    )


def _budgets() -> Iterator[PanelBuilder]:
    yield lines(
        "Downtime left",
        "Downtime that the objective still allows. If it is below 0, the objective is missed.",
        "s",
        Query(BUDGET, "{{product}}"),
    )
    yield lines(
        "Burn rate over 24 h",
        "1 spends the error budget exactly by the end of the window of the objective.",
        "none",
        Query(by_product("ninewatch_burn_rate", 'window="24h"'), "{{product}}"),
    )


def _nines() -> PanelBuilder:
    return figures(
        "Nines and availability",
        "The true value is between minimum and maximum. All values are rounded down; 9 nines also mean no "
        "downtime. If coverage is low, the bounds are wide.",
        "product",
        {
            **{f"Nines: {_BOUND_NAMES[bound]}": Column(nines(availability(bound)), decimals=2) for bound in BOUNDS},
            **{
                f"Availability: {_BOUND_NAMES[bound]}": Column(rounded_down(availability(bound)), "percentunit")
                for bound in BOUNDS
            },
            "Coverage": Column(rounded_down(COVERAGE), "percentunit", steps=style.COVERAGE),
        },
    )


_BOUND_NAMES = {"low": "minimum", "point": "estimate", "high": "maximum"}


def _trends() -> Iterator[PanelBuilder]:
    yield lines(
        "Availability, minimum",
        "Lower bound of the availability of each product.",
        "percentunit",
        Query(availability("low"), "{{product}}"),
    )
    yield lines(
        "Availability, estimate",
        "Estimate of the availability of each product. Unknown time does not count.",
        "percentunit",
        Query(availability("point"), "{{product}}"),
    )
    yield lines("Coverage", "Known share of the window.", "percentunit", Query(COVERAGE, "{{product}}"))


def _incidents() -> Iterator[PanelBuilder]:
    yield lines(
        "Open incidents",
        "Number of open incidents of each product.",
        "none",
        Query(OPEN_INCIDENTS, "{{product}}"),
        bars=True,
    )
    yield lines(
        "Incidents opened",
        "Incidents that opened in the preceding hour.",
        "none",
        Query(f"max by (product) (increase(ninewatch_incidents_total{{{PRODUCT}}}[1h]))", "{{product}}"),
        bars=True,
    )
    yield gauges(
        "Certificates expire in",
        "Earliest expiry in the certificate chain of each check.",
        "s",
        Query(EXPIRY, "{{product}}/{{check}}"),
        style.EXPIRY,
    )
