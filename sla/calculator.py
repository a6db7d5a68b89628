"""The downtime that an objective allows, and what it takes to measure and to prove it. Durations are microseconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.interval import DAY, WEEK
from sla.objective import Objective, nines
from sla.proof import ALPHA

if TYPE_CHECKING:
    from sla.readiness import Checklist, ChecklistItem

MONTH = 30 * DAY
"""The window in which an objective has to be observed, and the month of the table: always 30 days."""

YEARS = {"365d": 365 * DAY, "365.25d": 365 * DAY + DAY // 4}
"""The years that a person may ask for. The calculator's default is the first, 8,760 hours."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """An objective and the downtime that it allows in each period, exact.

    The quarter is a quarter of the year asked for (91.25 days of 365), so that four quarters are a year; a month is 30
    days, the window that objectives are kept over; twelve of those are not a year.
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


def from_downtime(downtime: int, over: int) -> Objective:
    """Return the availability of a window in which `downtime` of `over` microseconds was lost.

    Raises:
        ValueError: the downtime is not above 0 and below the window. The message says which.
    """
    if over <= 0:
        raise ValueError("a window of no length has no availability; write 30d, say")
    if downtime >= over:
        raise ValueError("the downtime is as long as the window or longer; nothing is left to call available")
    return Objective(1 - Fraction(downtime, over))


def largest_interval(objective: Objective, window: int = MONTH) -> int:
    """Return the longest probe interval, whole microseconds, that can resolve the objective over the window.

    Resolvable means allowed downtime >= 2 x interval: measurement.md, section 6.
    """
    return math.floor(objective.allowed(window) / 2)


def clean_observations(objective: Objective) -> int:
    """Return the smallest n for which n good observations out of n prove the objective at 95 %.

    Clopper-Pearson with g = n: 0.05^(1/n) >= objective, that is n >= ln 0.05 / ln objective. In 40 digits, because
    near 1 a float's logarithm loses the count.

    >>> clean_observations(Objective.parse("99.9"))
    2995
    """
    with localcontext() as context:
        context.prec = 40
        ratio = Decimal(objective.ratio.numerator) / Decimal(objective.ratio.denominator)
        return max(1, math.ceil(Decimal(str(ALPHA)).ln() / ratio.ln()))


def clean_record(objective: Objective, interval: int) -> int:
    """Return how long, microseconds, a record without one bad observation has to be until it proves the objective."""
    return clean_observations(objective) * interval


def required(objective: Objective, checklist: Checklist) -> tuple[ChecklistItem, ...]:
    """Return the items without which the objective may not be claimed: those whose cap lies below it."""
    return tuple(item for item in checklist.items if item.cap < objective.ratio)
