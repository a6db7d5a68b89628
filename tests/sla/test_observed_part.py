"""Tests of the observed part of a window that begins before the record: start, figures, and decision time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.availability import Verdict
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.measured import measure
from sla.objective import Objective
from sla.observation import Outcome
from sla.timeline import Timeline

HOLD = 130 * SECOND
GOAL = Objective.parse("99.9%")
START = 100 * DAY


def minutely(minutes: int, *bad: int, start: int = START) -> Timeline:
    timeline = Timeline(HOLD)
    for minute in range(minutes + 1):
        timeline.append(start + minute * MINUTE, Outcome.BAD if minute in bad else Outcome.GOOD)
    return timeline


def test_record_of_three_hours_has_an_observed_part_and_a_decision_time() -> None:
    """The time before is unknown. At most 43.2 minutes of it may remain in the window."""
    at = START + 180 * MINUTE
    window = Interval(at - 30 * DAY, at)
    part = measure(minutely(180), window, GOAL, rolling=True).observed_part
    assert part is not None
    assert part.since == START
    assert part.availability == (1, 1, 1)
    assert part.confidence_bound is not None
    assert part.decidable_at == START + 30 * DAY - int(GOAL.allowed(30 * DAY))
    assert part.as_json() == {
        "since": "1970-04-11T00:00:00Z",
        "availability": {"low": 1.0, "point": 1.0, "high": 1.0},
        "proven": part.confidence_bound.availability,
        "decidable_at": "1970-05-10T23:16:48Z",
    }


def test_old_and_empty_records_have_no_observed_part() -> None:
    at = START + 180 * MINUTE
    assert measure(minutely(180), Interval(at - HOUR, at), GOAL, rolling=True).observed_part is None
    assert measure(minutely(180), Interval(START, at), GOAL, rolling=True).observed_part is None
    assert measure(Timeline(HOLD), Interval(0, at), GOAL, rolling=True).observed_part is None
    assert measure(minutely(180), Interval(0, START), GOAL).observed_part is None


def test_without_an_objective_there_is_no_decision_time() -> None:
    part = measure(minutely(180), Interval(0, START + HOUR), rolling=True).observed_part
    assert part is not None
    assert part.decidable_at is None


def test_past_window_has_no_decision_time() -> None:
    part = measure(minutely(180), Interval(0, START + HOUR), GOAL).observed_part
    assert part is not None
    assert part.decidable_at is None


def test_calendar_window_in_progress_is_decided_when_enough_time_is_up() -> None:
    """With one unknown hour in a month of 30 days, 99.9 % cannot be met, and 99 % can be met from the 100th hour on."""
    month = Interval(START - HOUR, START - HOUR + 30 * DAY)
    elapsed = Interval(month.start, START + 180 * MINUTE)
    actual = measure(minutely(180), elapsed, GOAL, full_window=month).observed_part
    assert actual is not None
    assert actual.decidable_at is None
    actual = measure(minutely(180), elapsed, Objective.parse("99%"), full_window=month).observed_part
    assert actual is not None
    assert actual.decidable_at == month.start + 100 * HOUR


def test_met_objective_is_decided_now() -> None:
    at = START + 180 * MINUTE
    part = measure(minutely(180), Interval(START - MINUTE, at), Objective.parse("90%"), rolling=True).observed_part
    assert part is not None
    assert part.decidable_at == at


def test_excluded_time_does_not_count() -> None:
    """The time before the record is excluded, so no time is missing."""
    at = START + 180 * MINUTE
    exclusions = [Interval(at - 30 * DAY, START)]
    part = measure(minutely(180), Interval(at - 30 * DAY, at), GOAL, rolling=True, excluded=exclusions).observed_part
    assert part is not None
    assert part.decidable_at == at


@pytest.mark.parametrize("goal", ["50%", "90%", "99%"])
@given(st.sets(st.integers(0, 20)), st.integers(21, 60), st.integers(0, 30), st.integers(0, 10))
def test_decision_time_is_the_first_instant_with_a_met_verdict(
    goal: str, bad: set[int], length: int, hole: int, size: int
) -> None:
    """The record continues with one good probe per minute. Earlier verdicts are not met, later ones are."""
    objective, end = Objective.parse(goal), START + 21 * MINUTE
    window = Interval(end - length * MINUTE, end)
    start = min(window.start + hole * MINUTE, end)
    exclusions = [Interval(start, min(start + size * MINUTE, end))]
    history = minutely(21, *bad)
    part = measure(history, window, objective, excluded=exclusions, rolling=True).observed_part
    if part is None or part.decidable_at is None:
        return
    continuation = minutely(21 + length + 2, *bad)
    for at in range(end, end + length * MINUTE + 1, MINUTE // 2):
        then = Interval(at - window.length, at)
        verdict = measure(continuation, then, objective, excluded=exclusions).verdict
        if at < part.decidable_at:
            assert verdict is not Verdict.MET, at
        else:
            assert verdict is Verdict.MET, at


def test_time_since_the_last_good_probe_counts_as_up() -> None:
    """A minute after the last probe, the decision time is the same as at the probe."""
    at = START + 181 * MINUTE
    part = measure(minutely(180), Interval(at - 30 * DAY, at), GOAL, rolling=True).observed_part
    assert part is not None
    assert part.decidable_at == START + 30 * DAY - int(GOAL.allowed(30 * DAY))
