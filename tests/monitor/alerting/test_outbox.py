"""The order and the due instants of notifications in the outbox."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from monitor.alerting.backoff import CIRCUIT_THRESHOLD, MAX_DELAY, MAX_RETRY_AFTER
from monitor.alerting.outbox import DISK_TIMEOUT, Outbox
from monitor.notification import Kind, Notification
from sla.interval import HOUR, MINUTE, SECOND

NOW = 1_790_000_000 * SECOND


def row(
    key: str = "a", event: Kind = Kind.OPENED, turn: int = 0, receiver: str = "ops", due: int = NOW
) -> Notification:
    return Notification(key, receiver, turn, event, 1, NOW, due, "page", "forms", "{}")


def outbox(*rows: Notification, written: bool = True) -> Outbox:
    box = Outbox()
    box.add(rows, NOW, written=written)
    return box


def test_notification_that_is_due_longest_is_next() -> None:
    early, late = row("a", due=NOW - SECOND), row("b")
    box = outbox(late, early)
    assert box.ready("ops", NOW) == [early]
    assert box.ready("other", NOW) == []
    assert box.ready("ops", NOW - 2 * SECOND) == []
    assert box.next_at(["ops"]) == NOW - SECOND


def test_notifications_of_a_key_keep_their_order() -> None:
    """The resolution waits until the opening is delivered, also while an attempt is in progress."""
    opened, resolved = row(due=NOW + MINUTE), row(event=Kind.RESOLVED, turn=1)
    box = outbox(resolved, opened)
    assert box.ready("ops", NOW) == []
    assert box.ready("ops", NOW + MINUTE) == [opened]
    box.mark_sending([opened])
    assert box.ready("ops", NOW + MINUTE) == []
    notification = box.mark_delivered(opened, NOW + MINUTE)
    assert (notification.done, notification.attempts) == (NOW + MINUTE, 1)
    assert box.ready("ops", NOW + MINUTE) == [resolved]


def test_keys_are_independent() -> None:
    first, second = row("a"), row("b")
    box = outbox(first, second)
    box.mark_sending([first])
    assert box.ready("ops", NOW) == [second]


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
    box = outbox(waiting, written=False)
    assert box.ready_at(waiting) == at
    box.mark_committed([waiting])
    assert box.ready_at(waiting) == NOW


@pytest.mark.fault(52)
def test_retry_delays_grow_to_a_limit_with_jitter() -> None:
    box, notification, delays = outbox(row()), row(), []
    for _ in range(12):
        notification = box.mark_failed(notification, NOW, "status 400", 0.999, refused=True)
        delays.append(notification.due - NOW)
    assert delays == sorted(delays)
    assert SECOND < delays[0] < 2 * SECOND
    assert MAX_DELAY * 0.99 < delays[-1] <= MAX_DELAY
    assert box.mark_failed(notification, NOW, "status 400", 0.0, refused=True).due == NOW + 1
    assert (notification.attempts, notification.error) == (12, "status 400")


def test_receiver_with_retry_after_is_not_tried_before() -> None:
    first, second = row("a"), row("b")
    box = outbox(first, second)
    box.mark_failed(first, NOW, "status 429", 0.5, wait=7 * MINUTE)
    assert box.ready("ops", NOW + 7 * MINUTE - 1) == []
    assert box.ready("ops", NOW + 7 * MINUTE) != []
    box.mark_failed(second, NOW, "status 429", 0.5, wait=1_000 * HOUR)
    assert box.ready("ops", NOW + MAX_RETRY_AFTER) != []


def test_failing_receiver_is_tried_with_one_message() -> None:
    rows = [row(f"key-{n}") for n in range(CIRCUIT_THRESHOLD + 2)]
    box = outbox(*rows)
    for notification in rows[:CIRCUIT_THRESHOLD]:
        box.mark_failed(notification, NOW, "connect_refused", 0.5)
    assert box.queue("ops").circuit_open
    assert box.ready("ops", NOW) == []
    later = int(box.next_at(["ops"]))
    assert NOW + SECOND < later <= NOW + MAX_DELAY
    (probe,) = box.ready("ops", later, 8)
    box.mark_sending([probe])
    assert box.ready("ops", later) == []
    box.mark_delivered(probe, later)
    assert (
        len([notification for notification in box.waiting() if box.ready_at(notification) <= later])
        == CIRCUIT_THRESHOLD + 1
    )


def test_rejected_message_does_not_count_as_a_receiver_failure() -> None:
    rows = [row(f"key-{n}") for n in range(CIRCUIT_THRESHOLD + 1)]
    box = outbox(*rows)
    for notification in rows[:CIRCUIT_THRESHOLD]:
        box.mark_failed(notification, NOW, "status 400", 0.5, refused=True)
    assert not box.queue("ops").circuit_open
    assert box.ready("ops", NOW) == [rows[-1]]


def test_retry_makes_failed_messages_due_for_one_or_all_receivers() -> None:
    ops, other = row(), row(receiver="other")
    box = outbox(ops, other)
    for notification in (ops, other):
        box.mark_failed(notification, NOW, "connect_refused", 0.9)
    assert [notification.receiver for notification in box.retry(NOW, "ops")] == ["ops"]
    assert box.ready("ops", NOW) != []
    assert box.ready("other", NOW) == []
    assert [notification.receiver for notification in box.retry(NOW)] == ["other"]


def test_retry_reports_messages_that_only_the_circuit_breaker_delays() -> None:
    """Their due time is past, so the delivery loop must be woken."""
    waiting, at = row(), NOW
    box = outbox(waiting)
    for _ in range(CIRCUIT_THRESHOLD + 1):
        box.mark_sending([waiting])
        waiting = box.mark_failed(waiting, at, "status 500", 0.0)
        at = int(box.next_at(["ops"]))
    assert waiting.due < at - 1
    assert [notification.due for notification in box.retry(at - 1, "ops")] == [at - 1]
    assert box.next_at(["ops"]) == at - 1


@pytest.mark.fault(28)
def test_only_due_openings_are_grouped() -> None:
    first, second = row("a"), row("b")
    third = row("c", due=NOW + MINUTE)
    end = row("d", Kind.RESOLVED)
    box = outbox(first, second, third, end)
    assert box.groupable(first, NOW) == [second]
    assert box.groupable(end, NOW) == []


def test_delivered_notifications_are_not_added() -> None:
    box = outbox(replace(row(), done=NOW))
    assert list(box.waiting()) == []
