"""Statements of suppliers as facts: their admission, their end, and the times in which their feed could be read."""

from __future__ import annotations

from sla.fact import Fact
from sla.interval import HOUR, MINUTE, Interval
from sla.pause import FOREVER
from sla.supplier_statement import (
    FEED,
    STATEMENT,
    FeedState,
    Statement,
    feed_states,
    readable_times,
    statement_text,
    statements,
)


def statement(until: int | None = None, absent_at: int | None = None, since: int = HOUR) -> Statement:
    return Statement("sso", "a1", "Logins fail", since, until, absent_at, 2 * HOUR)


def test_admission_is_the_stated_start_but_not_before_a_reading_without_it() -> None:
    assert statement().admitted == HOUR
    assert statement(absent_at=HOUR - MINUTE).admitted == HOUR
    assert statement(absent_at=HOUR + MINUTE).admitted == HOUR + MINUTE


def test_later_facts_change_the_title_and_the_end_only() -> None:
    first = statement(absent_at=30 * MINUTE)
    changed = Statement("sso", "a1", "Logins failed", 5 * MINUTE, 3 * HOUR, None, 4 * HOUR)
    (read,) = statements([first.fact(2 * HOUR), changed.fact(4 * HOUR)])
    assert read == Statement("sso", "a1", "Logins failed", HOUR, 3 * HOUR, 30 * MINUTE, 2 * HOUR)


def test_invalid_facts_are_ignored() -> None:
    other = Fact.of(1, "status feed", "pause", "sso", {})
    no_object = Fact.of(1, "status feed", STATEMENT, "sso", [])
    no_instant = Fact.of(1, "status feed", STATEMENT, "sso", {"key": "a", "since": "yesterday"})
    no_end = Fact.of(1, "status feed", STATEMENT, "sso", {"key": "a", "since": 1, "until": "x"})
    no_absence = Fact.of(1, "status feed", STATEMENT, "sso", {"key": "a", "since": 1, "until": None, "absent_at": "x"})
    assert statements([other, no_object, no_instant, no_end, no_absence]) == []
    assert feed_states([other, Fact.of(1, "status feed", FEED, "sso", [])]) == []


def test_readable_times() -> None:
    states = [FeedState("sso", at, readable) for at, readable in ((0, False), (10, True), (20, True), (30, False))]
    assert feed_states([state.fact() for state in states]) == states
    assert readable_times(states) == [Interval(10, 30)]
    assert readable_times(states[:2]) == [Interval(10, FOREVER)]
    assert readable_times([]) == []


def test_text_of_facts() -> None:
    assert statement_text(statement().fact(HOUR)) == "the supplier states a problem: Logins fail"
    assert statement_text(statement(until=HOUR).fact(HOUR)) == "the supplier states an ended problem: Logins fail"
    assert statement_text(FeedState("sso", 1, True).fact()) == "the status feed is readable"
    assert statement_text(FeedState("sso", 1, False, "status 500").fact()) == (
        "the status feed is not readable: status 500"
    )
    assert statement_text(Fact.of(1, "Ana", "pause", "sso", {})) == ""
