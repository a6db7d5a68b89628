"""Budgets, burn rates, the cited burn policies and the forecast of section 7."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.availability import UnknownPolicy
from sla.budget import Budget, budget, burn_rate, exhausted_at
from sla.interval import DAY, HOUR
from sla.objective import Objective
from sla.states import Durations

EXAMPLE = Durations(up=180, down=60, doubt_up=60, doubt_down=60, unknown=640)
NINES3 = Objective.parse("99.9%")


def test_worked_example() -> None:
    """One second of a thousand allowed, 120 spent, 119 overdrawn."""
    held = budget(NINES3, EXAMPLE)
    assert (held.allowed, held.spent, held.remaining) == (1, 120, -119)


def test_a_window_in_progress_has_the_budget_of_the_whole() -> None:
    """Spent is what has elapsed; allowed is for all of it."""
    assert budget(NINES3, EXAMPLE, length=1_000_000).remaining == 880


@pytest.mark.parametrize(
    ("policy", "spent", "burn"),
    [
        (UnknownPolicy.EXCLUDE, 120, Fraction(120, 360)),
        (UnknownPolicy.DOWN, 760, Fraction(760, 1000)),
        (UnknownPolicy.UP, 120, Fraction(120, 1000)),
    ],
)
def test_the_policy_decides_what_unknown_time_spends(policy: UnknownPolicy, spent: int, burn: Fraction) -> None:
    """Spent budget and burn rate follow the point estimate."""
    assert budget(NINES3, EXAMPLE, policy).spent == spent
    assert burn_rate(NINES3, EXAMPLE, policy) == burn * 1000


def test_nothing_known_burns_nothing_measurable() -> None:
    """No rate, rather than a rate of nought."""
    assert burn_rate(NINES3, Durations(unknown=5)) is None


def test_forecast_of_the_budgets_end() -> None:
    """At a burn of 1 a whole budget lasts its period; at 30 a day of a month; spent is now, not burning is never."""
    objective = Objective.parse("99%")
    whole = Budget(objective.allowed(30 * DAY), Fraction(0))
    assert exhausted_at(whole, objective, Fraction(1), HOUR, 30 * DAY) == HOUR + 30 * DAY
    assert exhausted_at(whole, objective, Fraction(30), 0, 30 * DAY) == DAY
    assert exhausted_at(Budget(Fraction(1), Fraction(1)), objective, None, 5, DAY) == 5
    assert exhausted_at(whole, objective, Fraction(0), 5, 30 * DAY) is None
    assert exhausted_at(whole, objective, None, 5, 30 * DAY) is None


def test_a_budget_that_outlasts_its_rolling_window_is_never_spent() -> None:
    """By then the window has forgotten what was spent before, and the pace alone spends less than it allows."""
    objective = Objective.parse("99%")
    allowed = objective.allowed(30 * DAY)
    half = Budget(allowed, allowed / 2)
    assert exhausted_at(half, objective, Fraction(1, 2), 0, 30 * DAY) == 30 * DAY
    assert exhausted_at(half, objective, Fraction(49, 100), 0, 30 * DAY) is None
