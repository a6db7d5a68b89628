"""The availability of a window: estimate, bounds, coverage and verdict.

measurement.md, sections 5 and 6. All ratios are exact fractions.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from sla.objective import Objective
    from sla.states import Durations

T = TypeVar("T")


class Bounds(NamedTuple, Generic[T]):
    """A figure with its lower and upper bound; the true value is within them."""

    low: T
    point: T
    high: T


class UnknownPolicy(StrEnum):
    """How unknown time enters the point estimate, spent budget and burn: only by guesses, as down time, as up time."""

    EXCLUDE = "exclude"
    DOWN = "down"
    UP = "up"


class Verdict(StrEnum):
    """Whether the record decides that an objective was met."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


def coverage(durations: Durations) -> Fraction | None:
    """Return the share of the time of which anything is known; None of no time at all."""
    return _ratio(durations.known, durations.total)


def availability(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> Bounds[Fraction | None]:
    """Return low, point and high; all None for a window without time, point None if all time is unknown."""
    total = durations.total
    return Bounds(_ratio(durations.up, total), estimate(durations, policy), _ratio(total - durations.down, total))


def estimate(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> Fraction | None:
    """Return the point availability alone; None where nothing is known and there is no guess."""
    return _ratio(*estimated(durations, policy))


def estimated(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> tuple[int, int]:
    """Return the time that is up by the estimate and the time that it is counted of, microseconds."""
    up = durations.up + durations.doubt_up
    if policy is UnknownPolicy.EXCLUDE:
        up += durations.guessed_up
        return up, durations.known + durations.guessed_up + durations.guessed_down
    if policy is UnknownPolicy.UP:
        up += durations.unknown
    return up, durations.total


class Shares(NamedTuple):
    """Availability and coverage as floats."""

    availability: Bounds[float | None]
    coverage: float | None


def shares(durations: Durations) -> Shares:
    """Return what `availability` and `coverage` return, each as the float that is nearest to the exact ratio.

    A fraction takes ten times as long, and a scrape needs thousands of them.
    """
    total = durations.total
    if not total:
        return Shares(Bounds(None, None, None), None)
    up, counted = estimated(durations)
    point = up / counted if counted else None
    bounds = Bounds(durations.up / total, point, (total - durations.down) / total)
    return Shares(bounds, (total - durations.unknown) / total)


def downtime(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> Bounds[int]:
    """Return low, point and high, microseconds. The policy moves the point only."""
    down, doubt, unknown = durations.down, durations.doubt, durations.unknown
    counted = {UnknownPolicy.EXCLUDE: durations.guessed_down, UnknownPolicy.DOWN: unknown, UnknownPolicy.UP: 0}
    point = down + durations.doubt_down + counted[policy]
    return Bounds(down, point, down + doubt + unknown)


def verdict(durations: Durations, objective: Objective, allowed: Fraction | None = None) -> Verdict:
    """Return whether the bounds decide the objective.

    `allowed` (microseconds) is the whole budget of a calendar window in progress, of which `durations` are the elapsed
    part: certain downtime past it is a miss, whatever is still to come.
    """
    low, _, high = availability(durations)
    if (allowed is not None and durations.down > allowed) or (high is not None and high < objective.ratio):
        return Verdict.MISSED
    if low is not None and low >= objective.ratio:
        return Verdict.MET
    return Verdict.UNDECIDED


def resolvable(allowed: Fraction, interval: int) -> bool:
    """Return whether probing each `interval` can see an outage that uses up the allowed downtime (microseconds both).

    The shortest outage sure to be seen twice lasts two intervals.
    """
    return allowed >= 2 * interval


def _ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
