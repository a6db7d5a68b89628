"""Write the record on one thread, in group commits from a bounded queue, with retries while the store fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from monitor.errors import StoreError
from monitor.notification import NO_DECISIONS, Decided
from monitor.storage.file_watch import RecordWatch
from monitor.storage.pending_writes import Item, PendingWrites
from monitor.storage.record_writer import Committed

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.storage.chain import ClosedDay
    from monitor.storage.frames import Cursor, FrameMaker
    from monitor.storage.store import Batch, Store
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run

log = structlog.get_logger()

# Seconds between two commits. Killing the process loses at most the data of this time.
COMMIT_INTERVAL: Final = 0.25
# Maximum seconds between two attempts with a failing store, so that free disk space is used soon.
MAX_BACKOFF: Final = 5.0
# A checkpoint is made after this time (seconds) or number of observations (about 300 pages of the log).
CHECKPOINT_INTERVAL: Final = 30.0
CHECKPOINT_ROWS: Final = 20_000
# Maximum observations per transaction, so that a backlog is written in parts if there is little free disk space.
MAX_BATCH: Final = 10_000
MAX_QUEUED: Final = 200_000  # observations waiting in memory, about 45 MB: 33 minutes of 1,000 checks every 10 s


@dataclass(slots=True)
class _Lost:
    observations: int = 0
    runs: int = 0


class Writer:
    """A thread that writes queued items in order. `put` never blocks and never fails.

    While the store fails, items are kept and retried. Beyond `limit`, the oldest observations and as many runs are
    dropped and counted; incidents and notifications are never dropped. Listeners are called on the writer's thread for
    transactions with incidents or notifications, and when a failing store has recovered.
    """

    def __init__(
        self,
        store: Store,
        health: Health,
        clock: Clock,
        *,
        limit: int = MAX_QUEUED,
        frames: FrameMaker | None = None,
    ) -> None:
        """Create the writer. `frames` makes the frames for the centre, if this daemon is a vantage."""
        self._store, self._health, self._clock, self._limit = store, health, clock, limit
        self._frames = frames
        self._queue: deque[Item] = deque()
        self._remainders: deque[Item] = deque()  # the rest of queue entries whose observation was dropped
        self._queued_facts: deque[Fact] = deque()
        self._queued_latency_days: deque[LatencyDay] = deque()
        self._pending = PendingWrites()
        self._retained: int | None = None
        self._urgent = threading.Event()
        self._stopping = False
        self._failures = 0  # consecutive failed writes
        self._rows = 0  # observations since the last checkpoint
        self._lost_by_loop, self._lost_by_thread = _Lost(), _Lost()
        # The number of queued observations is _accepted - _processed. Each counter is written by one thread, so the
        # difference is always right. The lengths of the two queues are wrong while items are moved between them.
        self._accepted = 0  # by the event loop, minus the observations that it dropped
        self._processed = 0  # written or dropped by the thread
        self._checkpointed_at = self._due = clock.monotonic()
        self._watch = RecordWatch(store, health, clock)
        self._listeners: list[Callable[[Committed], None]] = []
        self._thread = threading.Thread(target=self._work, name="ninewatch-writer", daemon=True)
        health.sqlite_version = store.version

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Add a listener, which is called on the writer's thread and must not block."""
        self._listeners.append(listener)

    def _call_listeners(self, committed: Committed) -> None:
        for listener in self._listeners:
            listener(committed)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(
        self,
        observation: Observation,
        runs: Sequence[Run] = (),
        incident: Incident | None = None,
        decided: Decided = NO_DECISIONS,
    ) -> None:
        """Queue the result of one probe, in O(1), to write it in one transaction.

        It is written immediately with an incident, otherwise within COMMIT_INTERVAL.
        """
        health = self._health
        if self._accepted - self._processed >= self._limit:
            self._drop_oldest()
        self._accepted += 1
        self._queue.append(Item(observation, runs, incident, None, decided))
        health.records_queued += 1
        health.queue_depth = self._accepted - self._processed
        if health.queue_since is None:
            health.queue_since = observation.at
        if incident is not None:
            self._urgent.set()

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        """Queue open runs. With `until`, all observations before `until` are in a run."""
        self._queue.append(Item(runs=runs, folded_until=until))
        self._health.records_queued += 1

    def put_incident(self, incident: Incident, decided: Decided | None = None) -> None:
        """Queue an open incident with its last failing probe, for the next commit.

        With `decided`, the incident is written immediately, in one transaction with the resulting decisions.
        """
        self._queue.append(Item(incident=incident, decided=NO_DECISIONS if decided is None else decided))
        if decided is not None:
            self._health.records_queued += 1
            self._urgent.set()

    def put_decided(self, decided: Decided, *, urgent: bool = True) -> None:
        """Queue product incidents, notifications and responses. Urgent ones are written immediately."""
        self._queue.append(Item(decided=decided))
        self._health.records_queued += 1
        if urgent:
            self._urgent.set()

    def put_facts(self, facts: Sequence[Fact]) -> None:
        """Queue facts for an immediate write. They are kept while the store fails, as incidents are."""
        self._queued_facts.extend(facts)
        self._health.records_queued += 1
        self._urgent.set()

    def put_cursor(self, cursor: Cursor) -> None:
        """Queue the position of a vantage. It is written with, or after, the observations that were queued before."""
        self._queue.append(Item(cursor=cursor))
        self._health.records_queued += 1

    def put_latency_days(self, days: Sequence[LatencyDay]) -> None:
        """Queue days of latencies. They are committed before any `folded_until` that is queued afterwards."""
        self._queued_latency_days.extend(days)

    def put_clock_step(self, at: int, size: int) -> None:
        """Queue a step of the wall clock: the record's time before the step, and its size (negative if backward)."""
        self._pending.clock_steps.append((at, size))

    def put_head(self, closed: ClosedDay) -> None:
        """Queue the head of a closed day. It is kept while the store fails, as facts are."""
        self._pending.heads.append(closed)

    def retain(self, since: int) -> None:
        """Prune observations before `since`, in small steps between commits."""
        self._retained = since

    def close(self, timeout: float = 5.0) -> bool:
        """Write all queued items and stop. Return whether all are written. Blocks for `timeout` seconds at most."""
        self._stopping = True
        self._urgent.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        all_written = not (self._thread.is_alive() or self._queue or self._queued_facts or self._pending)
        if not all_written:
            log.error("store_closed_with_loss", observations=self._health.queue_depth, error=self._health.store_error)
        return all_written

    def _drop_oldest(self) -> None:
        """Drop the oldest queued observation, but keep its runs and incident. Called on the event loop."""
        try:
            oldest = self._queue.popleft()
        except IndexError:  # the thread has taken the entire backlog, and trims it
            return
        if oldest.observation is not None:
            self._accepted -= 1
            self._lost_by_loop.observations += 1
        must_keep = oldest.incident is not None or oldest.cursor is not None or any(oldest.decided)
        if not must_keep and len(self._remainders) >= self._limit:
            self._lost_by_loop.runs += len(oldest.runs)
        elif oldest.runs or must_keep or oldest.folded_until is not None:
            self._remainders.append(oldest._replace(observation=None))
        self._report_losses()

    def _work(self) -> None:
        while not self._stopping:
            self._urgent.wait(max(0.0, self._due - self._clock.monotonic()))
            self._urgent.clear()
            self._run_once()
        self._run_once()

    def _run_once(self) -> None:
        has_record = self._restore_removed_record()
        queued = self._health.records_queued  # read before `_take_queued_items`: all counted items are in the queue now
        self._take_queued_items()
        all_written = has_record and self._write()
        if all_written:
            self._health.records_written = queued
        self._due = self._clock.monotonic() + (
            COMMIT_INTERVAL if all_written else min(MAX_BACKOFF, COMMIT_INTERVAL * 2 ** min(self._failures, 10))
        )
        if all_written:
            self._maintain()

    def _restore_removed_record(self) -> bool:
        """Restore a removed record. Return whether there is a record to write to."""
        try:
            emptied = self._watch.check_file()
        except Exception as error:  # noqa: BLE001 - a defect must not end the writer's thread
            self._after_failure(_error_text(error), tuple(self._pending.incidents.values()))
            return False
        if emptied:
            if self._frames is not None:
                self._frames.restart(self._store.next_incarnation(self._clock.now()))
            self._call_listeners(Committed((), emptied=True))
        return not self._health.record_missing

    def _take_queued_items(self) -> None:
        for source in (self._remainders, self._queue):
            for _ in range(len(source)):
                try:
                    item = source.popleft()
                except IndexError:  # the event loop has dropped the rest
                    break
                self._pending.add(item)
        for _ in range(len(self._queued_facts)):
            self._pending.add_fact(self._queued_facts.popleft())
        for _ in range(len(self._queued_latency_days)):
            self._pending.add_latency_day(self._queued_latency_days.popleft())
        self._trim()

    def _trim(self) -> None:
        observations, runs = self._pending.observations, self._pending.runs
        while len(observations) > self._limit:
            observations.popleft()
            self._processed += 1
            self._lost_by_thread.observations += 1
        while self._failures and len(runs) > self._limit:  # otherwise all runs are written soon
            del runs[next(iter(runs))]
            self._lost_by_thread.runs += 1
        self._report_losses()

    def _report_losses(self) -> None:
        self._health.dropped_observations = self._lost_by_loop.observations + self._lost_by_thread.observations
        self._health.dropped_runs = self._lost_by_loop.runs + self._lost_by_thread.runs

    def _write(self) -> bool:
        """Write all pending items, runs and incidents first. Return whether all writes succeeded."""
        while self._pending:
            batch = self._pending.batch(MAX_BATCH)
            if self._frames is not None:
                batch = self._frames.with_frame(batch)
            incidents = tuple(batch.incidents)
            try:
                self._store.write(batch)
            except StoreError as error:
                self._after_failure(str(error), incidents)
                return False
            except Exception as error:
                log.error("store_defect", error=repr(error), exc_info=True)
                self._after_failure(f"defect: {error!r}", incidents)
                return False
            self._pending.remove(batch)
            self._after_commit(batch)
        return True

    def _after_commit(self, batch: Batch) -> None:
        self._processed += len(batch.observations)
        self._rows += len(batch.observations)
        recovered, self._failures = self._failures > 0, 0
        self._report_success()
        if recovered:
            log.info("store_recovered", still_waiting=self._health.queue_depth)
        if batch.incidents or batch.notifications or batch.cursors or recovered:
            incidents, notifications = tuple(batch.incidents), tuple(batch.notifications)
            cursors = tuple(batch.cursors)
            self._call_listeners(Committed(incidents, "", recovered, notifications=notifications, cursors=cursors))

    def _report_success(self) -> None:
        health = self._health
        health.queue_depth = self._accepted - self._processed
        health.queue_since = self._oldest()
        health.unrecorded_since = None
        health.store_error = ""

    def _oldest(self) -> int | None:
        if self._pending.observations:
            return self._pending.observations[0].at
        try:
            observation = self._queue[0].observation
        except IndexError:
            return None
        return None if observation is None else observation.at

    def _after_failure(self, error: str, incidents: tuple[Incident, ...]) -> None:
        self._failures += 1
        health = self._health
        health.write_failures += 1
        health.store_error = error
        if health.unrecorded_since is None:
            health.unrecorded_since = health.queue_since
        if self._failures == 1:
            log.error("store_failing", error=error, advice="probing continues; queued writes are kept and retried")
        if incidents:
            self._call_listeners(Committed(incidents, error))

    def _maintain(self) -> None:
        """Prune one step, and checkpoint when due. A failure loses no data, and is retried."""
        try:
            if self._retained is not None and self._store.prune(self._retained) == 0:
                self._retained = None
            if self._frames is not None:
                self._health.frames_dropped += self._frames.prune(self._store, self._clock.now())
            now = self._clock.monotonic()
            if self._rows >= CHECKPOINT_ROWS or (self._rows and now >= self._checkpointed_at + CHECKPOINT_INTERVAL):
                self._rows, self._checkpointed_at = 0, now
                self._store.maintain()
        except Exception as error:  # noqa: BLE001 - a defect must not end the writer's thread
            self._health.write_failures += 1
            log.warning("store_maintenance_failed", error=_error_text(error))


def _error_text(error: Exception) -> str:
    if isinstance(error, StoreError):
        return str(error)
    log.error("store_defect", error=repr(error), exc_info=True)
    return f"defect: {error!r}"
