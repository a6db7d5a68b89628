"""The outbox in memory: which notification may be sent next, and when. It mirrors the table `notifications`.

A row is sent once it is on disk. If the disk does not answer for `PATIENCE`, an `opened` is sent from memory, because a
page that is late is our fault; a `resolved` never, because after a kill nothing would know that it was sent.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from monitor.notification import Kind, Notification
from sla.interval import HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PATIENCE: Final = 2 * SECOND  # microseconds that an `opened` waits for the disk
URGENT: Final = (Kind.OPENED, Kind.ESCALATED, Kind.REMINDER)
BASE: Final = SECOND  # the first retry comes within this, each further one within twice the time of the one before
LONGEST: Final = 5 * MINUTE  # between two attempts, at most
LONGEST_WAIT: Final = HOUR  # that a receiver may ask for
TRIPS: Final = 5  # failures in a row after which a receiver is left alone for a while: its circuit is open


@dataclass(slots=True)
class Lane:
    """What waits for one receiver, by key, each key in order; and how the receiver behaves.

    `failures` are those in a row, `held_until` is the instant before which nothing is sent to it. `groups` are the
    beginning and the end of the time in which further messages of a severity are joined.
    """

    waiting: dict[str, dict[int, Notification]] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)
    failures: int = 0
    held_until: int = 0
    groups: dict[str, tuple[int, int]] = field(default_factory=dict)
    error: str = ""

    @property
    def tripped(self) -> bool:
        """Whether the circuit is open: one attempt at a time, after `held_until`."""
        return self.failures >= TRIPS

    def grouped(self, severity: str, due: int, wait: int) -> int:
        """Return when a message leaves that is due: at the end of the group that is open then, or at once.

        Severities have groups of their own: a page does not wait for tickets, least of all for those of quiet hours.
        """
        start, end = self.groups.get(severity, (0, 0))
        if start <= due < end:
            return end
        self.groups[severity] = (due, due + wait)
        return due

    def heads(self) -> Iterator[Notification]:
        """Yield the next notification of each key that none is being sent of."""
        for key, rows in self.waiting.items():
            if key not in self.sending:
                yield rows[min(rows)] if len(rows) > 1 else next(iter(rows.values()))


class Outbox:
    """All notifications that are not delivered. Instants are microseconds since the epoch."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self._unwritten: dict[tuple[str, str, int], int] = {}

    def add(self, rows: Iterable[Notification], now: int, *, written: bool) -> None:
        """Take in decided rows; those that are not written yet wait for `committed`."""
        for row in rows:
            if row.done is None:
                self.lane(row.receiver).waiting.setdefault(row.key, {})[row.turn] = row
                if not written:
                    self._unwritten[row.identity] = now

    def committed(self, rows: Iterable[Notification]) -> None:
        """Note that rows are on disk."""
        for row in rows:
            self._unwritten.pop(row.identity, None)

    def lane(self, receiver: str) -> Lane:
        """Return the lane of a receiver."""
        return self.lanes.setdefault(receiver, Lane())

    @property
    def unwritten(self) -> bool:
        """Whether a row waits for the disk."""
        return bool(self._unwritten)

    def ready_at(self, row: Notification) -> float:
        """Return the instant from which the row may be sent; infinity while it waits for the disk."""
        return self._ready_at(self.lane(row.receiver), row)

    def _ready_at(self, lane: Lane, row: Notification) -> float:
        at = row.due if row.due > lane.held_until else lane.held_until
        if not self._unwritten or (since := self._unwritten.get(row.identity)) is None:
            return at
        return max(at, since + PATIENCE) if row.event in URGENT else math.inf

    def ready(self, receiver: str, now: int, most: int = 1) -> list[Notification]:
        """Return up to so many notifications that are to be sent to the receiver now, due for longest first."""
        lane = self.lanes.get(receiver)
        if lane is None or most < 1 or (lane.tripped and lane.sending):
            return []
        due = (row for row in lane.heads() if self._ready_at(lane, row) <= now)
        return heapq.nsmallest(1 if lane.tripped else most, due, key=lambda row: (row.due, row.made, row.key))

    def joined(self, first: Notification, now: int) -> list[Notification]:
        """Return further openings that are to be sent to the receiver now, to be joined with the first."""
        if first.event not in URGENT:
            return []
        heads = self.lane(first.receiver).heads()
        return [row for row in heads if row is not first and row.event in URGENT and self.ready_at(row) <= now]

    def took_all(self, receiver: str, key: str) -> bool:
        """Return whether nothing of the key waits for the receiver."""
        return key not in self.lane(receiver).waiting

    def reaches(self, receiver: str, key: str, now: int, patience: int) -> bool:
        """Return whether the receiver took all of the key, or is expected to: it did not fail for so long.

        A receiver whose circuit is open is not expected to.
        """
        lane = self.lane(receiver)
        rows = lane.waiting.get(key)
        if not rows:
            return True
        return not lane.tripped and not any(row.error and now - row.made >= patience for row in rows.values())

    def next_at(self, receivers: Iterable[str]) -> float:
        """Return the instant at which something may be sent to one of the receivers; infinity if nothing waits."""
        lanes = [self.lanes[name] for name in receivers if name in self.lanes]
        able = (lane for lane in lanes if not (lane.tripped and lane.sending))
        return min((self._ready_at(lane, row) for lane in able for row in lane.heads()), default=math.inf)

    def begin(self, rows: Iterable[Notification]) -> None:
        """Note that rows are being sent."""
        for row in rows:
            self.lane(row.receiver).sending.add(row.key)

    def delivered(self, row: Notification, now: int) -> Notification:
        """Take the row out and return it as the record is to keep it: done."""
        lane = self.lane(row.receiver)
        self._take_out(lane, row)
        if lane.failures:
            self._hasten(lane, now)
        lane.failures, lane.held_until, lane.error = 0, 0, ""
        return replace(row, attempts=row.attempts + 1, done=now, error="")

    def failed(
        self, row: Notification, now: int, error: str, chance: float, *, wait: int | None = None, refused: bool = False
    ) -> Notification:
        """Return the row as it is tried again. `chance` within [0, 1) spreads the retries (full jitter).

        `wait` is what the receiver asked for. A `refused` message says nothing about the receiver's health.
        """
        lane = self.lane(row.receiver)
        lane.sending.discard(row.key)
        lane.error = error
        attempts = row.attempts + 1
        due = now + max(1, int(chance * min(LONGEST, BASE * 2 ** min(attempts, 20))))
        if wait is not None:
            lane.held_until = max(lane.held_until, now + min(wait, LONGEST_WAIT))
        if not refused:
            lane.failures += 1
            if lane.tripped:
                pause = min(LONGEST, BASE * 2 ** min(lane.failures, 20))
                lane.held_until = max(lane.held_until, now + int((0.5 + chance / 2) * pause))
        tried = replace(row, attempts=attempts, due=due, error=error)
        if row.turn in lane.waiting.get(row.key, {}):
            lane.waiting[row.key][row.turn] = tried
        return tried

    def retry(self, now: int, receiver: str | None = None) -> list[Notification]:
        """Make everything that waits, or what waits for one receiver, due now; return the rows that changed."""
        changed = []
        for name, lane in self.lanes.items():
            if receiver in (None, name):
                held = lane.held_until > now
                lane.failures, lane.held_until = 0, 0
                changed += self._hasten(lane, now, overdue=held)
        return changed

    def hasten(self, row: Notification) -> list[Notification]:
        """Make what waits before the row in its key due with it; return the rows that changed."""
        rows = self.lane(row.receiver).waiting.get(row.key, {})
        late = [each for each in rows.values() if each.turn < row.turn and each.due > row.due]
        for each in late:
            rows[each.turn] = replace(each, due=row.due)
        return [rows[each.turn] for each in late]

    def _hasten(self, lane: Lane, now: int, *, overdue: bool = False) -> list[Notification]:
        """Make due now what waits only because attempts failed; with `overdue` also what was due before."""
        changed = []
        for rows in lane.waiting.values():
            for turn, row in rows.items():
                if row.attempts and (row.due > now or overdue):
                    rows[turn] = replace(row, due=now)
                    changed.append(rows[turn])
        return changed

    def _take_out(self, lane: Lane, row: Notification) -> None:
        lane.sending.discard(row.key)
        self._unwritten.pop(row.identity, None)
        rows = lane.waiting.get(row.key, {})
        rows.pop(row.turn, None)
        if not rows:
            lane.waiting.pop(row.key, None)

    def waiting(self) -> Iterator[Notification]:
        """Yield all that is not delivered."""
        for lane in self.lanes.values():
            for rows in lane.waiting.values():
                yield from rows.values()
