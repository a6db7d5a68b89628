"""An error budget policy: what follows when a share of the downtime budget is spent, and who sees to it.

After the example in Google, The Site Reliability Workbook (O'Reilly 2018), appendix B, "Example Error Budget Policy".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.availability import Bounds


class Undecided(StrEnum):
    """The answer of the gate where the record decides none: unknown, hold, go, or by the estimate."""

    UNKNOWN = "unknown"
    HOLD = "hold"
    GO = "go"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Step:
    """What follows when `spent` of the budget is spent, as a share of what is allowed.

    `holds` is whether releases are held from then on. `owner` is the person or team that sees to the consequence.
    """

    spent: Fraction
    holds: bool
    consequence: str
    owner: str

    @property
    def threshold(self) -> str:
        """The threshold as text: `80% of the budget spent`."""
        return f"{format_share(self.spent)} of the budget spent"

    def reached(self, spent: Bounds[Fraction]) -> bool | None:
        """Return whether the step is reached, by the bounds of the share that is spent; None: they do not decide it."""
        if spent.low >= self.spent:
            return True
        return None if spent.high >= self.spent else False


def format_share(share: Fraction) -> str:
    """Return a configured share as percent, as it would be written: `80%`."""
    return f"{float(share * 100):.10g}%"


LEAST_COVERAGE: Final = Fraction(9, 10)


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """The steps in the order of their thresholds.

    `coverage` is the least known share of the window for the answer go. `contractual` is whether the budget is that of
    the contractual figure, after exclusions.
    """

    id: str
    title: str
    source: str
    steps: tuple[Step, ...]
    coverage: Fraction = LEAST_COVERAGE
    undecided: Undecided = Undecided.UNKNOWN
    contractual: bool = False

    def standings(self, spent: Bounds[Fraction] | None) -> Iterator[Standing]:
        """Yield each step with whether it is reached; none is decided where no budget is known."""
        for step in sorted(self.steps, key=lambda each: each.spent):
            yield Standing(step, None if spent is None else step.reached(spent), _by_estimate(step, spent))


def _by_estimate(step: Step, spent: Bounds[Fraction] | None) -> bool | None:
    return None if spent is None else spent.point >= step.spent


@dataclass(frozen=True, slots=True)
class Standing:
    """A step, whether it is `reached` by the bounds (None: not decided), and whether by the estimate."""

    step: Step
    reached: bool | None
    estimated: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API and of reports."""
        return {
            "spent": float(self.step.spent),
            "gate": "hold" if self.step.holds else "go",
            "consequence": self.step.consequence,
            "owner": self.step.owner,
            "reached": self.reached,
        }


def in_force(standings: tuple[Standing, ...]) -> Standing | None:
    """Return the highest step that is reached, None where none is."""
    return next((each for each in reversed(standings) if each.reached), None)
