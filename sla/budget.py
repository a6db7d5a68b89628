"""Error budgets: the downtime that an objective allows, how much is spent, and how fast.

measurement.md, section 7. Burn rates after the Google SRE Workbook, chapter 5, "Alerting on SLOs"; which alerts follow
from them is in `sla.alerting`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.availability import UnknownPolicy, downtime, estimated
from sla.interval import DAY
from sla.objective import Objective

if TYPE_CHECKING:
    from sla.interval import Interval
    from sla.state_history import History
    from sla.states import Durations


@dataclass(frozen=True, slots=True)
class Budget:
    """Downtime in microseconds; `remaining` is negative if more was spent than allowed."""

    allowed: Fraction
    spent: Fraction

    @property
    def remaining(self) -> Fraction:
        """Allowed less spent."""
        return self.allowed - self.spent


def budget(
    objective: Objective,
    durations: Durations,
    policy: UnknownPolicy = UnknownPolicy.EXCLUDE,
    length: int | None = None,
) -> Budget:
    """Return the budget of a window after exclusions, and what its point downtime has spent of it.

    `length` (microseconds, after exclusions) is that of the whole calendar window if `durations` are its elapsed part.
    """
    allowed = objective.allowed(durations.total if length is None else length)
    return Budget(allowed, Fraction(downtime(durations, policy).point))


def allowed_within(history: History, window: Interval, objective: Objective) -> Fraction:
    """Return the downtime that the objectives allow in the window, microseconds: the sum over the parts of its time.

    measurement.md, section 7. `objective` is that of a history without definitions.
    """
    parts = history.promises(window)
    return (
        sum((each.allowed(span.length) for span, each in parts), Fraction(0))
        if parts
        else objective.allowed(window.length)
    )


def objective_within(history: History, window: Interval, objective: Objective) -> Objective:
    """Return the objective of the window; where it changed inside, the one that allows as much downtime.

    `objective` is that of a history without definitions, and of a window without length.
    """
    parts = history.promises(window) if window.length else ()
    if len(parts) > 1:
        return Objective(1 - allowed_within(history, window, objective) / window.length)
    return parts[0][1] if parts else objective


def burn_rate(
    objective: Objective, durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE
) -> Fraction | None:
    """Return how many times faster than the objective allows the budget was spent; None where nothing is known.

    (spent / known) / (1 - objective), where unknown time counts as the policy says in both: that is the point
    unavailability over the allowed one. At 1 the budget lasts exactly its period.
    """
    up, counted = estimated(durations, policy)
    above, below = objective.ratio.numerator, objective.ratio.denominator
    return Fraction((counted - up) * below, counted * (below - above)) if counted else None


PACE = DAY  # of a forecast: it takes in an incident of last night, and has forgotten last week's


@dataclass(frozen=True, slots=True)
class Forecast:
    """Whether a budget lasts at `burn`, the burn rate of the last `over` microseconds.

    `burn` is None if that time is unknown. `exhausted_at` is the instant at which the budget is spent; None if it lasts
    or is not known.
    """

    over: int
    burn: Fraction | None
    exhausted_at: int | None


def exhausted_at(budget: Budget, objective: Objective, burn: Fraction | None, at: int, window: int) -> int | None:
    """Return the instant at which a rolling window's budget ends if it goes on burning at this rate; None if it lasts.

    Already spent: `at` itself. Old downtime that leaves the window (microseconds) is ignored, so it is the earliest
    instant, not the likeliest. But after its length it has forgotten all that was spent before `at`, and holds
    nothing but the pace: what has lasted until then lasts.
    """
    if budget.remaining <= 0:
        return at
    if not burn:
        return None
    left = budget.remaining / (burn * (1 - objective.ratio))
    return at + math.floor(left) if left <= window else None
