"""Test that the cost of a query does not grow with the record. Steps are counted, because times vary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.measured import measure
from sla.objective import Objective
from sla.observation import Outcome, Run
from sla.rule import Rule
from sla.states import Durations, State
from sla.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sla.states import Piece

GOOD, BAD = Outcome.GOOD, Outcome.BAD
HOLD = 130 * SECOND
GOAL = Objective.parse("99.9%")
END = 1000 * DAY


class CountedTimeline(Timeline):
    """A timeline that counts the pieces that are read."""

    __slots__ = ("steps",)

    def __init__(self, hold: int) -> None:
        super().__init__(hold)
        self.steps = 0

    def pieces(self, window: Interval) -> Iterator[Piece]:
        for piece in super().pieces(window):
            self.steps += 1
            yield piece


class CountedComposition(Composition):
    """A composition that counts the queries of durations and the pieces that are read."""

    __slots__ = ("queries", "steps")

    def __init__(self, members: Iterable[Timeline]) -> None:
        super().__init__(Rule(), tuple(members))
        self.queries = self.steps = 0

    def pieces(self, window: Interval) -> Iterator[Piece]:
        for piece in super().pieces(window):
            self.steps += 1
            yield piece

    def durations(self, window: Interval) -> Durations:
        self.queries += 1
        return super().durations(window)


def year(number: int, days: int = 365, until: int = END) -> CountedTimeline:
    """Return one probe per minute from `days` before END on, with five minutes of failures every two days."""
    timeline = CountedTimeline(HOLD)
    at = END - days * DAY + number * 7 * MINUTE
    while at < until:
        timeline.append_run(Run("p/c", GOOD, "", at, at + 2 * DAY, 2881, HOLD))
        at += 2 * DAY + MINUTE
        timeline.append_run(Run("p/c", BAD, "deadline", at, at + 4 * MINUTE, 5, HOLD))
        at += 5 * MINUTE
    return timeline


def steps(members: Iterable[CountedTimeline]) -> int:
    """Return the number of pieces of the members that were read, and reset it."""
    total = 0
    for member in members:
        total += member.steps
        member.steps = 0
    return total


def test_computed_states_are_not_computed_again() -> None:
    members = [year(number) for number in range(3)]
    composition = Composition(Rule(), members)
    composition.precompute()
    assert steps(members) > 3 * 4 * 180
    for length in (HOUR, DAY, 365 * DAY):
        composition.durations(Interval(END - length, END + 10 * DAY))
        composition.state(END + 10 * DAY)
    assert steps(members) == 0
    last = members[1].last_at or 0
    members[1].append(last + MINUTE, GOOD)
    composition.durations(Interval(END - 365 * DAY, END + 10 * DAY))
    assert 0 < steps(members) < 30, "from the earlier of the last observations on"


@pytest.mark.parametrize("outcome", [GOOD, BAD])
def test_return_after_300_days_recomputes_only_the_end_of_the_hold(outcome: Outcome) -> None:
    members = [year(0), year(1, until=END - 300 * DAY), year(2)]
    composition = Composition(Rule(2), members)
    composition.precompute()
    steps(members)
    members[1].append(max(member.last_at or 0 for member in members) + MINUTE, outcome)
    window = Interval(END - 365 * DAY, END + 5 * DAY)
    durations = composition.durations(window)
    assert steps(members) < 30
    assert durations == Composition(Rule(2), members).durations(window)
    assert list(composition.pieces(window)) == list(Composition(Rule(2), members).pieces(window))


def test_member_silent_for_300_days_adds_no_cost() -> None:
    members = [year(0), year(1, until=END - 300 * DAY), year(2)]
    composition = Composition(Rule(), members)
    composition.precompute()
    steps(members)
    for _ in range(3):
        members[0].append((members[0].last_at or 0) + MINUTE, GOOD)
        measure(composition, Interval(END - 365 * DAY, END), GOAL, rolling=True)
    assert steps(members) < 3 * 30


@pytest.mark.parametrize("days", [20, 364])
@pytest.mark.parametrize("goal", ["99%", "99.9%", "99.99%"])
def test_decidable_at_is_found_with_few_queries(days: int, goal: str) -> None:
    """None of about 2,000 pieces per year is read, and the search for the instant needs few queries."""
    members = [year(number, days) for number in range(3)]
    composition = CountedComposition(members)
    eras = Eras([Era(EVER, composition)])
    eras.precompute()
    steps(members)
    actual = measure(eras, Interval(END - 365 * DAY, END), Objective.parse(goal), rolling=True)
    assert actual.observed_part is not None
    assert actual.observed_part.decidable_at is not None
    assert (composition.queries < 60, composition.steps) == (True, 0)
    assert steps(members) == 0


def test_replacing_states_corrects_all_later_sums() -> None:
    """The member's last doubt becomes unknown when its next observation comes after a long time."""
    live, silent = Timeline.of_pairs([(at, GOOD) for at in range(0, 200, 10)], 20), Timeline(20)
    silent.append(0, GOOD)
    silent.append(10, GOOD)
    both = Composition(Rule(), [live, silent])
    assert both.durations(Interval(0, 190)) == Durations(up=10, doubt_up=20, unknown=160, guessed_up=160)
    silent.append(200, GOOD)
    assert both.durations(Interval(0, 190)) == Durations(up=10, unknown=180, guessed_up=180)
    assert both.durations(Interval(100, 190)) == Durations(unknown=90, guessed_up=90)
    assert [tuple(piece) for piece in both.pieces(Interval(0, 190))] == [
        (0, 10, State.UP),
        (10, 190, State.GUESS_UP),
    ]
