"""Tests of the stop condition of drills."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.drill_stop import StopCondition
from sla.interval import HOUR, MINUTE

STOP = StopCondition(4 * HOUR, Fraction(4, 5), at_hold=True)


@pytest.mark.parametrize(
    ("duration", "spent", "hold", "reason"),
    [
        (4 * HOUR - 1, Fraction(79, 100), None, None),
        (4 * HOUR - 1, None, None, None),
        (4 * HOUR, None, None, "the drill reached its maximum length of 4h"),
        (MINUTE, Fraction(4, 5), None, "80.000% of the downtime budget is spent; drills stop at 80.000%"),
        (MINUTE, Fraction(1, 5), "an incident is open", "the release gate answers hold: an incident is open"),
    ],
)
def test_first_condition_that_applies_is_the_reason(
    duration: int, spent: Fraction | None, hold: str | None, reason: str | None
) -> None:
    assert STOP.reason(duration, spent, hold) == reason


def test_hold_of_the_gate_stops_a_drill_only_if_configured() -> None:
    assert StopCondition(HOUR, Fraction(1), at_hold=False).reason(0, None, "an incident is open") is None
