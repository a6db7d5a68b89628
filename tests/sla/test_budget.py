"""Tests of budgets, burn rates, burn policies and forecasts (measurement.md, section 7)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.availability import UnknownPolicy
from sla.budget import Budget, budget, burn_rate, burn_rate_float, exhausted_at
from sla.interval import DAY, HOUR
from sla.objective import Objective
from sla.states import Durations

EXAMPLE = Durations(up=180, down=60, doubt_up=60, doubt_down=60, unknown=640)
NINES3 = Objective.parse("99.9%")


def test_worked_example() -> None:
    """1 of 1,000 seconds is allowed, 120 are spent, so 119 are overspent."""
    error_budget = budget(NINES3, EXAMPLE)
    assert (error_budget.allowed, error_budget.spent, error_budget.remaining) == (1, 120, -119)


def test_window_in_progress_has_the_budget_of_the_complete_window() -> None:
    """The spent downtime is that of the elapsed part, the allowed downtime that of the complete window."""
    assert budget(NINES3, EXAMPLE, length=1_000_000).remaining == 880


@pytest.mark.parametrize(
    ("policy", "spent", "burn"),
    [
        (UnknownPolicy.EXCLUDE, 120, Fraction(120, 360)),
        (UnknownPolicy.DOWN, 760, Fraction(760, 1000)),
        (UnknownPolicy.UP, 120, Fraction(120, 1000)),
    ],
)
def test_unknown_policy_decides_whether_unknown_time_spends_budget(
    policy: UnknownPolicy, spent: int, burn: Fraction
) -> None:
    """Spent budget and burn rate follow the point estimate."""
    assert budget(NINES3, EXAMPLE, policy).spent == spent
    assert burn_rate(NINES3, EXAMPLE, policy) == burn * 1000


def test_unknown_durations_have_no_burn_rate() -> None:
    """The rate is None, not 0."""
    assert burn_rate(NINES3, Durations(unknown=5)) is None
    assert burn_rate_float(NINES3, Durations(unknown=5)) is None


@given(st.lists(st.integers(0, 10**15), min_size=6, max_size=6), st.fractions(0.001, 0.999))
def test_burn_ratio_is_the_nearest_float_of_the_burn_rate(parts: list[int], ratio: Fraction) -> None:
    up, down, doubt_up, doubt_down, guessed_up, guessed_down = parts
    guesses = guessed_up + guessed_down
    durations = Durations(up, down, doubt_up, doubt_down, guesses, guessed_up, guessed_down)
    exact = burn_rate(Objective(ratio), durations)
    assert burn_rate_float(Objective(ratio), durations) == (None if exact is None else float(exact))


def test_forecast_of_the_exhaustion_of_a_budget() -> None:
    """At a burn rate of 1 a full budget lasts for its period, at 30 for one day of a month. A spent one ends now."""
    objective = Objective.parse("99%")
    unspent = Budget(objective.allowed(30 * DAY), Fraction(0))
    assert exhausted_at(unspent, objective, Fraction(1), HOUR, 30 * DAY) == HOUR + 30 * DAY
    assert exhausted_at(unspent, objective, Fraction(30), 0, 30 * DAY) == DAY
    assert exhausted_at(Budget(Fraction(1), Fraction(1)), objective, None, 5, DAY) == 5
    assert exhausted_at(unspent, objective, Fraction(0), 5, 30 * DAY) is None
    assert exhausted_at(unspent, objective, None, 5, 30 * DAY) is None


def test_budget_that_lasts_longer_than_its_rolling_window_is_never_exhausted() -> None:
    """By then, the old downtime has left the window, and the burn rate alone spends less than the budget."""
    objective = Objective.parse("99%")
    allowed = objective.allowed(30 * DAY)
    half = Budget(allowed, allowed / 2)
    assert exhausted_at(half, objective, Fraction(1, 2), 0, 30 * DAY) == 30 * DAY
    assert exhausted_at(half, objective, Fraction(49, 100), 0, 30 * DAY) is None
