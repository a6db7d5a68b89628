"""Prefix sums of states equal the states that they are built from, also after a part of them was replaced."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from sla.interval import Interval
from sla.state_sums import StateSums
from sla.states import Piece, State

STATES = st.lists(st.sampled_from(State), min_size=2, max_size=12)  # one state per microsecond


def sums_of(states: list[State]) -> StateSums:
    sums = StateSums(0, guesses=True)
    for end, state in enumerate(states, start=1):
        sums.append(end, state)
    return sums


@given(states=STATES, data=st.data())
def test_replaced_states_give_the_durations_of_a_new_beginning(states: list[State], data: st.DataObject) -> None:
    """The replaced pieces may begin and end inside pieces, and may contain their boundaries."""
    start = data.draw(st.integers(0, len(states) - 1), "start")
    cuts = data.draw(st.sets(st.integers(start + 1, len(states)), min_size=1), "ends of the replaced pieces")
    ends = sorted(cuts)
    pieces = [
        Piece(begin, end, data.draw(st.sampled_from(State), "state"))
        for begin, end in zip([start, *ends], ends, strict=False)
    ]
    sums = sums_of(states)
    sums.replace(pieces)
    for piece in pieces:
        states[piece.start : piece.end] = [piece.state] * (piece.end - piece.start)
    expected = sums_of(states)
    for begin in range(len(states)):
        for end in range(begin + 1, len(states) + 1):
            window = Interval(begin, end)
            assert sums.durations(window) == expected.durations(window)
            assert list(_merged(sums, window)) == list(_merged(expected, window))


def _merged(sums: StateSums, window: Interval) -> Iterator[tuple[State, int]]:
    """Yield the states of the window and their durations, with adjacent pieces of equal state merged."""
    for state, pieces in groupby(sums.pieces(window), key=lambda piece: piece.state):
        yield state, sum(piece.end - piece.start for piece in pieces)
