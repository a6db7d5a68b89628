"""Composition: rules as people write them, the table of section 3, and what is settled."""

from __future__ import annotations

import pytest

from sla.compose import Composition
from sla.interval import Interval
from sla.observation import Outcome
from sla.rule import Rule, decide
from sla.states import Durations, State
from sla.timeline import Timeline

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
UP, DOWN, DOUBT_UP, DOUBT_DOWN, DARK = State.UP, State.DOWN, State.DOUBT_UP, State.DOUBT_DOWN, State.UNKNOWN
GUESS_UP, GUESS_DOWN = State.GUESS_UP, State.GUESS_DOWN


@pytest.mark.parametrize(
    ("text", "rule", "printed"),
    [
        ("all", Rule(), "all"),
        ("Any", Rule(1), "any"),
        ("at_least 2", Rule(2), "at_least 2"),
        (1, Rule(1), "any"),
        ("3", Rule(3), "at_least 3"),
    ],
)
def test_rules_read_and_print(text: str | int, rule: Rule, printed: str) -> None:
    """`all`, `any`, `at_least k` and a bare k."""
    assert Rule.parse(text) == rule
    assert str(rule) == printed


@pytest.mark.parametrize("text", ["most", "", "-1", "at_least", True, "2 of 3"])
def test_what_is_not_a_rule_is_refused(text: str | int) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="write all, any, or at_least 2"):
        Rule.parse(text)


@pytest.mark.parametrize(("rule", "members", "text"), [(Rule(3), 2, "3 or more"), (Rule(), 0, "1 or more")])
def test_a_rule_that_has_too_few_members_says_how_many_it_needs(rule: Rule, members: int, text: str) -> None:
    with pytest.raises(ValueError, match=f"needs {text} members, there are {members}"):
        rule.needed(members)
    assert rule.needed(3) == 3


def test_a_rule_needs_enough_members() -> None:
    """None of none, and two of one, can never be up; at least none always is."""
    for rule, members in ((Rule(), 0), (Rule(2), 1)):
        with pytest.raises(ValueError, match="members"):
            rule.needed(members)
    with pytest.raises(ValueError, match="always true"):
        Rule.parse(0)
    with pytest.raises(ValueError, match="needs 1 or more members"):
        Composition(Rule(), [])


@pytest.mark.parametrize(
    ("states", "k", "whole"),
    [
        ((UP, UP, DOWN), 2, UP),
        ((UP, DOWN, DOWN), 2, DOWN),
        ((UP, DARK, DARK), 1, UP),  # one that is surely up is enough, whatever the others are
        ((DOWN, DARK, DOUBT_UP), 3, DOWN),  # and one that is surely down for `all`
        ((UP, DOUBT_UP, DARK), 2, GUESS_UP),
        ((UP, DOUBT_DOWN, DARK), 2, DARK),
        ((UP, DOUBT_UP, DOWN), 2, DOUBT_UP),
        ((UP, DOUBT_DOWN, DOWN), 2, DOUBT_DOWN),
        ((DOUBT_UP, DOUBT_UP, DOUBT_DOWN), 2, DOUBT_UP),
    ],
)
def test_the_rule_of_section_3(states: tuple[State, ...], k: int, whole: State) -> None:
    """Up if k are up, down if too few are not down, else unknown over doubt."""
    assert decide([states.count(s) for s in State], k) is whole


def test_two_of_three_vantages_see_it_down() -> None:
    """ "Down when q of n see it down" is k = n - q + 1."""
    seen = [Timeline.of_pairs([(0, o), (10, o)], 10) for o in (BAD, BAD, GOOD)]
    assert Composition(Rule(3 - 2 + 1), seen).durations(Interval(0, 10)) == Durations(down=10)


def test_settled_up_to_the_slowest_member() -> None:
    """Nothing is settled for good while a member was never observed; what is known of the others is composed."""
    fast, slow = Timeline.of_pairs([(0, GOOD), (10, GOOD)], 20), Timeline(20)
    both = Composition(Rule(), [fast, slow])
    assert (both.settled, both.first) == (None, 0)
    assert both.durations(Interval(0, 10)) == Durations(unknown=10, guessed_up=10)
    slow.append(4, UNKNOWN)
    assert (both.settled, both.first) == (4, 0)
    slow.append(6, GOOD)
    assert both.settled == 6
    assert both.durations(Interval(0, 20)) == Durations(doubt_up=14, unknown=6, guessed_up=6)


