"""An error budget policy: what happens when a given share of the error budget is spent, and who is responsible.

Based on Google, The Site Reliability Workbook (O'Reilly 2018), appendix B, "Example Error Budget Policy".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sla.availability import Bounds


class FallbackAnswer(StrEnum):
    """The release gate's answer if the record is not sufficient for go or hold. ESTIMATE: the estimate decides."""

    UNKNOWN = "unknown"
    HOLD = "hold"
    GO = "go"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Step:
    """The `consequence` when the spent share of the budget reaches `threshold`.

    `holds`: whether releases are then held. `owner` is the person or team that is responsible for the `consequence`.
    """

    threshold: Fraction
    holds: bool
    consequence: str
    owner: str

    @property
    def threshold_text(self) -> str:
        """The threshold as text: `80% of the budget spent`."""
        return f"{format_share(self.threshold)} of the budget spent"

    def reached(self, spent: Bounds[Fraction]) -> bool | None:
        """Return whether the step is reached, according to the bounds of the spent share. None if it is undecided."""
        if spent.low >= self.threshold:
            return True
        return None if spent.high >= self.threshold else False


def format_share(share: Fraction) -> str:
    """Return a configured share as a percentage: `80%`."""
    return f"{float(share * 100):.10g}%"


MIN_COVERAGE: Final = Fraction(9, 10)


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """A policy with its steps in the order of their thresholds.

    `min_coverage` is the minimum coverage of the window for the answer go. `contractual`: whether the budget of the
    contractual figure (after exclusions) is used.
    """

    id: str
    title: str
    source: str
    steps: tuple[Step, ...]
    min_coverage: Fraction = MIN_COVERAGE
    fallback: FallbackAnswer = FallbackAnswer.UNKNOWN
    contractual: bool = False

    def step_statuses(self, spent: Bounds[Fraction] | None) -> Iterator[StepStatus]:
        """Yield each step and whether it is reached. All steps are undecided if the budget is unknown."""
        for step in sorted(self.steps, key=lambda step: step.threshold):
            yield StepStatus(step, None if spent is None else step.reached(spent), _is_reached_by_estimate(step, spent))


def _is_reached_by_estimate(step: Step, spent: Bounds[Fraction] | None) -> bool | None:
    return None if spent is None else spent.point >= step.threshold


@dataclass(frozen=True, slots=True)
class StepStatus:
    """A step, and whether it is reached according to the bounds (None: undecided) and to the estimate."""

    step: Step
    reached: bool | None
    reached_by_estimate: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return the object for the API and reports."""
        return {
            "spent": float(self.step.threshold),
            "gate": "hold" if self.step.holds else "go",
            "consequence": self.step.consequence,
            "owner": self.step.owner,
            "reached": self.reached,
        }


def in_force(step_statuses: tuple[StepStatus, ...]) -> StepStatus | None:
    """Return the highest reached step. None if no step is reached."""
    return next((step_status for step_status in reversed(step_statuses) if step_status.reached), None)
