"""Tests of rules and compositions (measurement.md, section 3)."""

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
def test_rules_are_parsed_and_printed(text: str | int, rule: Rule, printed: str) -> None:
    """The forms are `all`, `any`, `at_least k` and k."""
    assert Rule.parse(text) == rule
    assert str(rule) == printed


@pytest.mark.parametrize("text", ["most", "", "-1", "at_least", True, "2 of 3"])
def test_invalid_rule_is_rejected(text: str | int) -> None:
    """The message has valid examples."""
    with pytest.raises(ValueError, match="use all, any, or at_least 2"):
        Rule.parse(text)


@pytest.mark.parametrize(("rule", "members", "text"), [(Rule(3), 2, "3 or more"), (Rule(), 0, "1 or more")])
def test_rule_with_too_few_members_reports_the_required_number(rule: Rule, members: int, text: str) -> None:
    with pytest.raises(ValueError, match=f"needs {text} members, there are {members}"):
        rule.needed(members)
    assert rule.needed(3) == 3


def test_rule_needs_enough_members() -> None:
    """A rule without members, or for 2 of 1, can never be met. At least 0 is always met."""
    for rule, members in ((Rule(), 0), (Rule(2), 1)):
        with pytest.raises(ValueError, match="members"):
            rule.needed(members)
    with pytest.raises(ValueError, match="always true"):
        Rule.parse(0)
    with pytest.raises(ValueError, match="needs 1 or more members"):
        Composition(Rule(), [])


@pytest.mark.parametrize(
    ("states", "k", "complete"),
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
def test_decide_implements_the_table_of_section_3(states: tuple[State, ...], k: int, complete: State) -> None:
    """Up if k are up, down if fewer than k are not down, else unknown before doubt."""
    assert decide([states.count(s) for s in State], k) is complete


def test_down_if_two_of_three_vantages_are_down() -> None:
    """ "Down when q of n see it down" is k = n - q + 1."""
    observations = [Timeline.of_pairs([(0, o), (10, o)], 10) for o in (BAD, BAD, GOOD)]
    assert Composition(Rule(3 - 2 + 1), observations).durations(Interval(0, 10)) == Durations(down=10)


def test_composition_is_final_until_its_earliest_member() -> None:
    """Without observations of a member nothing is final, but the states of the other members are computed."""
    fast, slow = Timeline.of_pairs([(0, GOOD), (10, GOOD)], 20), Timeline(20)
    both = Composition(Rule(), [fast, slow])
    assert (both.final_until, both.first) == (None, 0)
    assert both.durations(Interval(0, 10)) == Durations(unknown=10, guessed_up=10)
    slow.append(4, UNKNOWN)
    assert (both.final_until, both.first) == (4, 0)
    slow.append(6, GOOD)
    assert both.final_until == 6
    assert both.durations(Interval(0, 20)) == Durations(doubt_up=14, unknown=6, guessed_up=6)


@pytest.mark.parametrize(
    ("states", "k", "complete"),
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
def test_known_members_of_an_unknown_product_give_a_guess(states: tuple[State, ...], k: int, complete: State) -> None:
    """measurement.md, section 3, "Guess": the rule is scaled to the known members, and both roundings must agree."""
    assert decide([states.count(s) for s in State], k) is complete


def test_return_of_a_silent_member_recomputes_its_states() -> None:
    """Queries do not scan the silent time again. After the return, the states equal those of a new composition."""
    live, silent = Timeline(20), Timeline(20)
    members = [live, silent]
    both = Composition(Rule(), members)
    for at in range(0, 100, 10):
        live.append(at, GOOD)
        if at < 30:
            silent.append(at, GOOD)
        both.precompute()
    assert both.durations(Interval(0, 90)) == Durations(up=20, doubt_up=20, unknown=50, guessed_up=50)
    assert len(list(both._sweep(Interval(90, 90)))) == 0
    assert both._state_sums is not None
    assert (both._state_sums.end, both.probably_final_until) == (110, 90), "composed past the silence"
    silent.append(95, BAD)
    for at in range(100, 140, 10):
        live.append(at, GOOD)
        silent.append(at, BAD)
    assert both.durations(Interval(0, 130)) == Composition(Rule(), members).durations(Interval(0, 130))
    assert both.durations(Interval(0, 130)) == Durations(up=20, down=35, unknown=75, guessed_up=75)


def test_composition_expires_with_its_last_member() -> None:
    one, other = Timeline.of_pairs([(0, GOOD)], 20), Timeline.of_pairs([(10, GOOD)], 30)
    both = Composition(Rule(), [one, other])
    assert (both.expires_at, both.first_observation_at) == (40, 0)
    assert Composition(Rule(), [Timeline(5)]).expires_at is None


def test_is_guess_and_is_doubt() -> None:
    assert [state for state in State if state.is_guess] == [GUESS_UP, GUESS_DOWN]
    assert [state for state in State if state.is_doubt] == [DOUBT_UP, DOUBT_DOWN]
    assert [state.estimate for state in (DARK, GUESS_UP, GUESS_DOWN, DOUBT_DOWN)] == [DARK, UP, DOWN, DOWN]
    assert [state.point for state in (GUESS_UP, GUESS_DOWN)] == [DARK, DARK]


def test_joining_member_counts_from_its_first_observation() -> None:
    """The observation was sent before the time that was already computed, as with slow probes."""
    early, late = Timeline(20), Timeline(20)
    both = Composition(Rule(1), [early, late])
    early.append(10, BAD)
    early.append(20, BAD)
    both.precompute()
    late.append(5, GOOD)
    late.append(15, GOOD)
    assert both.durations(Interval(0, 20)) == Composition(Rule(1), [early, late]).durations(Interval(0, 20))
    assert both.state(7) is State.UP


def test_composition_of_unknown_members_is_unknown() -> None:
    """Members without known observations give unknown time and no final part."""
    member = Timeline(5)
    member.append(3, UNKNOWN)
    composition = Composition(Rule(1), [member])
    assert composition.first is None
    assert composition.state(1) is State.UNKNOWN
