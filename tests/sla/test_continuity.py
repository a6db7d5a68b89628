"""Tests of transactions in flight: their states, and the recovery point actual with its bounds."""

from __future__ import annotations

import pytest

from sla.availability import Bounds
from sla.continuity import (
    CONTINUITY,
    ContinuityResult,
    Failure,
    TransactionState,
    continuity_results,
    failures,
    may_exist,
    open_at_failure,
    possibly_left_behind,
    recovery_point,
    recovery_point_without_failure,
    result,
    transaction_state,
    unobserved_failure,
)
from sla.fact import Fact
from sla.intent import Answer, Closing, Entry, Intent, ReadBack, Run, WriteOutcome, runs_of
from sla.interval import SECOND, Interval
from sla.states import Piece, State

ACKNOWLEDGED, FAILED, INDETERMINATE = WriteOutcome
PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState
NONE = Bounds(None, None, None)


def transaction(
    begun: int,
    *,
    begin: WriteOutcome | None = ACKNOWLEDGED,
    finish: WriteOutcome | None = ACKNOWLEDGED,
    finished: int = 60,
    read: tuple[int, int] | None = (1, 1),
    closed: int | None = 80,
    name: str = "",
) -> Run:
    """Return a transaction that begins at the second `begun`, finishes at `finished`, and is read 10 s later."""
    run = name or f"run-{begun}"
    entries: list[Entry] = []
    for step, at, outcome in (("begin", begun, begin), ("finish", finished, finish)):
        if outcome is not None:
            entries.append(Intent(run, "forms/row", step, at * SECOND))
            entries.append(Answer(run, step, (at + 1) * SECOND, outcome))
    if read is not None:
        entries.append(ReadBack(run, (finished + 10) * SECOND, dict(zip(("begin", "finish"), read, strict=True))))
    if closed is not None:
        entries.append(Closing(run, closed * SECOND))
    return runs_of(entries)[run]


@pytest.mark.parametrize(
    ("run", "state"),
    [
        (transaction(0), PRESERVED),
        (transaction(0, finish=None, read=(1, 0)), PRESERVED),
        (transaction(0, read=(0, 1)), LOST),
        (transaction(0, read=(1, 0)), LOST),
        (transaction(0, read=(0, 2)), LOST),
        (transaction(0, read=(1, 2)), DUPLICATED),
        (transaction(0, begin=INDETERMINATE, finish=None, read=(2, 0)), DUPLICATED),
        (transaction(0, begin=INDETERMINATE, finish=None, read=(1, 0)), NEVER),
        (transaction(0, begin=INDETERMINATE, finish=None, read=(0, 0)), NEVER),
        (transaction(0, begin=FAILED, finish=None, read=None), NEVER),
        (transaction(0, finish=FAILED, read=(1, 0)), NEVER),
        (transaction(0, finish=FAILED, read=(0, 0)), LOST),
        (transaction(0, finish=None, read=None, closed=None), OPEN),
        (transaction(0, finish=None, read=None), UNVERIFIED),
    ],
)
def test_history_of_a_transaction_gives_its_state(run: Run, state: TransactionState) -> None:
    assert transaction_state(run) is state


def seconds(figure: Bounds[int | None]) -> list[float | None]:
    return [None if duration is None else duration / SECOND for duration in figure]


FAILED_AT = Bounds(29 * SECOND, 30 * SECOND, 31 * SECOND)


def test_oldest_missing_write_gives_the_recovery_point() -> None:
    runs = [transaction(begun, finish=None, read=(int(begun < 15), 0)) for begun in (5, 10, 15, 20, 25)]
    assert seconds(recovery_point(runs, FAILED_AT)) == [29 - 16, 30 - 16, 31 - 10]
    assert seconds(recovery_point(reversed(runs), FAILED_AT)) == [13, 14, 21]


def test_recovery_point_is_zero_if_no_write_is_missing() -> None:
    runs = [transaction(begun) for begun in (5, 10)]
    assert seconds(recovery_point(runs, FAILED_AT)) == [0, 0, 31 - 10]
    assert seconds(recovery_point(runs, None)) == [0, 0, None]


def test_upper_bound_is_unknown_if_no_older_write_is_present() -> None:
    runs = [transaction(10, finish=None, read=(0, 0)), transaction(20, finish=None, read=(1, 0))]
    assert seconds(recovery_point(runs, FAILED_AT)) == [18, 19, None]


def test_writes_after_the_failure_do_not_count() -> None:
    later = transaction(40, finish=None, read=(0, 0))
    assert recovery_point([later], FAILED_AT) == NONE
    assert seconds(recovery_point([transaction(5), later], FAILED_AT)) == [0, 0, 26]


def test_failure_is_not_before_the_newest_acknowledged_write_that_is_missing() -> None:
    runs = [transaction(20, finish=None, read=(1, 0)), transaction(29, finish=None, read=(0, 0))]
    assert seconds(recovery_point(runs, FAILED_AT)) == [0, 0.000_001, 11]
    early = Bounds(22 * SECOND, 24 * SECOND, 40 * SECOND)
    assert seconds(recovery_point(runs, early)) == [0, 5, 20]
    more = [*runs, transaction(33, finish=None, read=(0, 0)), transaction(45, finish=None, read=(0, 0))]
    assert seconds(recovery_point(more, early)) == [4, 7, 20]


