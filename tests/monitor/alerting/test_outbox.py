"""The order and the time of notifications in the outbox, at given instants."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from monitor.alerting.outbox import CIRCUIT_THRESHOLD, DISK_TIMEOUT, MAX_DELAY, MAX_RETRY_AFTER, Outbox
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


def test_notification_that_is_due_longest_is_next() -> None:
    early, late = row("a", due=NOW - SECOND), row("b")
    held = outbox(late, early)
    assert held.ready("ops", NOW) == [early]
    assert held.ready("other", NOW) == []
    assert held.ready("ops", NOW - 2 * SECOND) == []
    assert held.next_at(["ops"]) == NOW - SECOND


def test_notifications_of_a_key_keep_their_order() -> None:
    """The resolution waits until the opening is delivered, also while an attempt is in progress."""
    opened, resolved = row(due=NOW + MINUTE), row(event=Kind.RESOLVED, turn=1)
    held = outbox(resolved, opened)
    assert held.ready("ops", NOW) == []
    assert held.ready("ops", NOW + MINUTE) == [opened]
    held.begin([opened])
    assert held.ready("ops", NOW + MINUTE) == []
    done = held.delivered(opened, NOW + MINUTE)
    assert (done.done, done.attempts) == (NOW + MINUTE, 1)
    assert held.ready("ops", NOW + MINUTE) == [resolved]


def test_keys_are_independent() -> None:
    first, second = row("a"), row("b")
    held = outbox(first, second)
    held.begin([first])
    assert held.ready("ops", NOW) == [second]


@pytest.mark.parametrize(
    ("event", "at"),
    [
        (Kind.OPENED, NOW + DISK_TIMEOUT),
        (Kind.ESCALATED, NOW + DISK_TIMEOUT),
        (Kind.RESOLVED, math.inf),
        (Kind.HEARTBEAT, math.inf),
    ],
)
def test_blocked_disk_permits_openings_and_no_resolutions(event: Kind, at: float) -> None:
    waiting = row(event=event)
    held = outbox(waiting, written=False)
    assert held.ready_at(waiting) == at
    held.committed([waiting])
    assert held.ready_at(waiting) == NOW


def test_retry_delays_grow_to_a_limit_with_jitter() -> None:
    held, tried, dues = outbox(row()), row(), []
    for _ in range(12):
        tried = held.failed(tried, NOW, "status 400", 0.999, refused=True)
        dues.append(tried.due - NOW)
    assert dues == sorted(dues)
    assert SECOND < dues[0] < 2 * SECOND
    assert MAX_DELAY * 0.99 < dues[-1] <= MAX_DELAY
    assert held.failed(tried, NOW, "status 400", 0.0, refused=True).due == NOW + 1
    assert (tried.attempts, tried.error) == (12, "status 400")


def test_receiver_with_retry_after_is_not_tried_before() -> None:
    first, second = row("a"), row("b")
    held = outbox(first, second)
    held.failed(first, NOW, "status 429", 0.5, wait=7 * MINUTE)
    assert held.ready("ops", NOW + 7 * MINUTE - 1) == []
    assert held.ready("ops", NOW + 7 * MINUTE) != []
    held.failed(second, NOW, "status 429", 0.5, wait=1_000 * HOUR)
    assert held.ready("ops", NOW + MAX_RETRY_AFTER) != []


def test_failing_receiver_is_tried_with_one_message() -> None:
    rows = [row(f"key-{n}") for n in range(CIRCUIT_THRESHOLD + 2)]
    held = outbox(*rows)
    for each in rows[:CIRCUIT_THRESHOLD]:
        held.failed(each, NOW, "connect_refused", 0.5)
    assert held.lane("ops").circuit_open
    assert held.ready("ops", NOW) == []
    later = int(held.next_at(["ops"]))
    assert NOW + SECOND < later <= NOW + MAX_DELAY
    (probe,) = held.ready("ops", later, 8)
    held.begin([probe])
    assert held.ready("ops", later) == []
    held.delivered(probe, later)
    assert len([each for each in held.waiting() if held.ready_at(each) <= later]) == CIRCUIT_THRESHOLD + 1


def test_rejected_message_does_not_count_as_a_receiver_failure() -> None:
    rows = [row(f"key-{n}") for n in range(CIRCUIT_THRESHOLD + 1)]
    held = outbox(*rows)
    for each in rows[:CIRCUIT_THRESHOLD]:
        held.failed(each, NOW, "status 400", 0.5, refused=True)
    assert not held.lane("ops").circuit_open
    assert held.ready("ops", NOW) == [rows[-1]]


def test_retry_makes_failed_messages_due_for_one_or_all_receivers() -> None:
    ops, other = row(), row(receiver="other")
    held = outbox(ops, other)
    for each in (ops, other):
        held.failed(each, NOW, "connect_refused", 0.9)
    assert [each.receiver for each in held.retry(NOW, "ops")] == ["ops"]
    assert held.ready("ops", NOW) != []
    assert held.ready("other", NOW) == []
    assert [each.receiver for each in held.retry(NOW)] == ["other"]


def test_retry_reports_messages_that_only_the_circuit_breaker_delays() -> None:
    """Their due time is past, so the delivery loop must be woken."""
    waiting, at = row(), NOW
    held = outbox(waiting)
    for _ in range(CIRCUIT_THRESHOLD + 1):
        held.begin([waiting])
        waiting = held.failed(waiting, at, "status 500", 0.0)
        at = int(held.next_at(["ops"]))
    assert waiting.due < at - 1
    assert [each.due for each in held.retry(at - 1, "ops")] == [at - 1]
    assert held.next_at(["ops"]) == at - 1


def test_only_due_openings_are_grouped() -> None:
    first, second = row("a"), row("b")
    third = row("c", due=NOW + MINUTE)
    end = row("d", Kind.RESOLVED)
    held = outbox(first, second, third, end)
    assert held.groupable(first, NOW) == [second]
    assert held.groupable(end, NOW) == []


def test_delivered_notifications_are_not_added() -> None:
    held = outbox(replace(row(), done=NOW))
    assert list(held.waiting()) == []
