"""The availability of a window: estimate, bounds, coverage and verdict.

See measurement.md, sections 5 and 6. Ratios are exact fractions.
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
    """A figure with its lower and upper bound, which the true value cannot leave."""

    low: T
    point: T
    high: T


class UnknownPolicy(StrEnum):
    """How unknown time counts in the point estimate, the spent budget and the burn rate.

    EXCLUDE: only guesses count. DOWN: it counts as downtime. UP: it counts as uptime.
    """

    EXCLUDE = "exclude"
    DOWN = "down"
    UP = "up"


class Verdict(StrEnum):
    """Whether an objective was met, according to the record. UNDECIDED: the objective is between the bounds."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"


def coverage(durations: Durations) -> Fraction | None:
    """Return the known share of the time; None for an empty window."""
    return _ratio(durations.known, durations.total)


def availability(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> Bounds[Fraction | None]:
    """Return low, point and high. All are None for an empty window. The point is None if all time is unknown."""
    total = durations.total
    return Bounds(_ratio(durations.up, total), estimate(durations, policy), _ratio(total - durations.down, total))


def estimate(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> Fraction | None:
    """Return the point availability. None if all time is unknown and has no guess."""
    return _ratio(*estimated_uptime(durations, policy))


def estimated_uptime(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> tuple[int, int]:
    """Return numerator and denominator of the point availability: estimated uptime and counted time, microseconds."""
    up, down, doubt_up, doubt_down, unknown, guessed_up, guessed_down = durations
    known = up + down + doubt_up + doubt_down
    if policy is UnknownPolicy.EXCLUDE:
        return up + doubt_up + guessed_up, known + guessed_up + guessed_down
    return up + doubt_up + (unknown if policy is UnknownPolicy.UP else 0), known + unknown


class Shares(NamedTuple):
    """Availability and coverage as floats."""

    availability: Bounds[float | None]
    coverage: float | None


def shares(durations: Durations) -> Shares:
    """Return `availability` and `coverage` as floats, each nearest to the exact ratio.

    Fractions take ten times as long, and a scrape needs thousands of values.
    """
    up, down, doubt_up, doubt_down, unknown, guessed_up, guessed_down = durations
    known = up + down + doubt_up + doubt_down
    total, counted = known + unknown, known + guessed_up + guessed_down
    if not total:
        return Shares(Bounds(None, None, None), None)
    point = (up + doubt_up + guessed_up) / counted if counted else None
    return Shares(Bounds(up / total, point, (total - down) / total), known / total)


def downtime(durations: Durations, policy: UnknownPolicy = UnknownPolicy.EXCLUDE) -> Bounds[int]:
    """Return low, point and high, microseconds. The policy changes the point only."""
    _, down, doubt_up, doubt_down, unknown, _, counted = durations
    if policy is not UnknownPolicy.EXCLUDE:
        counted = unknown if policy is UnknownPolicy.DOWN else 0
    return Bounds(down, down + doubt_down + counted, down + doubt_up + doubt_down + unknown)


def estimated_downtime(durations: Durations) -> int:
    """Return the point of `downtime`, microseconds: faster, for callers with many durations."""
    _, down, _, doubt_down, _, _, guessed_down = durations
    return down + doubt_down + guessed_down


def verdict(durations: Durations, objective: Objective, allowed: Fraction | None = None) -> Verdict:
    """Return whether the bounds decide the objective.

    For a calendar window in progress, `durations` is the elapsed part and `allowed` (microseconds) the budget of the
    complete window. If the certain downtime exceeds it, the objective is missed whatever the remaining time brings.
    """
    low, _, high = availability(durations)
    if (allowed is not None and durations.down > allowed) or (high is not None and high < objective.ratio):
        return Verdict.MISSED
    if low is not None and low >= objective.ratio:
        return Verdict.MET
    return Verdict.UNDECIDED


def resolvable(allowed: Fraction, interval: int) -> bool:
    """Return whether a probe per `interval` measures an outage as long as the allowed downtime (both in microseconds).

    An outage of two intervals is the shortest one that is certainly observed twice.
    """
    return allowed >= 2 * interval


def _ratio(part: int, total: int) -> Fraction | None:
    return Fraction(part, total) if total else None
