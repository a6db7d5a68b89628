"""Tests of logs of state changes, compared with a walk over all instants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.changes import Change, ChangeHistory
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Outcome
from sla.states import State

outcomes = st.sampled_from(list(Outcome))
logs = st.lists(st.tuples(st.integers(0, 30), outcomes, st.integers(0, 4)), min_size=1, max_size=8)


@given(logs, st.integers(0, 10))
def test_states_equal_those_of_a_walk_over_the_instants(
    drawn_changes: list[tuple[int, Outcome, int]], options: int
) -> None:
    changes = [Change(*pair) for pair in sorted(drawn_changes, key=lambda pair: pair[0])]
    until = changes[-1].at + options
    history = ChangeHistory(changes, until)
    for at in range(-2, until + 3):
        before = [change for change in changes if change.at <= at]
        state = history.state(at)
        if not before or at >= until or before[-1].outcome is Outcome.UNKNOWN:
            assert state is State.UNKNOWN
            continue
        last, earlier = before[-1], before[-2].outcome if len(before) > 1 else Outcome.UNKNOWN
        assert state is not State.UNKNOWN
        assert state.is_doubt == (earlier is not last.outcome and at < last.at + last.resolution)
        if not state.is_doubt:
            assert state is {Outcome.GOOD: State.UP, Outcome.BAD: State.DOWN}[last.outcome]
    assert history.durations(Interval(-5, until + 5)).total == until + 10


def test_unordered_and_missing_changes_are_rejected() -> None:
    with pytest.raises(ValueError, match="no change"):
        ChangeHistory([], 5)
    with pytest.raises(ValueError, match="changes must be in order of time: 4 is before 5"):
        ChangeHistory([Change(5, Outcome.GOOD), Change(4, Outcome.BAD)], 9)


def test_point_estimate_places_a_change_in_the_middle() -> None:
    history = ChangeHistory([Change(0, Outcome.GOOD), Change(DAY, Outcome.BAD, MINUTE)], DAY + HOUR)
    durations = history.durations(Interval(0, DAY + HOUR))
    assert (durations.doubt_up, durations.doubt_down, durations.down) == (30 * SECOND, 30 * SECOND, 59 * MINUTE)


def test_changes_are_counted_by_their_outcome() -> None:
    history = ChangeHistory([Change(0, Outcome.GOOD), Change(10, Outcome.BAD), Change(20, Outcome.GOOD)], 30)
    assert history.counts(Interval(0, 30)) == (2, 1, 0)
    assert history.counts(Interval(10, 20)) == (0, 1, 0)
    assert (
        history.first_observation_at,
        history.final_until,
        history.expires_at,
        history.first,
        history.last_known_at,
    ) == (
        0,
        30,
        30,
        0,
        30,
    )
    assert list(history.pieces(Interval(30, 30))) == []
