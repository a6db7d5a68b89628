"""Tests of what can be promised: the lowest of all figures, and which figure it is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from sla.availability import Bounds
from sla.interval import HOUR, MINUTE, Interval
from sla.measured import measure
from sla.objective import Objective
from sla.observation import Outcome
from sla.promise import PlanForecast, PromiseLimits, promise
from sla.timeline import Timeline

GOAL = Objective(Fraction("0.9999"))
MEASURED = Bounds(Fraction("0.9990"), Fraction("0.9998"), Fraction("0.9999"))
LIMITS = PromiseLimits(GOAL, MEASURED, Fraction("0.9996"), Fraction("0.9995"))


def test_supported_availability_is_the_lowest_figure() -> None:
    assert (LIMITS.supported, LIMITS.limited_by) == (Fraction("0.9995"), ("ceiling",))
    assert replace(LIMITS, ceiling=None).limited_by == ("proven",)
    planned = replace(LIMITS, plan=PlanForecast(Fraction("0.9993"), Fraction(1, 4)))
    assert (planned.supported, planned.limited_by) == (Fraction("0.9993"), ("plan",))


def test_objective_limits_the_supported_availability() -> None:
    """Figures above it permit no higher promise."""
    perfect = PromiseLimits(GOAL, Bounds(Fraction(1), Fraction(1), Fraction(1)), GOAL.ratio, None)
    assert (perfect.supported, perfect.limited_by) == (GOAL.ratio, ("objective", "proven"))


def test_without_a_measurement_or_a_proof_nothing_is_supported() -> None:
    for actual in (replace(LIMITS, proven=None), replace(LIMITS, measured=Bounds(Fraction(0), None, Fraction(1)))):
        assert (actual.supported, actual.limited_by) == (None, ())


def test_json_has_all_figures() -> None:
    actual = replace(LIMITS, plan=PlanForecast(Fraction("0.9993"), Fraction(1, 4))).as_json()
    assert actual == {
        "objective": 0.9999,
        "measured": {"low": 0.999, "point": 0.9998, "high": 0.9999},
        "proven": 0.9996,
        "ceiling": 0.9995,
        "plan": {"expected": 0.9993, "chance": 0.25},
        "supported": 0.9993,
        "limited_by": ["plan"],
    }
    nothing = PromiseLimits(GOAL, Bounds(None, None, None), None, None).as_json()
    assert (nothing["plan"], nothing["supported"], nothing["proven"]) == (None, None, None)


def test_figures_are_those_of_the_window() -> None:
    """An hour of good probes proves less than it measures; without observations nothing is proven."""
    history = Timeline.of_pairs([(minute * MINUTE, Outcome.GOOD) for minute in range(61)], 2 * MINUTE)
    limits = promise(GOAL, measure(history, Interval(0, HOUR), GOAL, interval=MINUTE), None)
    assert limits.measured.point == 1
    assert limits.limited_by == ("proven",)
    assert promise(GOAL, measure(Timeline(MINUTE), Interval(0, HOUR), GOAL, interval=MINUTE), None).supported is None
