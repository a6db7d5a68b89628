"""Error budgets: the downtime that an objective allows, how much is spent, and how fast.

See measurement.md, section 7. Burn rates follow the Google SRE Workbook, chapter 5, "Alerting on SLOs". `sla.alerting`
has the alerts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.availability import UnknownPolicy, downtime, estimated_uptime
from sla.interval import DAY
from sla.objective import Objective

if TYPE_CHECKING:
    from sla.interval import Interval
    from sla.state_history import History
    from sla.states import Durations


@dataclass(frozen=True, slots=True)
class Budget:
    """An error budget in microseconds of downtime. `remaining` is negative if more was spent than allowed."""

    allowed: Fraction
    spent: Fraction

    @property
    def remaining(self) -> Fraction:
        """The allowed downtime minus the spent downtime."""
        return self.allowed - self.spent


def budget(
    objective: Objective,
    durations: Durations,
    policy: UnknownPolicy = UnknownPolicy.EXCLUDE,
    length: int | None = None,
) -> Budget:
    """Return the budget of a window after exclusions. The point downtime counts as spent.

    For a calendar window in progress, `durations` is the elapsed part, and `length` (microseconds, after exclusions) is
    the length of the complete window.
    """
    allowed = objective.allowed(durations.total if length is None else length)
    return Budget(allowed, Fraction(downtime(durations, policy).point))


def allowed_within(history: History, window: Interval, objective: Objective) -> Fraction:
    """Return the downtime that the objectives of a window allow, in microseconds.

    It is the sum over the parts with one objective each: measurement.md, section 7. `objective` applies if the history
    has no definitions.
    """
    parts = history.objectives(window)
    return (
        sum((part_objective.allowed(span.length) for span, part_objective in parts), Fraction(0))
        if parts
        else objective.allowed(window.length)
    )


def objective_within(history: History, window: Interval, objective: Objective) -> Objective:
    """Return the objective of the window. If it changed in the window, return one with the same allowed downtime.

    `objective` applies if the history has no definitions or the window is empty.
    """
    parts = history.objectives(window) if window.length else ()
    if len(parts) > 1:
        return Objective(1 - allowed_within(history, window, objective) / window.length)
    return parts[0][1] if parts else objective


def burn_rate(
    objective: Objective, durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE
) -> Fraction | None:
    """Return the burn rate: the point unavailability divided by the allowed unavailability. None if no time is known.

    That is (spent / known) / (1 - objective). The policy defines how unknown time counts. At a burn rate of 1 the
    budget lasts exactly for its period.
    """
    up, counted = estimated_uptime(durations, policy)
    numerator, denominator = objective.ratio.numerator, objective.ratio.denominator
    return Fraction((counted - up) * denominator, counted * (denominator - numerator)) if counted else None


def burn_rate_float(objective: Objective, durations: Durations) -> float | None:
    """Return `burn_rate` as the nearest float. Fractions take ten times as long, and a scrape needs thousands."""
    up, counted = estimated_uptime(durations)
    numerator, denominator = objective.ratio.numerator, objective.ratio.denominator
    return (counted - up) * denominator / (counted * (denominator - numerator)) if counted else None


# The burn rate over this time is extrapolated: it includes an incident of last night, but not one of last week.
FORECAST_LOOKBACK = DAY


@dataclass(frozen=True, slots=True)
class Forecast:
    """The instant at which a budget is exhausted at `burn`, the burn rate over the last `lookback` microseconds.

    `burn` is None if all of that time is unknown. `exhausted_at` is None if the budget lasts for the window or the burn
    rate is unknown.
    """

    lookback: int
    burn: Fraction | None
    exhausted_at: int | None


def exhausted_at(budget: Budget, objective: Objective, burn: Fraction | None, at: int, window: int) -> int | None:
    """Return the instant at which a rolling window's budget is exhausted at this burn rate. None if the budget lasts.

    Returns `at` if the budget is already exhausted. The result is a lower bound: it ignores that old downtime leaves
    the window. After `window` microseconds all current downtime has left it, so a budget that lasts until then is never
    exhausted at this burn rate.
    """
    if budget.remaining <= 0:
        return at
    if not burn:
        return None
    remaining_time = budget.remaining / (burn * (1 - objective.ratio))
    return at + math.floor(remaining_time) if remaining_time <= window else None
