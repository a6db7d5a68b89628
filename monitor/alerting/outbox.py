"""The outbox in memory: undelivered notifications and when they may be sent. It mirrors the table `notifications`.

A row is sent after it is on disk. An urgent one is sent from memory if the disk takes longer than `DISK_TIMEOUT`, so
that pages are not late. A `resolved` notification always waits for the disk: if a crash lost it after it was sent, the
restarted daemon would not know that the alert is resolved.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from monitor.alerting.backoff import MAX_RETRY_AFTER, circuit_is_open, open_circuit_delay, retry_delay
from monitor.notification import Kind, Notification
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DISK_TIMEOUT: Final = 2 * SECOND  # longest wait of an urgent notification for the disk
URGENT: Final = (Kind.OPENED, Kind.ESCALATED, Kind.REMINDER)


@dataclass(slots=True)
class ReceiverQueue:
    """The undelivered notifications of one receiver, by key and turn (sequence number), and the receiver's state.

    `failures` counts consecutive failures. Nothing is sent before the instant `paused_until`. `groups` has the current
    group per severity as [start, end): messages due in it are sent together at its end.
    """

    waiting: dict[str, dict[int, Notification]] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)
    failures: int = 0
    paused_until: int = 0
    groups: dict[str, tuple[int, int]] = field(default_factory=dict)
    error: str = ""

    @property
    def circuit_open(self) -> bool:
        """Whether the circuit is open: then one attempt is made at a time, after `paused_until`."""
        return circuit_is_open(self.failures)

    def assign_to_group(self, severity: str, due: int, wait: int) -> int:
        """Return the instant to send a message: the end of the current group, or `due` if there is none.

        In the latter case a new group starts, which lasts for `wait`.

        Each severity has its own groups, so that pages do not wait for tickets or quiet hours.
        """
        start, end = self.groups.get(severity, (0, 0))
        if start <= due < end:
            return end
        self.groups[severity] = (due, due + wait)
        return due

    def next_rows(self) -> Iterator[Notification]:
        """Yield the next notification of each key, except keys with a notification in flight."""
        for key, rows in self.waiting.items():
            if key not in self.sending:
                yield rows[min(rows)] if len(rows) > 1 else next(iter(rows.values()))


class Outbox:
    """All undelivered notifications. Instants are microseconds since the epoch."""

    def __init__(self) -> None:
        self.queues: dict[str, ReceiverQueue] = {}
        self._unwritten: dict[tuple[str, str, int], int] = {}

    def add(self, rows: Iterable[Notification], now: int, *, written: bool) -> None:
        """Add rows; rows that are not on disk wait for `mark_committed`."""
        for row in rows:
            if row.done is None:
                self.queue(row.receiver).waiting.setdefault(row.key, {})[row.turn] = row
                if not written:
                    self._unwritten[row.identity] = now

    def mark_committed(self, rows: Iterable[Notification]) -> None:
        """Mark rows as written to disk."""
        for row in rows:
            self._unwritten.pop(row.identity, None)

    def queue(self, receiver: str) -> ReceiverQueue:
        """Return the queue of a receiver; create it if needed."""
        return self.queues.setdefault(receiver, ReceiverQueue())

    @property
    def unwritten(self) -> bool:
        """Whether a notification is not on disk yet."""
        return bool(self._unwritten)

    def ready_at(self, row: Notification) -> float:
        """Return the instant at which the row may be sent; infinity while it waits for the disk."""
        return self._ready_at(self.queue(row.receiver), row)

    def _ready_at(self, queue: ReceiverQueue, row: Notification) -> float:
        at = row.due if row.due > queue.paused_until else queue.paused_until
        if not self._unwritten or (since := self._unwritten.get(row.identity)) is None:
            return at
        return max(at, since + DISK_TIMEOUT) if row.event in URGENT else math.inf

    def ready(self, receiver: str, now: int, limit: int = 1) -> list[Notification]:
        """Return up to `limit` notifications to send to the receiver now, ordered by due instant."""
        queue = self.queues.get(receiver)
        if queue is None or limit < 1 or (queue.circuit_open and queue.sending):
            return []
        due = (row for row in queue.next_rows() if self._ready_at(queue, row) <= now)
        return heapq.nsmallest(1 if queue.circuit_open else limit, due, key=lambda row: (row.due, row.made, row.key))

    def groupable(self, first: Notification, now: int) -> list[Notification]:
        """Return the other urgent notifications to send to the receiver now, in one message with the first."""
        if first.event not in URGENT:
            return []
        rows = self.queue(first.receiver).next_rows()
        return [row for row in rows if row is not first and row.event in URGENT and self.ready_at(row) <= now]

    def all_delivered(self, receiver: str, key: str) -> bool:
        """Return whether no notification of the key waits for the receiver."""
        return key not in self.queue(receiver).waiting

    def is_reachable(self, receiver: str, key: str, now: int, unreachable_after: int) -> bool:
        """Return whether the receiver has all notifications of the key, or is expected to get them soon.

        While notifications are queued, it is not reachable if its circuit is open or sending has failed for
        `unreachable_after` microseconds.
        """
        queue = self.queue(receiver)
        rows = queue.waiting.get(key)
        if not rows:
            return True
        overdue = any(row.error and now - row.made >= unreachable_after for row in rows.values())
        return not queue.circuit_open and not overdue

    def next_at(self, receivers: Iterable[str]) -> float:
        """Return the next instant at which a notification may be sent to a receiver; infinity if none waits."""
        queues = [self.queues[name] for name in receivers if name in self.queues]
        available = (queue for queue in queues if not (queue.circuit_open and queue.sending))
        return min((self._ready_at(queue, row) for queue in available for row in queue.next_rows()), default=math.inf)

    def mark_sending(self, rows: Iterable[Notification]) -> None:
        """Mark rows as being sent."""
        for row in rows:
            self.queue(row.receiver).sending.add(row.key)

    def mark_delivered(self, row: Notification, now: int) -> Notification:
        """Remove the row, and return it marked as done for the record."""
        queue = self.queue(row.receiver)
        self._remove(queue, row)
        if queue.failures:
            self._retry_queue(queue, now)
        queue.failures, queue.paused_until, queue.error = 0, 0, ""
        return replace(row, attempts=row.attempts + 1, done=now, error="")

    def mark_failed(
        self, row: Notification, now: int, error: str, jitter: float, *, wait: int | None = None, refused: bool = False
    ) -> Notification:
        """Schedule the next attempt of the row, and return the row for the record.

        `jitter` within [0, 1) spreads the retries (full jitter). `wait` is the delay that the receiver requested. A
        `refused` message does not count as a failure of the receiver.
        """
        queue = self.queue(row.receiver)
        queue.sending.discard(row.key)
        queue.error = error
        attempts = row.attempts + 1
        due = now + retry_delay(attempts, jitter)
        if wait is not None:
            queue.paused_until = max(queue.paused_until, now + min(wait, MAX_RETRY_AFTER))
        if not refused:
            queue.failures += 1
            if queue.circuit_open:
                queue.paused_until = max(queue.paused_until, now + open_circuit_delay(queue.failures, jitter))
        updated = replace(row, attempts=attempts, due=due, error=error)
        if row.turn in queue.waiting.get(row.key, {}):
            queue.waiting[row.key][row.turn] = updated
        return updated

    def retry(self, now: int, receiver: str | None = None) -> list[Notification]:
        """Make the failed notifications of one receiver, or of all, due now; return the changed rows."""
        changed = []
        for name, queue in self.queues.items():
            if receiver in (None, name):
                paused = queue.paused_until > now
                queue.failures, queue.paused_until = 0, 0
                changed += self._retry_queue(queue, now, overdue=paused)
        return changed

    def expedite_earlier(self, row: Notification) -> list[Notification]:
        """Make earlier notifications of the row's key due no later than the row; return the changed rows."""
        rows = self.queue(row.receiver).waiting.get(row.key, {})
        postponed = [other for other in rows.values() if other.turn < row.turn and other.due > row.due]
        for other in postponed:
            rows[other.turn] = replace(other, due=row.due)
        return [rows[other.turn] for other in postponed]

    def _retry_queue(self, queue: ReceiverQueue, now: int, *, overdue: bool = False) -> list[Notification]:
        """Make failed notifications due now; with `overdue`, also those whose due instant has passed."""
        changed = []
        for rows in queue.waiting.values():
            for turn, row in rows.items():
                if row.attempts and (row.due > now or overdue):
                    rows[turn] = replace(row, due=now)
                    changed.append(rows[turn])
        return changed

    def _remove(self, queue: ReceiverQueue, row: Notification) -> None:
        queue.sending.discard(row.key)
        self._unwritten.pop(row.identity, None)
        rows = queue.waiting.get(row.key, {})
        rows.pop(row.turn, None)
        if not rows:
            queue.waiting.pop(row.key, None)

    def waiting(self) -> Iterator[Notification]:
        """Yield all undelivered notifications."""
        for queue in self.queues.values():
            for rows in queue.waiting.values():
                yield from rows.values()
