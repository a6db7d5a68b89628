"""Incidents of a check that several vantages probe: the votes decide, and only fresh vantages vote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.incident import IncidentTracker, Opened, Phase, Resolved
from sla.observation import Observation, Outcome
from sla.timeline import Timeline
from sla.votes import Quorum, Vote, VoteTracker, vote_of

if TYPE_CHECKING:
    from random import Random

HOLD = 25
TWO_OF_THREE = Quorum(2, 3)
LETTERS = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}


def vantage(letters: str) -> tuple[IncidentTracker, Timeline]:
    """Return the tracker and timeline of a vantage with one observation per 10 microseconds."""
    timeline = Timeline(HOLD)
    tracker = IncidentTracker("p/c", "p", 2, 2, timeline)
    for number, letter in enumerate(letters):
        timeline.append(10 * number, LETTERS[letter])
        tracker.step(Observation("p/c", 10 * number, LETTERS[letter], f"r{number}"))
    return tracker, timeline


def up(name: str, since: int) -> Vote:
    return Vote(name, down=False, since=since)


def down(name: str, since: int) -> Vote:
    return Vote(name, down=True, since=since, reason=f"of {name}")


@pytest.mark.parametrize(
    ("text", "needed_up", "rule"), [("1 of 1", 1, "any"), ("2 of 3", 2, "at_least 2"), ("1 of 3", 3, "at_least 3")]
)
def test_quorum_sets_how_many_vantages_must_be_up(text: str, needed_up: int, rule: str) -> None:
    quorum = Quorum.parse(text)
    assert (str(quorum), quorum.needed_up, str(quorum.rule)) == (text, needed_up, rule)


@pytest.mark.parametrize("text", ["", "2", "two of three", "2 of 3 vantages", "0 of 3", "4 of 3", "-1 of 3"])
def test_impossible_quorum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"; (use|specify) "):
        Quorum.parse(text)


def test_default_quorum_is_more_than_half() -> None:
    assert [str(Quorum.majority(n)) for n in (1, 2, 3, 4, 5)] == ["1 of 1", "2 of 2", "2 of 3", "3 of 4", "3 of 5"]


@pytest.mark.parametrize(
    ("letters", "now", "vote"),
    [
        ("", 0, None),
        ("uu", 10, None),
        ("gg", 10, up("x", 0)),
        ("ggb", 20, None),
        ("ggbb", 30, Vote("x", down=True, since=20, reason="r2")),
        ("ggbbg", 40, Vote("x", down=True, since=20, reason="r2")),
        ("ggbbgg", 50, up("x", 40)),
        ("gg", 10 + HOLD, up("x", 0)),
        ("gg", 11 + HOLD, None),
        ("ggu", 11 + HOLD, None),
    ],
)
def test_vote_is_the_decision_of_the_vantage_alone_while_it_is_fresh(letters: str, now: int, vote: Vote | None) -> None:
    """An unknown observation makes no vantage fresh. A vantage with one bad outcome of two has no vote."""
    assert vote_of("x", *vantage(letters), now) == vote


def test_vantage_that_is_down_without_an_incident_has_no_vote() -> None:
    """The instant at which its outage began is not known."""
    tracker, timeline = vantage("ggbb")
    tracker.open = None
    assert tracker.phase is Phase.DOWN
    assert vote_of("x", tracker, timeline, 30) is None


def test_incident_opens_with_the_quorum_and_resolves_without_it() -> None:
    tracker = VoteTracker("p/c", TWO_OF_THREE, Timeline(HOLD))
    assert tracker.decide([down("a", 100), up("b", 0), up("c", 0)]) is None
    opened = tracker.decide([down("c", 120), up("b", 0), down("a", 100)])
    assert isinstance(opened, Opened)
    assert (opened.incident.opened, opened.incident.reason, opened.incident.product) == (120, "of c", "p")
    assert opened.incident.first is not None
    assert opened.incident.first.detail == "down at a, c"
    assert tracker.decide([down("c", 120), down("a", 100), down("b", 50)]) is None
    assert tracker.decide([up("a", 200), down("c", 120)]) is None
    resolved = tracker.decide([up("b", 0), up("a", 200), down("c", 120)])
    assert isinstance(resolved, Resolved)
    assert (resolved.incident.id, resolved.incident.resolved, tracker.open) == (opened.incident.id, 200, None)


def test_lower_quorum_opens_another_incident_by_a_vote_that_continues() -> None:
    """The vote began with the first incident, whose id is computed from that instant."""
    tracker = VoteTracker("p/c", TWO_OF_THREE)
    first = tracker.decide([down("a", 100), down("b", 110)])
    tracker.decide([up("a", 150), down("b", 110), up("c", 0)])
    tracker.quorum = Quorum(1, 3)
    second = tracker.decide([up("a", 150), down("b", 110), up("c", 0)])
    assert isinstance(first, Opened)
    assert isinstance(second, Opened)
    assert (first.incident.opened, second.incident.opened) == (110, 150)
    assert first.incident.id != second.incident.id


def test_incident_opens_after_a_recorded_one_of_the_same_instant() -> None:
    tracker = VoteTracker("p/c", Quorum(1, 3))
    recorded = tracker.decide([down("a", 100)])
    assert isinstance(recorded, Opened)
    continued = VoteTracker("p/c", Quorum(1, 3))
    continued.resolved(replace(recorded.incident, resolved=100))
    continued.resolved(replace(recorded.incident, opened=40, resolved=60))
    again = continued.decide([down("a", 100)])
    assert isinstance(again, Opened)
    assert again.incident.opened == 101


def test_incident_does_not_end_before_it_began() -> None:
    tracker = VoteTracker("p/c", TWO_OF_THREE)
    tracker.decide([down("a", 100), down("b", 110)])
    resolved = tracker.decide([up("a", 0), up("b", 0), up("c", 0)])
    assert isinstance(resolved, Resolved)
    assert (resolved.incident.resolved, resolved.incident.downtime) == (110, None)


votes = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=5)


@given(st.integers(1, 5), st.lists(votes, min_size=1, max_size=6), st.randoms())
def test_decisions_need_the_votes_and_not_their_order(
    needed: int, rounds: list[list[tuple[bool, int]]], random: Random
) -> None:
    """Open exactly from `needed` votes for down until more than 5 - `needed` votes for up; the order has no effect."""
    quorum, is_open = Quorum(needed, 5), False
    first, second = VoteTracker("p/c", quorum), VoteTracker("p/c", quorum)
    for opinions in rounds:
        cast = [Vote(str(n), down=is_down, since=since) for n, (is_down, since) in enumerate(opinions)]
        shuffled = list(cast)
        random.shuffle(shuffled)
        assert first.decide(cast) == second.decide(shuffled)
        count = sum(vote.down for vote in cast)
        is_open = len(cast) - count <= 5 - needed if is_open else count >= needed
        assert (first.open is not None) is is_open