def test_recovery_point_of_a_drill_without_downtime_is_at_most_the_longest_time_without_a_write() -> None:
    drill = Interval(12 * SECOND, 50 * SECOND)
    runs = [transaction(begun, finish=None, read=(1, 0)) for begun in (5, 10, 20, 35, 90)]
    assert seconds(recovery_point_without_failure(runs, drill)) == [0, 0, 15]
    assert seconds(recovery_point_without_failure(runs, Interval(12 * SECOND, 70 * SECOND))) == [0, 0, 35]
    assert seconds(recovery_point_without_failure(runs, Interval(22 * SECOND, 30 * SECOND))) == [0, 0, 10]
    assert seconds(recovery_point_without_failure(runs[2:], drill)) == [0, 0, None]
    assert recovery_point_without_failure([transaction(5, read=(0, 0))], drill) == NONE


def test_nothing_is_measured_without_an_acknowledged_write_or_without_an_instant_of_the_failure() -> None:
    assert recovery_point([], FAILED_AT) == NONE
    assert recovery_point([transaction(5, begin=FAILED, finish=None)], FAILED_AT) == NONE
    assert recovery_point([transaction(5, read=None)], FAILED_AT) == NONE
    assert recovery_point([transaction(5, read=(0, 0))], None) == NONE


def pieces(*lengths: tuple[State, int]) -> list[Piece]:
    stretches, at = [], 0
    for state, length in lengths:
        stretches.append(Piece(at, at + length, state))
        at += length
    return stretches


def test_failures_are_times_with_certain_downtime_that_are_over() -> None:
    up, down, unknown = State.UP, State.DOWN, State.UNKNOWN
    history = pieces(
        (up, 10), (State.DOUBT_UP, 2), (State.DOUBT_DOWN, 2), (down, 6), (State.DOUBT_DOWN, 1), (State.DOUBT_UP, 1),
        (up, 8), (unknown, 5), (up, 5), (down, 3),
    )  # fmt: skip
    assert failures(history) == [Failure(Bounds(10, 12, 14), 22)]
    assert failures([]) == []


def test_transactions_that_were_open_at_a_failure() -> None:
    failure = Failure(FAILED_AT, 40 * SECOND)
    read_before = transaction(5, finished=10, closed=21)
    open_then = transaction(10)
    closed_unread = transaction(8, begin=FAILED, finish=None, read=None, closed=9)
    still_open = transaction(12, finish=None, read=None, closed=None)
    later = transaction(32)
    assert open_at_failure([read_before, open_then, closed_unread, still_open, later], failure) == [
        open_then,
        still_open,
    ]
    read_closed_after = transaction(6, finished=12, closed=80)
    assert open_at_failure([read_closed_after], failure) == []


def test_loss_without_observed_downtime_bounds_the_failure_itself() -> None:
    lost = [transaction(10, read=(0, 0), finish=None), transaction(20, read=(0, 0), finish=None, finished=50)]
    assert unobserved_failure(lost) == Failure(Bounds(21 * SECOND, 40_500_000, 60 * SECOND), 60 * SECOND)
    early = [transaction(58, read=(0, 0), finish=None), transaction(3, read=(0, 0), finish=None, finished=40)]
    assert unobserved_failure(early).at == Bounds(59 * SECOND, 59 * SECOND, 59 * SECOND)


def test_result_counts_states_and_names_the_transactions_that_are_not_preserved() -> None:
    runs = [transaction(10), transaction(20, read=(0, 0)), transaction(22, begin=INDETERMINATE, finish=None)]
    actual = result("forms", "row", runs, Failure(FAILED_AT, 40 * SECOND), 90 * SECOND)
    assert actual.counts == {"preserved": 1, "lost": 1, "never_acknowledged": 1}
    assert actual.runs == ("run-20", "run-22")
    assert actual.summary == "row: 1 lost, 1 never acknowledged, 1 preserved"
    plain = actual.as_json()
    assert plain["rpa_seconds"] == {"low": 8.0, "point": 9.0, "high": 21.0}
    assert plain["failed"]["point"] == "1970-01-01T00:00:30Z"
    assert plain["counts"]["duplicated"] == 0


def test_recorded_result_is_read_again() -> None:
    runs = [transaction(10), transaction(20, read=(0, 0))]
    actual = result("forms", "row", runs, Failure(FAILED_AT, 40 * SECOND), 90 * SECOND)
    none_failed = result("forms", "row", [], None, 90 * SECOND)
    facts = [actual.fact(100, "ninewatch"), none_failed.fact(200, "ninewatch")]
    broken = Fact.of(50, "x", CONTINUITY, "forms", {"counts": {}})
    other = Fact.of(50, "x", "drill", "forms", {})
    assert continuity_results([*facts, broken, other], 200) == [actual, none_failed]
    assert continuity_results(facts, 100) == [actual]
    assert (none_failed.summary, none_failed.recovery_point) == ("row: no transaction", NONE)
    assert isinstance(actual, ContinuityResult)


def test_only_a_write_that_may_have_had_an_effect_needs_a_clean_up() -> None:
    assert may_exist(transaction(0, begin=INDETERMINATE, finish=None))
    assert may_exist(transaction(0, begin=FAILED, finish=ACKNOWLEDGED))
    assert not may_exist(transaction(0, begin=FAILED, finish=None))


def test_run_is_possibly_left_behind_only_if_its_closing_states_it() -> None:
    assert not possibly_left_behind(transaction(0))
    assert not possibly_left_behind(transaction(0, closed=None))
    assert possibly_left_behind(transaction(0, closed=None).with_entry(Closing("run-0", 9, left_behind=True)))
