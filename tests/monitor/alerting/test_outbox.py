"""Which notification may be sent next, and when: over instants that the test names."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from monitor.alerting.outbox import LONGEST, LONGEST_WAIT, PATIENCE, TRIPS, Outbox
from monitor.notification import Kind, Notification
from sla.interval import HOUR, MINUTE, SECOND

NOW = 1_790_000_000 * SECOND


def row(
    key: str = "a", event: Kind = Kind.OPENED, turn: int = 0, receiver: str = "ops", due: int = NOW
) -> Notification:
    return Notification(key, receiver, turn, event, 1, NOW, due, "page", "forms", "{}")


def outbox(*rows: Notification, written: bool = True) -> Outbox:
    made = Outbox()
    made.add(rows, NOW, written=written)
    return made


def test_what_is_due_for_longest_is_next() -> None:
    early, late = row("a", due=NOW - SECOND), row("b")
    held = outbox(late, early)
    assert held.ready("ops", NOW) == [early]
    assert held.ready("other", NOW) == []
    assert held.ready("ops", NOW - 2 * SECOND) == []
    assert held.next_at(["ops"]) == NOW - SECOND


def test_a_key_keeps_its_order() -> None:
    """The resolve waits for its trigger, whatever is due, and while the trigger is under way."""
    opened, resolved = row(due=NOW + MINUTE), row(event=Kind.RESOLVED, turn=1)
    held = outbox(resolved, opened)
    assert held.ready("ops", NOW) == []
    assert held.ready("ops", NOW + MINUTE) == [opened]
    held.begin([opened])
    assert held.ready("ops", NOW + MINUTE) == []
    done = held.delivered(opened, NOW + MINUTE)
    assert (done.done, done.attempts) == (NOW + MINUTE, 1)
    assert held.ready("ops", NOW + MINUTE) == [resolved]


def test_keys_do_not_wait_for_each_other() -> None:
    first, second = row("a"), row("b")
    held = outbox(first, second)
    held.begin([first])
    assert held.ready("ops", NOW) == [second]


@pytest.mark.parametrize(
    ("event", "at"),
    [
        (Kind.OPENED, NOW + PATIENCE),
        (Kind.ESCALATED, NOW + PATIENCE),
        (Kind.RESOLVED, math.inf),
        (Kind.HEARTBEAT, math.inf),
    ],
)
def test_while_the_disk_does_not_answer_an_opening_goes_out_and_an_end_never(event: Kind, at: float) -> None:
    waiting = row(event=event)
    held = outbox(waiting, written=False)
    assert held.ready_at(waiting) == at
    held.committed([waiting])
    assert held.ready_at(waiting) == NOW


def test_retries_come_later_and_later_within_a_bound_and_spread_by_chance() -> None:
    held, tried, dues = outbox(row()), row(), []
    for _ in range(12):
        tried = held.failed(tried, NOW, "status 400", 0.999, refused=True)
        dues.append(tried.due - NOW)
    assert dues == sorted(dues)
    assert SECOND < dues[0] < 2 * SECOND
    assert LONGEST * 0.99 < dues[-1] <= LONGEST
    assert held.failed(tried, NOW, "status 400", 0.0, refused=True).due == NOW + 1
    assert (tried.attempts, tried.error) == (12, "status 400")


def test_a_receiver_that_names_a_time_is_left_alone_until_then() -> None:
    first, second = row("a"), row("b")
    held = outbox(first, second)
    held.failed(first, NOW, "status 429", 0.5, wait=7 * MINUTE)
    assert held.ready("ops", NOW + 7 * MINUTE - 1) == []
    assert held.ready("ops", NOW + 7 * MINUTE) != []
    held.failed(second, NOW, "status 429", 0.5, wait=1_000 * HOUR)
    assert held.ready("ops", NOW + LONGEST_WAIT) != []


def test_a_receiver_that_fails_again_and_again_is_tried_with_one_message_at_a_time() -> None:
    rows = [row(f"key-{n}") for n in range(TRIPS + 2)]
    held = outbox(*rows)
    for each in rows[:TRIPS]:
        held.failed(each, NOW, "connect_refused", 0.5)
    assert held.lane("ops").tripped
    assert held.ready("ops", NOW) == []
    later = int(held.next_at(["ops"]))
    assert NOW + SECOND < later <= NOW + LONGEST
    (probe,) = held.ready("ops", later, 8)
    held.begin([probe])
    assert held.ready("ops", later) == []
    held.delivered(probe, later)
    assert len([each for each in held.waiting() if held.ready_at(each) <= later]) == TRIPS + 1


def test_a_refused_message_says_nothing_of_the_receiver() -> None:
    rows = [row(f"key-{n}") for n in range(TRIPS + 1)]
    held = outbox(*rows)
    for each in rows[:TRIPS]:
        held.failed(each, NOW, "status 400", 0.5, refused=True)
    assert not held.lane("ops").tripped
    assert held.ready("ops", NOW) == [rows[-1]]


def test_retry_makes_due_what_failed_of_one_receiver_or_of_all() -> None:
    ops, other = row(), row(receiver="other")
    held = outbox(ops, other)
    for each in (ops, other):
        held.failed(each, NOW, "connect_refused", 0.9)
    assert [each.receiver for each in held.retry(NOW, "ops")] == ["ops"]
    assert held.ready("ops", NOW) != []
    assert held.ready("other", NOW) == []
    assert [each.receiver for each in held.retry(NOW)] == ["other"]


def test_retry_reports_what_was_due_but_held_by_the_circuit_breaker() -> None:
    """Its due time is past, and only the receiver's hold kept it: the loop has to be woken for it."""
    waiting, at = row(), NOW
    held = outbox(waiting)
    for _ in range(TRIPS + 1):
        held.begin([waiting])
        waiting = held.failed(waiting, at, "status 500", 0.0)
        at = int(held.next_at(["ops"]))
    assert waiting.due < at - 1
    assert [each.due for each in held.retry(at - 1, "ops")] == [at - 1]
    assert held.next_at(["ops"]) == at - 1


def test_only_openings_that_are_due_are_joined() -> None:
    first, second = row("a"), row("b")
    third = row("c", due=NOW + MINUTE)
    end = row("d", Kind.RESOLVED)
    held = outbox(first, second, third, end)
    assert held.joined(first, NOW) == [second]
    assert held.joined(end, NOW) == []


def test_what_is_delivered_already_is_not_taken_in() -> None:
    held = outbox(replace(row(), done=NOW))
    assert list(held.waiting()) == []
