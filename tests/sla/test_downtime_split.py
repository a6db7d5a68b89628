"""Tests of the split of downtime by dependencies, with one example."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.downtime_split import split_downtime
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from sla.timeline import Timeline

HOLD = 30 * SECOND
WINDOW = Interval(0, 1000 * SECOND)


def timeline(*outages: tuple[int, int], end: int = 1000) -> Timeline:
    """Return a timeline that is probed every second up to `end`, bad in [first, last)."""
    bad = {second for first, last in outages for second in range(first, last)}
    observations = [(second * SECOND, Outcome.BAD if second in bad else Outcome.GOOD) for second in range(end + 1)]
    return Timeline.of_pairs(observations, HOLD)


SPLIT = split_downtime(
    timeline((100, 200), (400, 450), (700, 710), (900, 910)),
    {"keycloak": timeline((90, 150), (400, 450)), "mail": timeline((140, 160), end=800), "idle": timeline()},
    WINDOW,
)


def test_time_with_two_dependencies_down_is_counted_once() -> None:
    """Down: from 100 to 140 Keycloak, 140 to 150 both, 150 to 160 mail, 400 to 450 Keycloak."""
    assert SPLIT.shared == {
        ("keycloak",): 90 * SECOND,
        ("keycloak", "mail"): 10 * SECOND,
        ("mail",): 10 * SECOND,
    }


def test_downtime_without_a_dependency_down_is_own_or_unclear() -> None:
    """From 160 to 200 and from 700 to 710 all dependencies were up. At 900, mail was unknown."""
    assert (SPLIT.alone, SPLIT.unclear) == (50 * SECOND, 10 * SECOND)
    assert SPLIT.downtime == 170 * SECOND


def test_shared_downtime_does_not_depend_on_unknown_dependencies() -> None:
    """Mail was never probed. With Keycloak down, the downtime is shared; with Keycloak up, it is unclear."""
    split = split_downtime(
        timeline((100, 200), (300, 340)), {"keycloak": timeline((100, 200)), "mail": Timeline(HOLD)}, WINDOW
    )
    assert split.shared == {("keycloak",): 100 * SECOND}
    assert (split.alone, split.unclear) == (0, 40 * SECOND)


def test_expected_shared_downtime_for_independent_failures() -> None:
    """100 s are shared with Keycloak. Independent failures would share 11 % of 170 s, which is 18.7 s."""
    assert SPLIT.with_down("keycloak") == 100 * SECOND
    assert SPLIT.by_chance("keycloak") == Fraction(187, 10) * SECOND
    assert SPLIT.with_down("idle") == SPLIT.by_chance("idle") == 0


def test_joint_availability_is_measured_not_multiplied() -> None:
    pair = split_downtime(timeline((100, 200)), {"keycloak": timeline((100, 200))}, WINDOW)
    assert pair.together.point == Fraction(9, 10)
    assert pair.independent == Fraction(81, 100)


def test_json_is_in_seconds_with_null_without_a_figure() -> None:
    assert SPLIT.as_json("chefs")["shared"] == [
        {"dependencies": ["keycloak"], "seconds": 90.0},
        {"dependencies": ["keycloak", "mail"], "seconds": 10.0},
        {"dependencies": ["mail"], "seconds": 10.0},
    ]
    assert SPLIT.as_json("chefs")["dependencies"][0] == {
        "id": "keycloak",
        "downtime_seconds": 110.0,
        "shared_seconds": 100.0,
        "shared_if_independent_seconds": 18.7,
    }
    unseen = split_downtime(timeline((100, 200)), {"mail": Timeline(HOLD)}, WINDOW)
    assert unseen.as_json("chefs") == {
        "product": "chefs",
        "window": {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:16:40Z"},
        "downtime_seconds": 100.0,
        "own_seconds": 0.0,
        "unclear_seconds": 100.0,
        "shared": [],
        "dependencies": [
            {"id": "mail", "downtime_seconds": 0.0, "shared_seconds": 0.0, "shared_if_independent_seconds": None}
        ],
        # What one part alone decides is known: with the product down, all of it together was.
        "together": {"low": 0.0, "point": pytest.approx(0.9), "high": pytest.approx(0.9, abs=0.002)},
        "together_if_independent": None,
    }
