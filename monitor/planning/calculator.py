"""Requirements of an objective: allowed downtime, probe interval, time to prove it, prerequisites.

`ninewatch nines` prints it, and the page /calculator shows it, so that both have the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from monitor.config.readiness import load_checklist
from monitor.package_files import shipped_path
from sla.calculator import MONTH, YEARS, Allowance, from_downtime, largest_interval, required_items, time_to_prove
from sla.interval import DAY, MINUTE, SECOND
from sla.objective import Objective
from sla.window import parse_duration

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from fractions import Fraction

    from sla.readiness import Checklist, ChecklistItem

USUAL_INTERVALS: Final = (MINUTE, 10 * SECOND)


@dataclass(frozen=True, slots=True)
class IntervalNeed:
    """A probe interval, whether it is short enough to measure the objective over 30 days, and the time to prove it.

    Microseconds. The time is that of a record without a bad probe.
    """

    interval: int
    measures: bool
    proven_after: int

    @property
    def proven_text(self) -> str:
        """The time in days, rounded up: whole days from 100 days on, otherwise with one decimal."""
        if self.proven_after >= 100 * DAY:
            return f"{-(-self.proven_after // DAY):,} days"
        return f"{-(-10 * self.proven_after // DAY) / 10:.1f} days"


@dataclass(frozen=True, slots=True)
class Requirements:
    """The requirements of an objective. `year` is a key of `sla.calculator.YEARS`; lengths are in microseconds.

    `intervals` start with the longest one that measures the objective. `items` of the checklist must be met.
    """

    allowance: Allowance
    year: str
    intervals: tuple[IntervalNeed, ...]
    checklist: Checklist
    items: tuple[ChecklistItem, ...]

    @property
    def objective(self) -> Objective:
        """The objective."""
        return self.allowance.objective

    @property
    def longest_interval(self) -> int:
        """The longest probe interval that measures the objective: 2 probes fit into the budget of 30 days."""
        return largest_interval(self.objective)

    @property
    def monthly_budget(self) -> Fraction:
        """The downtime that the objective allows in 30 days."""
        return self.objective.allowed(MONTH)

    def allowed(self) -> Iterator[tuple[str, Fraction]]:
        """Yield the name of each period with the downtime allowed in it."""
        names = {
            "year": f"per year ({self.year[:-1]} days)",
            "quarter": "per quarter (year / 4)",
            "month": "per 30 days",
        }
        for name, allowed in self.allowance.allowed.items():
            yield names.get(name, f"per {name}"), allowed


def objective_of(text: str | None, downtime: str | None, over: str | None) -> Objective:
    """Return the objective of a text (`99.95`, `three nines`), or of a downtime over a window.

    Raises:
        ValueError: the values are not valid, or specify none or both.
    """
    if text is not None and downtime is None and over is None:
        return Objective.parse(text)
    if text is None and downtime is not None and over is not None:
        return from_downtime(parse_duration(downtime), parse_duration(over))
    raise ValueError("specify an objective (99.95), or both --downtime and --over (--downtime 43m12s --over 30d)")


def requirements(
    objective: Objective, year: str = "365d", intervals: Collection[int] = USUAL_INTERVALS
) -> Requirements:
    """Return what the objective takes, with the time to prove it for the longest interval and for `intervals`."""
    longest = largest_interval(objective)
    needs = tuple(
        IntervalNeed(interval, interval <= longest, time_to_prove(objective, interval))
        for interval in sorted({longest, *intervals}, reverse=True)
    )
    checklist = _checklist()
    items = required_items(objective, checklist)
    return Requirements(Allowance(objective, YEARS[year]), year, needs, checklist, items)


@lru_cache(maxsize=1)
def _checklist() -> Checklist:
    return load_checklist(shipped_path("config", "checklists", "five-nines.yaml"))
