"""Write the record on one thread, in group commits from a bounded queue, with retries while the store fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from monitor.errors import StoreError
from monitor.notification import NOTHING, Decided
from monitor.storage.file_watch import RecordWatch
from monitor.storage.store import Batch

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.notification import Notification
    from monitor.storage.chain import ClosedDay
    from monitor.storage.store import Store
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident

log = structlog.get_logger()

# Seconds between two commits: a kill loses at most this time; shorter intervals cost more wake-ups
COMMIT_INTERVAL: Final = 0.25
# Longest time in seconds between two attempts with a failing store, so that free disk space is used soon
MAX_BACKOFF: Final = 5.0
CHECKPOINT_INTERVAL: Final = 30.0  # seconds between two checkpoints ...
CHECKPOINT_ROWS: Final = 20_000  # ... or so many observations, about 300 pages of the log
# Observations in one transaction, so that a backlog is written in parts if there is little free disk space
CHUNK: Final = 10_000
LIMIT: Final = 200_000  # observations waiting in memory, about 45 MB: 33 minutes of 1,000 checks every 10 s

# One deque entry per probe result, so that a commit contains it completely or not at all.
_Item = tuple["Observation | None", Sequence["Run"], "Incident | None", "int | None", Decided]


@dataclass(frozen=True, slots=True)
class Committed:
    """The end of a transaction: `error` is empty if it was committed. `recovered`: the previous one had failed.

    `emptied`: the record was lost, and the new one is empty; all data must be queued again.
    """

    incidents: tuple[Incident, ...]
    error: str = ""
    recovered: bool = False
    emptied: bool = False
    notifications: tuple[Notification, ...] = ()


class RecordWriter(Protocol):
    """What decides and records needs of a writer. A rehearsal passes one that keeps decisions and writes nothing."""

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Add a listener for what was written."""
        ...

    def start(self) -> None:
        """Start to write."""
        ...

    def put(
        self,
        seen: Observation,
        runs: Sequence[Run] = (),
        incident: Incident | None = None,
        decided: Decided = NOTHING,
    ) -> None:
        """Queue the result of one probe."""
        ...

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        """Queue open runs."""
        ...

    def put_incident(self, incident: Incident) -> None:
        """Queue an open incident."""
        ...

    def put_decided(self, decided: Decided, *, urgent: bool = True) -> None:
        """Queue product incidents and notifications."""
        ...

    def put_facts(self, facts: Sequence[Fact]) -> None:
        """Queue facts."""
        ...

    def retain(self, since: int) -> None:
        """Prune observations older than this."""
        ...

    def close(self, patience: float = 5.0) -> bool:
        """Write what is queued and stop; return whether all is written."""
        ...


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

    def __init__(self, store: Store, health: Health, clock: Clock, *, limit: int = LIMIT) -> None:
        self._store, self._health, self._clock, self._limit = store, health, clock, limit
        self._queue: deque[_Item] = deque()
        self._remainders: deque[_Item] = deque()  # the rest of queue entries whose observation was dropped
        self._queued_facts: deque[Fact] = deque()
        self._steps: deque[tuple[int, int]] = deque()
        self._heads: deque[ClosedDay] = deque()
        self._observations: deque[Observation] = deque()
        self._runs: dict[tuple[str, str, int], Run] = {}
        self._incidents: dict[str, Incident] = {}
        self._facts: dict[str, Fact] = {}
        self._product_incidents: dict[str, ProductIncident] = {}
        self._notifications: dict[tuple[str, str, int], Notification] = {}
        self._responses: dict[tuple[str, int], Response] = {}
        self._folded: int | None = None
        self._retained: int | None = None
        self._urgent = threading.Event()
        self._stopping = False
        self._failures = 0  # in a row
        self._rows = 0  # since the last checkpoint
        self._lost_by_loop, self._lost_by_thread = _Lost(), _Lost()
        # The queued observations are _accepted - _settled. Each counter is written by one thread, so the difference is
        # always
        # right. The lengths of the two queues are wrong while observations are moved between them.
        self._accepted = 0  # by the event loop, less the observations that it dropped
        self._settled = 0  # written or dropped by the thread
        self._checkpointed_at = self._due = clock.monotonic()
        self._watch = RecordWatch(store, health, clock)
        self._listeners: list[Callable[[Committed], None]] = []
        self._thread = threading.Thread(target=self._work, name="ninewatch-writer", daemon=True)
        health.sqlite_version = store.version

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Add a listener, which is called on the writer's thread and must not block."""
        self._listeners.append(listener)

    def _call_listeners(self, settled: Committed) -> None:
        for listener in self._listeners:
            listener(settled)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(
        self,
        seen: Observation,
        runs: Sequence[Run] = (),
        incident: Incident | None = None,
        decided: Decided = NOTHING,
    ) -> None:
        """Queue the result of one probe, in O(1), to write it in one transaction.

        It is written immediately with an incident, otherwise within COMMIT_INTERVAL.
        """
        health = self._health
        if self._accepted - self._settled >= self._limit:
            self._drop_oldest()
        self._accepted += 1
        self._queue.append((seen, runs, incident, None, decided))
        health.records_queued += 1
        health.queue_depth = self._accepted - self._settled
        if health.queue_since is None:
            health.queue_since = seen.at
        if incident is not None:
            self._urgent.set()

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        """Queue open runs. With `until`, all observations before `until` are in a run."""
        self._queue.append((None, runs, None, until, NOTHING))
        self._health.records_queued += 1

    def put_incident(self, incident: Incident) -> None:
        """Queue an open incident with its newest failing probe, for the next commit."""
        self._queue.append((None, (), incident, None, NOTHING))

    def put_decided(self, decided: Decided, *, urgent: bool = True) -> None:
        """Queue product incidents, notifications and responses. Urgent ones are written immediately."""
        self._queue.append((None, (), None, None, decided))
        self._health.records_queued += 1
        if urgent:
            self._urgent.set()

    def put_facts(self, facts: Sequence[Fact]) -> None:
        """Queue facts for an immediate write. They are kept while the store fails, as incidents are."""
        self._queued_facts.extend(facts)
        self._health.records_queued += 1
        self._urgent.set()

    def put_clock_step(self, at: int, size: int) -> None:
        """Queue a step of the wall clock: the record's time before the step, and its size (negative if backward)."""
        self._steps.append((at, size))

    def put_head(self, closed: ClosedDay) -> None:
        """Queue the head of a closed day. It is kept while the store fails, as facts are."""
        self._heads.append(closed)

    def retain(self, since: int) -> None:
        """Prune observations before `since`, in small steps between commits."""
        self._retained = since

    def close(self, timeout: float = 5.0) -> bool:
        """Write all queued items and stop. Return whether all are written. Blocks for `timeout` seconds at most."""
        self._stopping = True
        self._urgent.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        written = not (self._thread.is_alive() or self._queue or self._queued_facts or self._pending)
        if not written:
            log.error("store_closed_with_loss", observations=self._health.queue_depth, error=self._health.store_error)
        return written

    def _drop_oldest(self) -> None:
        """Drop the oldest queued observation, but keep its runs and incident. Called on the event loop."""
        try:
            seen, runs, incident, until, decided = self._queue.popleft()
        except IndexError:  # the thread has the entire backlog, and trims it
            return
        if seen is not None:
            self._accepted -= 1
            self._lost_by_loop.observations += 1
        must_keep = incident is not None or any(decided)
        if not must_keep and len(self._remainders) >= self._limit:
            self._lost_by_loop.runs += len(runs)
        elif runs or must_keep or until is not None:
            self._remainders.append((None, runs, incident, until, decided))
        self._report_losses()

    def _work(self) -> None:
        while not self._stopping:
            self._urgent.wait(max(0.0, self._due - self._clock.monotonic()))
            self._urgent.clear()
            self._round()
        self._round()

    def _round(self) -> None:
        in_place = self._in_place()
        queued = self._health.records_queued  # read before `_gather`: all counted items are in the queue now
        self._gather()
        written = in_place and self._write()
        if written:
            self._health.records_written = queued
        self._due = self._clock.monotonic() + (
            COMMIT_INTERVAL if written else min(MAX_BACKOFF, COMMIT_INTERVAL * 2 ** min(self._failures, 10))
        )
        if written:
            self._maintain()

    def _in_place(self) -> bool:
        """Restore a removed record. Return whether there is a record to write to."""
        try:
            emptied = self._watch.check_file()
        except Exception as error:  # noqa: BLE001 - a defect must not end the writer's thread
            self._failed(_error_text(error), tuple(self._incidents.values()))
            return False
        if emptied:
            self._call_listeners(Committed((), emptied=True))
        return not self._health.record_missing

    @property
    def _pending(self) -> bool:
        decided = self._incidents or self._facts or self._product_incidents or self._notifications or self._responses
        seen = self._observations or self._runs or self._steps or self._folded is not None
        return bool(seen or decided or self._heads)

    def _gather(self) -> None:
        for source in (self._remainders, self._queue):
            for _ in range(len(source)):
                try:
                    seen, runs, incident, until, decided = source.popleft()
                except IndexError:  # the event loop has dropped the rest
                    break
                if seen is not None:
                    self._observations.append(seen)
                for run in runs:
                    self._runs[run.check, run.vantage, run.first] = run
                if incident is not None:
                    self._incidents[incident.id] = incident
                if until is not None:
                    self._folded = until
                self._product_incidents |= {each.id: each for each in decided.incidents}
                self._notifications |= {each.identity: each for each in decided.notifications}
                self._responses |= {(each.key, each.started): each for each in decided.responses}
        for _ in range(len(self._queued_facts)):
            fact = self._queued_facts.popleft()
            self._facts[fact.id] = fact
        self._trim()

    def _trim(self) -> None:
        while len(self._observations) > self._limit:
            self._observations.popleft()
            self._settled += 1
            self._lost_by_thread.observations += 1
        while self._failures and len(self._runs) > self._limit:  # otherwise all runs are written soon
            del self._runs[next(iter(self._runs))]
            self._lost_by_thread.runs += 1
        self._report_losses()

    def _report_losses(self) -> None:
        self._health.dropped_observations = self._lost_by_loop.observations + self._lost_by_thread.observations
        self._health.dropped_runs = self._lost_by_loop.runs + self._lost_by_thread.runs

    def _write(self) -> bool:
        """Write all pending items, runs and incidents first. Return whether all writes succeeded."""
        while self._pending:
            seen = list(islice(self._observations, CHUNK))
            incidents = tuple(self._incidents.values())
            facts = tuple(self._facts.values())
            steps = tuple(self._steps)
            runs, notifications = tuple(self._runs.values()), tuple(self._notifications.values())
            outages, heads = tuple(self._product_incidents.values()), tuple(self._heads)
            decided = (outages, notifications, heads, tuple(self._responses.values()))
            batch = Batch(seen, runs, incidents, self._folded, facts, steps, *decided)
            try:
                self._store.write(batch)
            except StoreError as error:
                self._failed(str(error), incidents)
                return False
            except Exception as error:
                log.error("store_defect", error=repr(error), exc_info=True)
                self._failed(f"defect: {error!r}", incidents)
                return False
            for _ in steps:
                self._steps.popleft()
            for _ in heads:
                self._heads.popleft()
            self._committed(len(seen), incidents, notifications)
        return True

    def _committed(self, rows: int, incidents: tuple[Incident, ...], notifications: tuple[Notification, ...]) -> None:
        for _ in range(rows):
            self._observations.popleft()
        self._settled += rows
        self._runs.clear()
        self._incidents.clear()
        self._facts.clear()
        self._product_incidents.clear()
        self._notifications.clear()
        self._responses.clear()
        self._folded = None
        self._rows += rows
        recovered, self._failures = self._failures > 0, 0
        self._report_success()
        if recovered:
            log.info("store_recovered", still_waiting=self._health.queue_depth)
        if incidents or notifications or recovered:
            self._call_listeners(Committed(incidents, recovered=recovered, notifications=notifications))

    def _report_success(self) -> None:
        health = self._health
        health.queue_depth = self._accepted - self._settled
        health.queue_since = self._oldest()
        health.unrecorded_since = None
        health.store_error = ""

    def _oldest(self) -> int | None:
        if self._observations:
            return self._observations[0].at
        try:
            seen = self._queue[0][0]
        except IndexError:
            return None
        return None if seen is None else seen.at

    def _failed(self, error: str, incidents: tuple[Incident, ...]) -> None:
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
            now = self._clock.monotonic()
            if self._rows >= CHECKPOINT_ROWS or (self._rows and now >= self._checkpointed_at + CHECKPOINT_INTERVAL):
                self._rows, self._checkpointed_at = 0, now
                self._store.tidy()
        except Exception as error:  # noqa: BLE001 - a defect must not end the writer's thread
            self._health.write_failures += 1
            log.warning("store_upkeep_failed", error=_error_text(error))


def _error_text(error: Exception) -> str:
    if isinstance(error, StoreError):
        return str(error)
    log.error("store_defect", error=repr(error), exc_info=True)
    return f"defect: {error!r}"
