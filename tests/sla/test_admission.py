"""Outages compared with the statements of a supplier: admitted, how late, never, or not known."""

from __future__ import annotations

import pytest

from sla.admission import Admission, Admitted, Outage, admissions, outages, unobserved
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.observation import Outcome
from sla.pause import FOREVER
from sla.supplier_statement import Statement
from sla.timeline import Timeline

READ = [Interval(0, FOREVER)]
AN_HOUR = Outage(Interval(10 * HOUR, 11 * HOUR), ongoing=False)
LATER = Outage(Interval(13 * HOUR, 14 * HOUR), ongoing=False)


def statement(since: int, until: int | None, absent_at: int | None = None, key: str = "a") -> Statement:
    return Statement("sso", key, "Logins fail", since, until, absent_at, since)


def only(outage: Outage, *stated: Statement, now: int = 90 * DAY, readable: list[Interval] = READ) -> Admission:
    (admission,) = admissions([outage], stated, readable, now)
    return admission


def timeline(outcomes: str) -> Timeline:
    """Return a timeline with an observation per minute: `+` good, `-` bad, a space none."""
    history = Timeline(3 * MINUTE)
    for minute, outcome in enumerate(outcomes):
        if outcome != " ":
            history.append(minute * MINUTE, Outcome.GOOD if outcome == "+" else Outcome.BAD)
    return history


def test_outages_are_from_the_first_to_the_last_certain_downtime() -> None:
    history = timeline("++---+++-+++--++")
    observed = list(outages(history, Interval(0, 16 * MINUTE)))
    assert observed == [
        Outage(Interval(2 * MINUTE, 4 * MINUTE), ongoing=False),
        Outage(Interval(12 * MINUTE, 13 * MINUTE), ongoing=False),
    ]


def test_outage_continues_while_the_state_is_unknown_and_until_now() -> None:
    history = timeline("++---        --")
    assert list(outages(history, Interval(0, 15 * MINUTE))) == [Outage(Interval(2 * MINUTE, 15 * MINUTE), ongoing=True)]
    assert list(outages(timeline("+++"), Interval(0, 3 * MINUTE))) == []


def test_delay_is_the_time_from_the_observed_start_to_the_statement() -> None:
    late, early = statement(10 * HOUR + 12 * MINUTE, 12 * HOUR), statement(9 * HOUR, 12 * HOUR)
    assert only(AN_HOUR, late) == Admission(AN_HOUR, Admitted.YES, late)
    assert only(AN_HOUR, late).delay == 12 * MINUTE
    assert only(AN_HOUR, late, early).delay == -HOUR
    assert only(AN_HOUR).delay is None


def test_statement_that_was_dated_back_counts_from_the_last_reading_without_it() -> None:
    assert only(AN_HOUR, statement(10 * HOUR, 12 * HOUR, absent_at=15 * HOUR)).delay == 5 * HOUR


def test_statement_after_the_outage_admits_it_for_a_day() -> None:
    assert only(AN_HOUR, statement(11 * HOUR + DAY, None)).verdict is Admitted.YES
    assert only(AN_HOUR, statement(11 * HOUR + DAY + 1, None)).verdict is Admitted.NO


def test_statement_that_ended_before_the_outage_is_about_another_one() -> None:
    assert only(AN_HOUR, statement(8 * HOUR, 10 * HOUR - 1)).verdict is Admitted.NO
    assert only(AN_HOUR, statement(8 * HOUR, 10 * HOUR)).verdict is Admitted.YES


def test_statement_about_a_later_outage_does_not_admit_the_earlier_one() -> None:
    about_later = statement(13 * HOUR + MINUTE, 14 * HOUR)
    first, second = admissions([AN_HOUR, LATER], [about_later], READ, 90 * DAY)
    assert (first.verdict, second.verdict, second.delay) == (Admitted.NO, Admitted.YES, MINUTE)


def test_one_statement_may_admit_several_outages() -> None:
    both = admissions([AN_HOUR, LATER], [statement(10 * HOUR, 15 * HOUR)], READ, 90 * DAY)
    assert [admission.verdict for admission in both] == [Admitted.YES, Admitted.YES]


@pytest.mark.parametrize(
    ("now", "ongoing", "verdict"),
    [
        (12 * HOUR, False, Admitted.PENDING),
        (11 * HOUR + DAY - 1, False, Admitted.PENDING),
        (11 * HOUR + DAY, False, Admitted.NO),
        (11 * HOUR, True, Admitted.PENDING),
    ],
)
def test_outage_is_never_admitted_only_after_a_day(now: int, ongoing: bool, verdict: Admitted) -> None:
    assert only(Outage(AN_HOUR.interval, ongoing=ongoing), now=now).verdict is verdict


@pytest.mark.parametrize(
    ("readable", "verdict"),
    [
        ([], Admitted.UNKNOWN),
        ([Interval(0, 10 * HOUR)], Admitted.UNKNOWN),
        ([Interval(0, 10 * HOUR + 1)], Admitted.NO),
        ([Interval(11 * HOUR + DAY + 1, FOREVER)], Admitted.UNKNOWN),
        ([Interval(11 * HOUR + DAY, FOREVER)], Admitted.NO),
    ],
)
def test_nothing_is_known_if_the_feed_was_not_read(readable: list[Interval], verdict: Admitted) -> None:
    assert only(AN_HOUR, readable=readable).verdict is verdict


def test_statement_that_is_not_yet_made_counts_for_nothing() -> None:
    assert only(AN_HOUR, statement(10 * HOUR, None, absent_at=12 * HOUR), now=11 * HOUR).verdict is Admitted.PENDING


def test_statements_about_no_observed_outage() -> None:
    about, other = statement(10 * HOUR, 11 * HOUR), statement(5 * HOUR, 6 * HOUR, key="b")
    assert unobserved([other, about], [AN_HOUR]) == [other]
    assert unobserved([other], []) == [other]
