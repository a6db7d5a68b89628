"""Properties of a check that several vantages probe, compared with the definition applied to each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.compose import Composition
from sla.states import State
from sla.timeline import Timeline
from sla.votes import Quorum
from tests.property import oracle
from tests.property.strategies import EVERYTHING, histories, holds, pairs, windows

if TYPE_CHECKING:
    from sla.interval import Interval

vantages = st.lists(st.tuples(histories, holds), min_size=1, max_size=4)


def states_in(seen: list[tuple[oracle.Seen, int]], quorum: Quorum, window: Interval) -> list[State]:
    check = Composition(quorum.rule, [Timeline.of_pairs(pairs(observations), hold) for observations, hold in seen])
    return [piece.state for piece in check.pieces(window) for _ in range(piece.start, piece.end)]


@given(vantages, st.integers(1, 4), windows)
@pytest.mark.fault(29)
def test_check_is_down_where_the_quorum_of_vantages_is(
    seen: list[tuple[oracle.Seen, int]], votes: int, window: Interval
) -> None:
    """Down iff `votes` vantages are down; up iff so many are up that the rest is no quorum; otherwise not certain.

    It is unknown, with or without a guess, only if a vantage is unknown.
    """
    quorum = Quorum(min(votes, len(seen)), len(seen))
    actual = states_in(seen, quorum, window)
    for x, state in zip(range(window.start, window.end), actual, strict=True):
        cells = [oracle.cell(observations, hold, x) for observations, hold in seen]
        assert (state is State.DOWN) is (cells.count("down") >= quorum.votes)
        assert (state is State.UP) is (len(seen) - cells.count("up") < quorum.votes)
        if state in (State.UNKNOWN, State.GUESS_UP, State.GUESS_DOWN):
            assert "unknown" in cells


@given(vantages, st.integers(1, 4), st.data())
def test_late_observations_never_revise_a_certain_state(
    seen: list[tuple[oracle.Seen, int]], votes: int, data: st.DataObject
) -> None:
    """Each vantage has delivered a part of its observations, in order. The rest changes doubt and unknown only."""
    quorum = Quorum(min(votes, len(seen)), len(seen))
    delivered: list[tuple[oracle.Seen, int]] = []
    for observations, hold in seen:
        until = data.draw(st.integers(-1, 41), label="delivered until")
        delivered.append(([(at, outcome) for at, outcome in observations if at <= until], hold))
    before, after = (states_in(known, quorum, EVERYTHING) for known in (delivered, seen))
    for early, late in zip(before, after, strict=True):
        if early in (State.UP, State.DOWN):
            assert late is early
