"""The result of a plan: prediction, ceiling, simulated years and next steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from monitor.planning.simulation import LEVELS, SimulatedYears, simulate
from sla.feasibility import Ceiling, Limit, Prediction, Step, find_ceiling, met_items_after, next_steps, predict
from sla.interval import SECOND
from sla.objective import Objective, nines

if TYPE_CHECKING:
    from monitor.config.plan_file import Plan
    from sla.readiness import Checklist

MEDIAN, P05, P95 = Fraction(1, 2), Fraction(5, 100), Fraction(95, 100)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The result of a plan. `years` is the number of simulated years; `ceilings[i]` is the ceiling after `steps[i]`."""

    plan: Plan
    prediction: Prediction
    ceiling: Ceiling
    years: int
    median: float
    p05: float
    p95: float
    probabilities: Mapping[Fraction, float]
    steps: tuple[Step, ...]
    ceilings: tuple[Ceiling, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the object of `ninewatch plan --json`: durations in seconds, null without a ceiling."""
        maximum = self.ceiling.maximum
        return {
            "predicted": {
                "availability": self.prediction.availability,
                "nines": nines(self.prediction.exact_availability),
                "ceiling": None if maximum is None else float(maximum),
                "ceiling_reasons": [limit_text(limit) for limit in self.ceiling.limits],
            },
            "years": {"median": self.median, "p05": self.p05, "p95": self.p95},
            "chance": {level_name(level): probability for level, probability in self.probabilities.items()},
            "contributors": [
                {
                    "id": contributor.id,
                    "downtime_seconds_per_year": contributor.downtime / SECOND,
                    "share": contributor.share,
                }
                for contributor in self.prediction.contributors
            ],
            "next_steps": [_step_json(step, after) for step, after in zip(self.steps, self.ceilings, strict=True)],
        }


def evaluate_plan(plan: Plan, checklist: Checklist, years: int, seed: int) -> PlanResult:
    """Evaluate a plan. The same plan, years and seed give the same result.

    Raises:
        TooManySharedPartsError: the design has too many shared parts.
        NinewatchError: the simulation would take too long.
    """
    design = plan.design
    prediction = predict(design)
    simulated: SimulatedYears = simulate(design, years, seed)
    steps = next_steps(design, plan.costs)
    return PlanResult(
        plan=plan,
        prediction=prediction,
        ceiling=find_ceiling(design, checklist, plan.met, plan.limits),
        years=years,
        median=simulated.quantile(MEDIAN),
        p05=simulated.quantile(P05),
        p95=simulated.quantile(P95),
        probabilities={level: simulated.share_reaching(level) for level in LEVELS},
        steps=steps,
        ceilings=tuple(
            find_ceiling(step.design, checklist, met_items_after(design, step.design, plan.met), plan.limits)
            for step in steps
        ),
    )


def level_name(level: Fraction) -> str:
    """Return the JSON key of a level: `99.95`."""
    return str(Objective(level)).removesuffix("%").removesuffix(".0")


def limit_text(limit: Limit) -> str:
    """Return a limit with its reason, source and quote as one line."""
    quote = f': "{limit.quote}"' if limit.quote else ""
    return f"at most {Objective(limit.maximum)}: {limit.reason} ({limit.source}{quote})"


def _step_json(step: Step, after: Ceiling) -> dict[str, Any]:
    return {
        "id": step.change.id,
        "text": step.change.text,
        "availability": 1.0 - step.unavailability,
        "ceiling": None if after.maximum is None else float(after.maximum),
        "downtime_seconds_saved_per_year": step.downtime_saved / SECOND,
        "cost_per_year": None if step.cost is None else float(step.cost),
        "cost_per_hour_saved": step.cost_per_hour,
    }
