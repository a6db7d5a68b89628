"""Tests of bounds, policies and verdicts (measurement.md, sections 5 and 6) with the example of section 10."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.availability import UnknownPolicy, Verdict, availability, coverage, downtime, resolvable, shares, verdict
from sla.objective import Objective
from sla.states import Durations

EXAMPLE = Durations(up=180, down=60, doubt_up=60, doubt_down=60, unknown=640)
NOTHING = Durations()
DARK = Durations(unknown=10)


def test_worked_example() -> None:
    """Coverage 0.36, 18 %, 66.66 % and 94 %, 60, 120 and 820 s."""
    assert coverage(EXAMPLE) == Fraction("0.36")
    assert availability(EXAMPLE) == (Fraction("0.18"), Fraction(240, 360), Fraction("0.94"))
    assert downtime(EXAMPLE) == (60, 120, 820)


@pytest.mark.parametrize(
    ("policy", "point", "down"),
    [
        (UnknownPolicy.EXCLUDE, Fraction(240, 360), 120),
        (UnknownPolicy.DOWN, Fraction(240, 1000), 760),
        (UnknownPolicy.UP, Fraction(880, 1000), 120),
    ],
)
def test_unknown_policy_changes_the_point_but_not_the_bounds(policy: UnknownPolicy, point: Fraction, down: int) -> None:
    """Unknown time counts in the point estimate of availability and downtime. Low and high do not change."""
    assert availability(EXAMPLE, policy) == (Fraction("0.18"), point, Fraction("0.94"))
    assert downtime(EXAMPLE, policy) == (60, down, 820)


def test_empty_durations_have_no_figures() -> None:
    """The figures are None, not 0 % or 100 %."""
    assert coverage(NOTHING) is None
    for policy in UnknownPolicy:
        assert availability(NOTHING, policy) == (None, None, None)
    assert verdict(NOTHING, Objective.parse("99%")) is Verdict.UNDECIDED


def test_unknown_durations_have_bounds_of_0_and_1() -> None:
    """There is no point estimate, unless the policy defines one. Low is 0 and high is 1."""
    assert availability(DARK) == (0, None, 1)
    assert availability(DARK, UnknownPolicy.DOWN) == (0, 0, 1)
    assert availability(DARK, UnknownPolicy.UP) == (0, 1, 1)
    assert coverage(DARK) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("18%", Verdict.MET), ("18.01%", Verdict.UNDECIDED), ("94%", Verdict.UNDECIDED), ("94.01%", Verdict.MISSED)],
)
def test_verdict_depends_on_the_bounds_only(text: str, expected: Verdict) -> None:
    """Met up to the low bound, missed above the high bound, and undecided otherwise."""
    assert verdict(EXAMPLE, Objective.parse(text)) is expected


def test_certain_downtime_above_the_budget_is_missed() -> None:
    """The rest of a calendar window in progress cannot change that. At exactly the budget it can."""
    objective = Objective.parse("50%")
    assert verdict(EXAMPLE, objective, Fraction(59)) is Verdict.MISSED
    assert verdict(EXAMPLE, objective, Fraction(60)) is Verdict.UNDECIDED


def test_allowed_downtime_of_two_intervals_is_resolvable() -> None:
    """99.999 % over 30 days allows 25.92 s: an interval of 12.96 s resolves it, a longer one does not."""
    allowed = Objective.parse("99.999%").allowed(30 * 86_400_000_000)
    assert resolvable(allowed, 12_960_000)
    assert not resolvable(allowed, 12_960_001)


lengths = st.integers(0, 2**53)


@given(st.builds(Durations, lengths, lengths, lengths, lengths, lengths), st.data())
def test_float_shares_are_nearest_to_the_exact_ratios(durations: Durations, data: st.DataObject) -> None:
    up = data.draw(st.integers(0, durations.unknown))
    durations = durations._replace(guessed_up=up, guessed_down=durations.unknown - up)
    actual, exact = shares(durations), (*availability(durations), coverage(durations))
    assert (*actual.availability, actual.coverage) == tuple(
        None if figure is None else float(figure) for figure in exact
    )


def test_float_shares_of_empty_and_unknown_durations() -> None:
    assert shares(NOTHING) == ((None, None, None), None)
    assert shares(DARK) == ((0.0, None, 1.0), 0.0)
