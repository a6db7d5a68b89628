"""The watched part of a young record: since when, its figures, and when the objective can be decided."""

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


def test_a_record_of_three_hours_shows_what_it_saw_and_when_thirty_days_can_be_decided() -> None:
    """Before it all is unknown; 43.2 minutes of that may remain in the window, so it takes 30 days less those."""
    at = START + 180 * MINUTE
    window = Interval(at - 30 * DAY, at)
    found = measure(minutely(180), window, GOAL, rolling=True).watched
    assert found is not None
    assert found.since == START
    assert found.availability == (1, 1, 1)
    assert found.proof is not None
    assert found.decidable_at == START + 30 * DAY - int(GOAL.allowed(30 * DAY))
    assert found.as_json() == {
        "since": "1970-04-11T00:00:00Z",
        "availability": {"low": 1.0, "point": 1.0, "high": 1.0},
        "proven": found.proof.availability,
        "decidable_at": "1970-05-10T23:16:48Z",
    }


def test_a_record_as_old_as_the_window_has_no_watched_part_and_an_empty_one_neither() -> None:
    at = START + 180 * MINUTE
    assert measure(minutely(180), Interval(at - HOUR, at), GOAL, rolling=True).watched is None
    assert measure(minutely(180), Interval(START, at), GOAL, rolling=True).watched is None
    assert measure(Timeline(HOLD), Interval(0, at), GOAL, rolling=True).watched is None
    assert measure(minutely(180), Interval(0, START), GOAL).watched is None


def test_without_an_objective_nothing_is_to_be_decided() -> None:
    found = measure(minutely(180), Interval(0, START + HOUR), rolling=True).watched
    assert found is not None
    assert found.decidable_at is None


def test_a_window_that_is_over_stays_as_it_is() -> None:
    found = measure(minutely(180), Interval(0, START + HOUR), GOAL).watched
    assert found is not None
    assert found.decidable_at is None


def test_a_calendar_window_in_progress_is_decided_once_enough_of_it_is_seen_up_or_not_at_all() -> None:
    """An hour missed of a month of 30 days takes 99.9 % out of reach, and leaves 99 % from the 100th hour on."""
    whole = Interval(START - HOUR, START - HOUR + 30 * DAY)
    elapsed = Interval(whole.start, START + 180 * MINUTE)
    found = measure(minutely(180), elapsed, GOAL, whole=whole).watched
    assert found is not None
    assert found.decidable_at is None
    found = measure(minutely(180), elapsed, Objective.parse("99%"), whole=whole).watched
    assert found is not None
    assert found.decidable_at == whole.start + 100 * HOUR


def test_what_meets_the_objective_already_is_decided_now() -> None:
    at = START + 180 * MINUTE
    found = measure(minutely(180), Interval(START - MINUTE, at), Objective.parse("90%"), rolling=True).watched
    assert found is not None
    assert found.decidable_at == at


def test_excluded_time_does_not_count() -> None:
    """The time before the record is excluded: nothing is missing."""
    at = START + 180 * MINUTE
    cut = [Interval(at - 30 * DAY, START)]
    found = measure(minutely(180), Interval(at - 30 * DAY, at), GOAL, rolling=True, excluded=cut).watched
    assert found is not None
    assert found.decidable_at == at


@pytest.mark.parametrize("goal", ["50%", "90%", "99%"])
@given(st.sets(st.integers(0, 20)), st.integers(21, 60), st.integers(0, 30), st.integers(0, 10))
def test_the_instant_is_the_first_at_which_the_verdict_is_met(
    goal: str, bad: set[int], length: int, hole: int, size: int
) -> None:
    """The record goes on with good probes each minute; no verdict is met before, and one is from then on."""
    objective, end = Objective.parse(goal), START + 21 * MINUTE
    window = Interval(end - length * MINUTE, end)
    start = min(window.start + hole * MINUTE, end)
    cut = [Interval(start, min(start + size * MINUTE, end))]
    history = minutely(21, *bad)
    found = measure(history, window, objective, excluded=cut, rolling=True).watched
    if found is None or found.decidable_at is None:
        return
    goes_on = minutely(21 + length + 2, *bad)
    for at in range(end, end + length * MINUTE + 1, MINUTE // 2):
        then = Interval(at - window.length, at)
        verdict = measure(goes_on, then, objective, excluded=cut).verdict
        if at < found.decidable_at:
            assert verdict is not Verdict.MET, at
        else:
            assert verdict is Verdict.MET, at


def test_the_time_since_a_good_probe_counts_as_up_because_the_next_good_one_makes_it_so() -> None:
    """A minute after the last probe, the instant is that of a record that ends with the probe."""
    at = START + 181 * MINUTE
    found = measure(minutely(180), Interval(at - 30 * DAY, at), GOAL, rolling=True).watched
    assert found is not None
    assert found.decidable_at == START + 30 * DAY - int(GOAL.allowed(30 * DAY))
