"""Blame on one worked example."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.downtime_split import split_downtime
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from sla.timeline import Timeline

HOLD = 30 * SECOND
WINDOW = Interval(0, 1000 * SECOND)


def watched(*outages: tuple[int, int], end: int = 1000) -> Timeline:
    """Probed every second up to `end` and a moment beyond, bad from `first` up to before `last`."""
    bad = {second for first, last in outages for second in range(first, last)}
    seen = [(second * SECOND, Outcome.BAD if second in bad else Outcome.GOOD) for second in range(end + 1)]
    return Timeline.of_pairs(seen, HOLD)


FOUND = split_downtime(
    watched((100, 200), (400, 450), (700, 710), (900, 910)),
    {"keycloak": watched((90, 150), (400, 450)), "mail": watched((140, 160), end=800), "idle": watched()},
    WINDOW,
)


def test_time_in_which_two_were_down_is_counted_once_for_both() -> None:
    """100 to 140 Keycloak alone, 140 to 150 both, 150 to 160 mail alone; 400 to 450 Keycloak."""
    assert FOUND.shared == {
        ("keycloak",): 90 * SECOND,
        ("keycloak", "mail"): 10 * SECOND,
        ("mail",): 10 * SECOND,
    }


def test_what_nobody_shared_is_its_own_and_what_nobody_saw_is_unclear() -> None:
    """160 to 200 and 700 to 710 all others were up; at 900 mail had not been probed for longer than its hold."""
    assert (FOUND.alone, FOUND.unclear) == (50 * SECOND, 10 * SECOND)
    assert FOUND.downtime == 170 * SECOND


def test_what_a_dependency_shared_is_its_own_however_little_is_known_of_the_others() -> None:
    """Mail was never probed: with Keycloak down the time is shared, with Keycloak up it is unclear."""
    found = split_downtime(
        watched((100, 200), (300, 340)), {"keycloak": watched((100, 200)), "mail": Timeline(HOLD)}, WINDOW
    )
    assert found.shared == {("keycloak",): 100 * SECOND}
    assert (found.alone, found.unclear) == (0, 40 * SECOND)


def test_coincidence_stands_beside_what_chance_would_give() -> None:
    """100 s shared with Keycloak; independent of it, 170 s of downtime would have met its 11 % in 18.7 s."""
    assert FOUND.with_down("keycloak") == 100 * SECOND
    assert FOUND.by_chance("keycloak") == Fraction(187, 10) * SECOND
    assert FOUND.with_down("idle") == FOUND.by_chance("idle") == 0


def test_joint_availability_is_measured_not_multiplied() -> None:
    pair = split_downtime(watched((100, 200)), {"keycloak": watched((100, 200))}, WINDOW)
    assert pair.together.point == Fraction(9, 10)
    assert pair.independent == Fraction(81, 100)


def test_json_is_in_seconds_with_null_where_there_is_no_figure() -> None:
    assert FOUND.as_json("chefs")["shared"] == [
        {"dependencies": ["keycloak"], "seconds": 90.0},
        {"dependencies": ["keycloak", "mail"], "seconds": 10.0},
        {"dependencies": ["mail"], "seconds": 10.0},
    ]

    unseen = split_downtime(watched((100, 200)), {"mail": Timeline(HOLD)}, WINDOW)
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
