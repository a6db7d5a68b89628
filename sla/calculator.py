"""Compute the downtime that an objective allows, and the probes needed to measure and prove it.

Durations are in microseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.confidence_bound import ALPHA
from sla.interval import DAY, WEEK
from sla.objective import Objective, nines

if TYPE_CHECKING:
    from sla.readiness import Checklist, ChecklistItem

MONTH = 30 * DAY
"""A month: 30 days. Also the default window in which an objective must be measurable."""

YEARS = {"365d": 365 * DAY, "365.25d": 365 * DAY + DAY // 4}
"""The selectable lengths of a year. The default is the first one, 8,760 hours."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """An objective with the exact downtime that it allows in each period.

    A quarter is a quarter of `year` (91.25 days for 365 days). A month is 30 days, the usual window of objectives, so
    twelve months are not a year.
    """

    objective: Objective
    year: int = YEARS["365d"]

    @property
    def lengths(self) -> dict[str, Fraction]:
        """The length of each period."""
        year = Fraction(self.year)
        return {
            "year": year,
            "quarter": year / 4,
            "month": Fraction(MONTH),
            "week": Fraction(WEEK),
            "day": Fraction(DAY),
        }

    @property
    def allowed(self) -> dict[str, Fraction]:
        """The downtime allowed in each period: (1 - objective) x length, measurement.md section 7."""
        return {name: (1 - self.objective.ratio) * length for name, length in self.lengths.items()}

    def as_json(self) -> dict[str, object]:
        """Return the object of `ninewatch nines --json`: durations in seconds, numbers in full precision."""
        return {
            "availability": float(self.objective.ratio),
            "nines": nines(self.objective.ratio),
            "allowed_downtime_seconds": {name: float(allowed / 1_000_000) for name, allowed in self.allowed.items()},
        }


def from_downtime(downtime: int, window: int) -> Objective:
    """Return the availability of a window with this downtime (both in microseconds).

    Raises:
        ValueError: the downtime is not between 0 and the length of the window.
    """
    if window <= 0:
        raise ValueError("the window is empty; use for example 30d")
    if downtime >= window:
        raise ValueError("the downtime is not shorter than the window; specify a shorter downtime")
    return Objective(1 - Fraction(downtime, window))


def largest_interval(objective: Objective, window: int = MONTH) -> int:
    """Return the longest probe interval (whole microseconds) with which the objective is measurable over the window.

    The allowed downtime must be at least 2 x interval: measurement.md, section 6.
    """
    return math.floor(objective.allowed(window) / 2)


def observations_to_prove(objective: Objective) -> int:
    """Return the smallest n for which n good observations out of n prove the objective at 95 %.

    Clopper-Pearson with g = n: 0.05^(1/n) >= objective, that is n >= ln 0.05 / ln objective. Computed with 40 digits,
    because the logarithm of a float near 1 is not precise enough.

    >>> observations_to_prove(Objective.parse("99.9"))
    2995
    """
    with localcontext() as context:
        context.prec = 40
        ratio = Decimal(objective.ratio.numerator) / Decimal(objective.ratio.denominator)
        return max(1, math.ceil(Decimal(str(ALPHA)).ln() / ratio.ln()))


def time_to_prove(objective: Objective, interval: int) -> int:
    """Return the length of a record without bad observations that proves the objective, microseconds."""
    return observations_to_prove(objective) * interval


def required_items(objective: Objective, checklist: Checklist) -> tuple[ChecklistItem, ...]:
    """Return the items that must be met to claim the objective: the items with a cap below it."""
    return tuple(item for item in checklist.items if item.cap < objective.ratio)
