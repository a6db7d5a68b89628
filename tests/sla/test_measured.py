"""Tests of measured windows and their JSON (measurement.md, section 11)."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest

from sla.availability import UnknownPolicy
from sla.calendar import Window
from sla.compose import Composition
from sla.interval import SECOND, Interval
from sla.measured import measure, measure_states
from sla.objective import Objective
from sla.observation import Outcome
from sla.rule import Rule
from sla.timeline import Timeline

GOOD, BAD = Outcome.GOOD, Outcome.BAD
EXAMPLE = [(0, GOOD), (60, GOOD), (120, GOOD), (180, BAD), (240, BAD), (300, GOOD), (360, GOOD), (1000, GOOD)]
WINDOW = Interval(0, 1000 * SECOND)


@pytest.fixture
def timeline() -> Timeline:
    return Timeline.of_pairs([(at * SECOND, outcome) for at, outcome in EXAMPLE], 130 * SECOND)


def test_worked_example_as_json(timeline: Timeline) -> None:
    """Names, order and values are those of measurement.md, sections 10 and 11."""
    measured = measure(timeline, WINDOW, Objective.parse("99.9%"), interval=60 * SECOND)
    data = measured.as_json(check="health")
    assert json.dumps(data) == json.dumps(
        {
            "check": "health",
            "window": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:16:40Z"},
            "excluded_seconds": 0.0,
            "up_seconds": 180.0,
            "down_seconds": 60.0,
            "doubt_seconds": 120.0,
            "unknown_seconds": 640.0,
            "guessed_seconds": {"up": 0.0, "down": 0.0},
            "coverage": 0.36,
            "availability": {"low": 0.18, "point": 2 / 3, "high": 0.94},
            "downtime_seconds": {"low": 60.0, "point": 120.0, "high": 820.0},
            "observations": {"good": 5, "bad": 2, "unknown": 0},
            "nines": {"observed": data["nines"]["observed"], "proven": data["nines"]["proven"]},
            "proven_availability": data["proven_availability"],
            "objective": 0.999,
            "budget": {"allowed_seconds": 1.0, "spent_seconds": 120.0, "remaining_seconds": -119.0},
            "verdict": "missed",
            "point_meets_objective": False,
            "resolvable": False,
            "provisional": False,
        }
    )
    assert data["nines"] == {"observed": pytest.approx(0.4771212547), "proven": pytest.approx(0.1812869114)}
    assert data["proven_availability"] == pytest.approx(0.3412614362)


def test_json_of_a_product_has_the_product_id(timeline: Timeline) -> None:
    """The observations are the sum over its checks."""
    data = measure(Composition(Rule(), [timeline, timeline]), WINDOW).as_json(product="chefs")
    assert next(iter(data.items())) == ("product", "chefs")
    assert "check" not in data
    assert data["observations"] == {"good": 10, "bad": 4, "unknown": 0}


def test_without_an_objective_dependent_fields_are_null(timeline: Timeline) -> None:
    """The keys stay the same."""
    measured = measure(timeline, WINDOW, interval=60 * SECOND)
    data = measured.as_json(check="x")
    assert data["budget"] == {"allowed_seconds": None, "spent_seconds": 120.0, "remaining_seconds": None}
    assert [data[k] for k in ("objective", "verdict", "point_meets_objective", "resolvable")] == [None] * 4
    assert (measured.budget, measured.burn_rate) == (None, None)


def test_completely_excluded_window_has_no_figures(timeline: Timeline) -> None:
    """The ratios are null, not 0 % or 100 %. Durations are 0."""
    data = measure(timeline, WINDOW, Objective.parse("99%"), excluded=[WINDOW]).as_json(check="x")
    assert data["excluded_seconds"] == 1000.0
    assert data["availability"] == {"low": None, "point": None, "high": None}
    assert data["nines"] == {"observed": None, "proven": None}
    assert (data["coverage"], data["proven_availability"], data["point_meets_objective"]) == (None, None, None)
    assert data["downtime_seconds"] == {"low": 0.0, "point": 0.0, "high": 0.0}
    assert data["verdict"] == "undecided"
    assert data["resolvable"] is None


def test_point_of_1_has_no_observed_nines(timeline: Timeline) -> None:
    """The observed nines are null, the proven nines are finite."""
    data = measure(timeline, Interval(0, 100 * SECOND), Objective.parse("99%"), interval=SECOND // 2).as_json(check="x")
    assert data["availability"] == {"low": 1.0, "point": 1.0, "high": 1.0}
    assert data["nines"]["observed"] is None
    assert data["nines"]["proven"] == pytest.approx(-math.log10(1 - 0.05**0.5))
    assert (data["verdict"], data["point_meets_objective"], data["resolvable"]) == ("met", True, True)


def test_excluded_time_is_removed_before_figures_are_computed(timeline: Timeline) -> None:
    """Budget and counts are those of the remaining time. The states around the exclusion do not change."""
    outage = Interval(180 * SECOND, 300 * SECOND)
    measured = measure(timeline, WINDOW, Objective.parse("99.9%"), excluded=[outage, outage])
    assert measured.excluded == 120 * SECOND
    assert measured.counts == (5, 0, 0)
    assert measured.downtime == (0, 30 * SECOND, 700 * SECOND)
    assert measured.budget is not None
    assert measured.budget.allowed == 880_000


def test_point_equal_to_the_objective_meets_it(timeline: Timeline) -> None:
    """A slightly higher objective is not met."""
    assert measure(timeline, WINDOW, Objective(Fraction(2, 3))).point_meets_objective is True
    assert measure(timeline, WINDOW, Objective(Fraction(2, 3) + Fraction(1, 10**12))).point_meets_objective is False


def test_unknown_policy_applies_to_every_point_figure(timeline: Timeline) -> None:
    """With DOWN, this applies to point, spent budget and burn rate."""
    measured = measure(timeline, WINDOW, Objective.parse("90%"), unknown=UnknownPolicy.DOWN)
    data = measured.as_json(check="x")
    assert data["availability"] == {"low": 0.18, "point": 0.24, "high": 0.94}
    assert data["budget"]["spent_seconds"] == 760.0
    assert measured.burn_rate is not None
    assert float(measured.burn_rate) == pytest.approx(7.6)
    assert data["point_meets_objective"] is False


def test_known_durations_give_the_same_figures_without_proof(timeline: Timeline) -> None:
    goal = Objective.parse("99.9%")
    expected = measure(timeline, WINDOW, goal)
    measured = measure_states(timeline, Window("own", WINDOW, WINDOW), goal, timeline.durations(WINDOW))
    assert (measured.durations, measured.budget, measured.verdict) == (
        expected.durations,
        expected.budget,
        expected.verdict,
    )
    assert (measured.excluded, measured.confidence_bound) == (0, None)
