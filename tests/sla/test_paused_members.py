"""Eras with pauses: a paused member stays a member, and its time is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.interval import Interval
from sla.observation import Outcome
from sla.paused_members import PausedMembers, PausedTime
from sla.rule import Rule
from sla.states import Durations, State
from sla.timeline import Timeline
from tests.property import oracle
from tests.property.strategies import histories, holds, pairs, windows

if TYPE_CHECKING:
    import pytest

GOOD, BAD = Outcome.GOOD, Outcome.BAD
HOLD = 25


def timeline(outcome: Outcome = GOOD, start: int = 0, end: int = 100) -> Timeline:
    return Timeline.of_pairs([(at, outcome) for at in range(start, end + 1, 10)], HOLD)


def composed(*members: Timeline, k: int | None = None) -> Composition:
    return Composition(Rule(k), members)


def test_paused_time_is_unknown_also_next_to_bad_observations() -> None:
    """Observations are bad before and after, and made during the pause; none of its time is downtime."""
    check = timeline(BAD)
    eras = Eras([Era(EVER, composed(check))], [PausedTime(Interval(30, 60), check)])
    assert eras.durations(Interval(0, 90)) == Durations(down=60, unknown=30)
    assert eras.state(45) is State.UNKNOWN
    assert (eras.counts(Interval(0, 100)).bad, eras.counts(Interval(30, 60))) == (7, (0, 0, 0))
    assert eras.state_start(80) == 60


def test_other_members_give_a_guess_while_one_is_paused() -> None:
    first, second = timeline(), timeline()
    eras = Eras([Era(EVER, composed(first, second))], [PausedTime(Interval(30, 60), second)])
    assert (eras.state(20), eras.state(45), eras.state(60)) == (State.UP, State.GUESS_UP, State.UP)
    decided = Eras([Era(EVER, composed(first, second, k=1))], [PausedTime(Interval(30, 60), second)])
    assert decided.state(45) is State.UP, "any of two: one is enough"


def test_all_members_are_paused_without_a_member() -> None:
    eras = Eras([Era(EVER, composed(timeline(), timeline(BAD), k=1))], [PausedTime(Interval(30, 60))])
    assert eras.durations(Interval(0, 90)) == Durations(up=60, unknown=30)


def test_overlapping_pauses_are_one() -> None:
    check = timeline(BAD)
    pauses = [PausedTime(Interval(20, 50), check), PausedTime(Interval(40, 70)), PausedTime(Interval(80, 80), check)]
    eras = Eras([Era(EVER, composed(check))], pauses)
    assert [tuple(piece) for piece in eras.pieces(Interval(0, 90))] == [
        (0, 20, State.DOWN), (20, 70, State.UNKNOWN), (70, 90, State.DOWN)
    ]  # fmt: skip


def test_definition_that_is_loaded_during_a_pause_applies_with_it() -> None:
    """The pause of `old` continues across the definition, and the one of a removed member ends with it."""
    old, new = timeline(), timeline(BAD)
    eras = Eras([Era(EVER, composed(old)), Era(50, composed(old, new, k=1))], [PausedTime(Interval(30, 80), old)])
    assert eras.durations(Interval(30, 50)) == Durations(unknown=20)
    assert eras.durations(Interval(50, 80)) == Durations(unknown=30, guessed_down=30)
    assert eras.durations(Interval(80, 100)) == Durations(up=20)
    without = Eras([Era(EVER, composed(old)), Era(50, composed(new))], [PausedTime(Interval(30, 80), old)])
    assert without.durations(Interval(50, 80)) == Durations(down=30)


def test_product_that_was_removed_is_unknown_with_and_without_pauses() -> None:
    check = timeline()
    eras = Eras([Era(EVER, composed(check)), Era(40, None)], [PausedTime(Interval(50, 60), check)])
    assert eras.durations(Interval(0, 90)) == Durations(up=40, unknown=50)


def test_later_pause_changes_the_revision_and_no_earlier_state() -> None:
    check = timeline()
    eras = Eras([Era(EVER, composed(check))])
    before, revision = eras.durations(Interval(0, 50)), eras.revision
    eras.redefine([Era(EVER, composed(check))], [PausedTime(Interval(50, 60), check)])
    assert eras.durations(Interval(0, 50)) == before
    assert eras.revision != revision


def test_eras_are_divided_once_while_a_new_member_has_no_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of the second era stays open, so each query computes the starts, but not the parts, again."""
    divided: list[int] = []
    parts = PausedMembers.parts

    def counted(paused: PausedMembers, history: Composition | None, start: int, end: int) -> object:
        divided.append(start)
        return parts(paused, history, start, end)

    monkeypatch.setattr(PausedMembers, "parts", counted)
    old, silent = timeline(), Timeline(HOLD)
    pauses = [PausedTime(Interval(30, 60), silent), PausedTime(Interval(80, 90))]
    eras = Eras([Era(EVER, composed(old)), Era(40, composed(old, silent, k=1), (silent,), HOLD)], pauses)
    assert [eras.state(at) for at in (20, 62, 85, 90)] == [State.UP, State.UP, State.UNKNOWN, State.UP]
    assert divided == [EVER, 65]
    silent.append(50, GOOD)
    assert eras.state(62) is State.UP
    assert divided == [EVER, 65, EVER, 50]


@given(st.lists(st.tuples(histories, holds), min_size=1, max_size=3), windows, st.data())
def test_paused_members_equal_the_oracle(
    members: list[tuple[oracle.Seen, int]], pause: Interval, data: st.DataObject
) -> None:
    """Each instant is composed from the members' states, with unknown for the paused member."""
    timelines = [Timeline.of_pairs(pairs(observations), hold) for observations, hold in members]
    number, k = (data.draw(st.integers(first, len(members) - 1 + first)) for first in (0, 1))
    eras = Eras([Era(EVER, composed(*timelines, k=k))], [PausedTime(pause, timelines[number])])
    for at in range(-5, 61):
        states = [oracle.cell(*member, at) for member in members]
        if pause.start <= at < pause.end:
            states[number] = "unknown"
        assert eras.state(at).name.lower() == oracle.compose(states, k), at
