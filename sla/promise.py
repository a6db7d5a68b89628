"""The availability that a product can promise, from objective, measurement, proof, claim ceiling and forecast.

Each figure is a separate limit: a measured value may be high by chance, a confidence bound needs many observations, and
the design limits both. So the lowest figure is the highest availability that all figures support.
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
    """The forecast of the plan: expected availability, and the probability that a window meets the objective."""

    expected: Fraction
    probability: Fraction


@dataclass(frozen=True, slots=True)
class PromiseLimits:
    """The figures that limit the availability that a product can promise, over the product's window.

    `proven` is the 95 % lower confidence bound. Missing figures are None. `supported` ignores a missing ceiling or
    forecast, and is None without a measurement.
    """

    objective: Objective
    measured: Bounds[Fraction | None]
    proven: Fraction | None
    ceiling: Fraction | None
    plan: PlanForecast | None = None

    @property
    def supported(self) -> Fraction | None:
        """The highest availability that all figures support. None without a measured or proven availability."""
        if self.measured.point is None or self.proven is None:
            return None
        return min(figure for figure in self._figures().values() if figure is not None)

    @property
    def limited_by(self) -> tuple[str, ...]:
        """The names of the lowest figures: `objective`, `measured`, `proven`, `ceiling`, `plan`."""
        lowest = self.supported
        return () if lowest is None else tuple(name for name, figure in self._figures().items() if figure == lowest)

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
            "measured": {name: _number(figure) for name, figure in self.measured._asdict().items()},
            "proven": _number(self.proven),
            "ceiling": _number(self.ceiling),
            "plan": None if plan is None else {"expected": float(plan.expected), "chance": float(plan.probability)},
            "supported": _number(self.supported),
            "limited_by": list(self.limited_by),
        }


def promise(
    objective: Objective, measured: Measured, ceiling: Fraction | None, plan: PlanForecast | None = None
) -> PromiseLimits:
    """Return the limits of a promise from the figures of a window."""
    bound = measured.confidence_bound
    proven = None if bound is None else Fraction(bound.availability)
    return PromiseLimits(objective, measured.availability, proven, ceiling, plan)


def _number(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)