@pytest.mark.parametrize(
    ("states", "k", "whole"),
    [
        ((UP, DARK), 2, GUESS_UP),  # all of two, one unknown: the guess is the other's state
        ((DOUBT_DOWN, DARK), 2, GUESS_DOWN),
        ((DOWN, DARK), 1, GUESS_DOWN),
        ((UP, DOWN, DARK), 2, DARK),  # 2 of 3, one silent, the others disagree: no guess
        ((UP, UP, DARK, DARK), 3, GUESS_UP),
        ((DOUBT_UP, DOWN, DARK, DARK), 3, DARK),
        ((GUESS_UP, DARK), 2, GUESS_UP),  # a member's own guess counts as known
        ((GUESS_DOWN, UP, UP), 3, GUESS_DOWN),
        ((GUESS_DOWN, DOUBT_UP), 2, GUESS_DOWN),
        ((DARK, DARK), 1, DARK),
    ],
)
def test_the_known_members_of_an_unknown_whole_give_a_guess(states: tuple[State, ...], k: int, whole: State) -> None:
    """measurement.md, section 3, "Guess": the rule scaled down to them, where both roundings agree."""
    assert decide([states.count(s) for s in State], k) is whole


def test_a_member_that_was_silent_long_is_composed_and_taken_back_when_it_returns() -> None:
    """No query walks over its silence again, and its return is as if nothing had been composed before."""
    live, silent = Timeline(20), Timeline(20)
    members = [live, silent]
    both = Composition(Rule(), members)
    for at in range(0, 100, 10):
        live.append(at, GOOD)
        if at < 30:
            silent.append(at, GOOD)
        both.settle()
    assert both.durations(Interval(0, 90)) == Durations(up=20, doubt_up=20, unknown=50, guessed_up=50)
    assert len(list(both._sweep(Interval(90, 90)))) == 0
    assert both._state_sums is not None
    assert (both._state_sums.end, both.probably_settled) == (110, 90), "composed past the silence"
    silent.append(95, BAD)
    for at in range(100, 140, 10):
        live.append(at, GOOD)
        silent.append(at, BAD)
    assert both.durations(Interval(0, 130)) == Composition(Rule(), members).durations(Interval(0, 130))
    assert both.durations(Interval(0, 130)) == Durations(up=20, down=35, unknown=75, guessed_up=75)


def test_a_whole_expires_with_the_last_of_its_members() -> None:
    one, other = Timeline.of_pairs([(0, GOOD)], 20), Timeline.of_pairs([(10, GOOD)], 30)
    both = Composition(Rule(), [one, other])
    assert (both.expires_at, both.first_observation_at) == (40, 0)
    assert Composition(Rule(), [Timeline(5)]).expires_at is None


def test_only_guesses_are_guesses_and_only_doubt_is_doubt() -> None:
    assert [state for state in State if state.is_guess] == [GUESS_UP, GUESS_DOWN]
    assert [state for state in State if state.is_doubt] == [DOUBT_UP, DOUBT_DOWN]
    assert [state.estimate for state in (DARK, GUESS_UP, GUESS_DOWN, DOUBT_DOWN)] == [DARK, UP, DOWN, DOWN]
    assert [state.point for state in (GUESS_UP, GUESS_DOWN)] == [DARK, DARK]


def test_a_member_whose_first_observation_comes_late_counts_from_there() -> None:
    """Sent before what was composed already, as probes of different lengths are."""
    early, late = Timeline(20), Timeline(20)
    both = Composition(Rule(1), [early, late])
    early.append(10, BAD)
    early.append(20, BAD)
    both.settle()
    late.append(5, GOOD)
    late.append(15, GOOD)
    assert both.durations(Interval(0, 20)) == Composition(Rule(1), [early, late]).durations(Interval(0, 20))
    assert both.state(7) is State.UP


def test_nothing_known_of_any_member_is_unknown() -> None:
    """Members that could never tell compose to unknown, and to no track."""
    member = Timeline(5)
    member.append(3, UNKNOWN)
    whole = Composition(Rule(1), [member])
    assert whole.first is None
    assert whole.state(1) is State.UNKNOWN
