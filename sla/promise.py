"""The promise: objective, measured and proven availability, claim ceiling, forecast, and the figure that all support.

Each figure limits the next promise on its own: what was measured may have been luck, what is proven needs time, and no
measurement raises the ceiling of a design. So the lowest of them is the highest figure that all of them support.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sla.availability import Bounds
    from sla.measured import Measured
    from sla.objective import Objective


@dataclass(frozen=True, slots=True)
class PlanForecast:
    """The forecast of the product's plan: expected availability, and the chance that a window meets the objective."""

    expected: Fraction
    chance: Fraction


@dataclass(frozen=True, slots=True)
class Promise:
    """The figures of a promise over the product's own window. `proven` is the 95 % lower confidence bound.

    None: no such figure. Without a ceiling or a forecast the others decide; without a measurement nothing is supported.
    """

    objective: Objective
    measured: Bounds[Fraction | None]
    proven: Fraction | None
    ceiling: Fraction | None
    plan: PlanForecast | None = None

    @property
    def supported(self) -> Fraction | None:
        """The highest availability that all figures support; None before anything was measured and proven."""
        if self.measured.point is None or self.proven is None:
            return None
        return min(each for each in self._figures().values() if each is not None)

    @property
    def limited_by(self) -> tuple[str, ...]:
        """The names of the lowest figures: `objective`, `measured`, `proven`, `ceiling`, `plan`."""
        lowest = self.supported
        return () if lowest is None else tuple(name for name, each in self._figures().items() if each == lowest)

    def _figures(self) -> dict[str, Fraction | None]:
        return {
            "objective": self.objective.ratio,
            "measured": self.measured.point,
            "proven": self.proven,
            "ceiling": self.ceiling,
            "plan": None if self.plan is None else self.plan.expected,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API and of reports; ratios, null without a figure."""
        plan = self.plan
        return {
            "objective": float(self.objective.ratio),
            "measured": {name: _number(each) for name, each in self.measured._asdict().items()},
            "proven": _number(self.proven),
            "ceiling": _number(self.ceiling),
            "plan": None if plan is None else {"expected": float(plan.expected), "chance": float(plan.chance)},
            "supported": _number(self.supported),
            "limited_by": list(self.limited_by),
        }


def promise(
    objective: Objective, measured: Measured, ceiling: Fraction | None, plan: PlanForecast | None = None
) -> Promise:
    """Return the promise from the figures of a window."""
    proof = measured.proof
    proven = None if proof is None else Fraction(proof.availability)
    return Promise(objective, measured.availability, proven, ceiling, plan)


def _number(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)
