"""Tests of the cost of downtime and the cost avoided: examples and properties of the bounds."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.availability import UnknownPolicy
from sla.downtime_cost import Rate, cost_lines, format_money, value
from sla.interval import DAY, HOUR, Interval
from sla.measured import Measured
from sla.objective import Objective
from sla.observation_counts import Counts
from sla.states import Durations

RATE = Rate(Fraction(1200), "CAD", "40 people at 30 an hour")


def measured_figures(
    up: int = 0,
    down: int = 0,
    unknown: int = 0,
    doubt: tuple[int, int] = (0, 0),
    goal: str | None = "99%",
    policy: UnknownPolicy = UnknownPolicy.EXCLUDE,
) -> Measured:
    durations = Durations(up, down, *doubt, unknown)
    objective = None if goal is None else Objective.parse(goal)
    return Measured(Interval(0, durations.total), 0, durations, Counts(), durations.total, objective, policy)


def test_worked_example() -> None:
    """100 h observed, 30 min down: 600 CAD. 99 % allows 1 h: 600 avoided. Before, 2 % were down: 1,800 avoided."""
    actual = value(RATE, measured_figures(99 * HOUR + HOUR // 2, HOUR // 2), measured_figures(49 * HOUR, HOUR))
    assert actual.cost == (600, 600, 600)
    assert actual.against_objective == (600, 600, 600)
    assert actual.against_previous == (1800, 1800, 1800)
    assert [(line.label, line.figure) for line in cost_lines(actual)] == [
        ("Cost of downtime", "600.00 CAD"),
        ("Cost avoided compared with the objective", "600.00 CAD"),
        ("Cost avoided compared with the previous period", "1,800.00 CAD"),
    ]


def test_additional_cost_is_a_negative_avoided_amount_in_all_outputs() -> None:
    """JSON and reports use the same label for both signs, so that months can be compared."""
    actual = value(RATE, measured_figures(97 * HOUR, 2 * HOUR, doubt=(0, HOUR)))
    assert actual.against_objective == (-2400, -2400, -1200)
    cost, against = cost_lines(actual)
    assert cost.between == "between 2,400.00 CAD and 3,600.00 CAD"
    assert (against.label, against.figure) == ("Cost avoided compared with the objective", "−2,400.00 CAD")
    assert against.between == "between −2,400.00 CAD and −1,200.00 CAD"
    assert "A negative amount is an additional cost." in actual.assumptions


def test_unknown_time_has_no_cost_in_the_estimate() -> None:
    """The bounds count it as downtime and as uptime."""
    actual = value(RATE, measured_figures(9 * HOUR, HOUR, 90 * HOUR))
    assert actual.cost == (1200, 1200, 91 * 1200)
    assert actual.against_objective is not None
    assert actual.against_objective.point == Fraction(1200) * Fraction("0.1") - 1200
    assert actual.against_objective.high == 0


def test_unknown_time_that_counts_as_down_is_in_cost_and_reference() -> None:
    actual = value(RATE, measured_figures(9 * HOUR, 0, HOUR, policy=UnknownPolicy.DOWN))
    assert actual.cost is not None
    assert actual.cost.point == 1200
    assert actual.against_objective is not None
    assert actual.against_objective.point == Fraction(1200) * (Fraction("0.1") - 1)


def test_without_a_reference_no_avoided_cost_is_given() -> None:
    """Cases: no objective, no previous period, an unknown previous period, and an unknown window."""
    assert value(RATE, measured_figures(DAY, goal=None)).against_objective is None
    assert value(RATE, measured_figures(DAY)).against_previous is None
    assert value(RATE, measured_figures(DAY), measured_figures(unknown=DAY)).against_previous is None
    blind = value(RATE, measured_figures(unknown=DAY), measured_figures(DAY))
    assert (blind.cost, blind.against_objective, blind.against_previous) == (None, None, None)
    assert cost_lines(blind) == []
    assert blind.as_json()["downtime_cost"] is None


def test_every_figure_has_its_assumption() -> None:
    """They state the source of the rate and the limits of each comparison."""
    text = " ".join(value(RATE, measured_figures(DAY), measured_figures(DAY)).assumptions)
    for arguments in (
        "1,200.00 CAD per hour of downtime (40 people at 30 an hour)",
        "99% allows",
        "share of downtime",
        "raw downtime",
    ):
        assert arguments in text
    assert len(value(RATE, measured_figures(DAY, goal=None)).assumptions) == 2
    for actual in (
        value(RATE, measured_figures(DAY)),
        value(RATE, measured_figures(DAY, goal=None), measured_figures(DAY)),
    ):
        assert actual.assumptions[-1] == "A negative amount is an additional cost."


def test_json_amounts_are_rounded_to_cents_or_null() -> None:
    body = value(Rate(Fraction(100, 3), "CAD", "b"), measured_figures(DAY, HOUR)).as_json()
    assert body["per_hour"] == 33.33
    assert body["downtime_cost"] == {"low": 33.33, "point": 33.33, "high": 33.33}
    assert body["avoided_against_previous"] is None
    assert body["currency"] == "CAD"
    assert body["assumptions"]


@pytest.mark.parametrize("amount", [0, -5])
def test_rate_must_be_above_0(amount: int) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Rate(Fraction(amount), "CAD", "b")


@pytest.mark.parametrize(
    ("amount", "text"), [("0", "0.00 CAD"), ("-0.5", "−0.50 CAD"), ("1234567.895", "1,234,567.90 CAD")]
)
def test_money_format(amount: str, text: str) -> None:
    assert format_money(Fraction(amount), "CAD") == text


LENGTHS = st.integers(min_value=0, max_value=10 * DAY)
RECORDS = st.builds(
    measured_figures, LENGTHS, LENGTHS, LENGTHS, st.tuples(LENGTHS, LENGTHS), policy=st.sampled_from(UnknownPolicy)
)


@given(RECORDS, RECORDS)
def test_bounds_enclose_the_estimate(now: Measured, before: Measured) -> None:
    actual = value(RATE, now, before)
    for bounds in (actual.cost, actual.against_objective, actual.against_previous):
        assert bounds is None or bounds.low <= bounds.point <= bounds.high


@given(RECORDS)
def test_equal_periods_have_no_avoided_cost(record: Measured) -> None:
    against_previous = value(RATE, record, record).against_previous
    assert against_previous is None or against_previous.point == 0


@given(RECORDS)
def test_cost_plus_avoided_cost_equals_the_allowed_cost(record: Measured) -> None:
    actual = value(RATE, record)
    if actual.cost is not None and actual.against_objective is not None:
        unknown = record.durations.unknown if record.unknown is UnknownPolicy.EXCLUDE else 0
        allowed = Objective.parse("99%").allowed(record.durations.total - unknown)
        assert actual.cost.point + actual.against_objective.point == RATE.cost(allowed)
