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

EVERY: Final = 0.25  # seconds between two commits: what a kill can take, and the price of a wake-up spread over it
BACKOFF: Final = 5.0  # seconds between two tries at a failing store, at most: room on the disk is used soon
TIDY: Final = 30.0  # seconds between two checkpoints ...
TIDY_ROWS: Final = 20_000  # ... or so many observations, about 300 pages of the log
CHUNK: Final = 10_000  # observations in one transaction, so that a backlog finds its way into little room bit by bit
LIMIT: Final = 200_000  # observations waiting in memory, about 45 MB: 33 minutes of 1,000 checks every 10 s

# One deque entry a record, so that a commit holds a record whole or not at all.
_Item = tuple["Observation | None", Sequence["Run"], "Incident | None", "int | None", Decided]


@dataclass(frozen=True, slots=True)
class Committed:
    """The end of a transaction: `error` is empty if it was committed. `recovered`: the previous one had failed.

    `emptied`: the record was lost and a new one begun; everything must be queued again.
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
    """Writes queued items in order on a thread of its own. `put` never waits and never fails.

    While the store fails, items are kept and retried. Beyond `limit` the oldest observations and as many runs are
    dropped and counted; incidents and notifications never are. `listen` adds a listener that is called, on the
    writer's thread, for transactions with incidents or notifications in them and when a failing store writes again.
    """

    def __init__(self, store: Store, health: Health, clock: Clock, *, limit: int = LIMIT) -> None:
        self._store, self._health, self._clock, self._limit = store, health, clock, limit
        self._queue: deque[_Item] = deque()
        self._spared: deque[_Item] = deque()  # what was left of queue entries whose observation was given up
        self._stated: deque[Fact] = deque()
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
        # Observations that wait: taken - settled. Two counters, each written by one thread, are right at any instant;
        # the lengths of the two queues are not while observations go from one to the other.
        self._taken = 0  # by the loop, less what the loop gave up
        self._settled = 0  # written or given up, by the thread
        self._tidied = self._due = clock.monotonic()
        self._watch = RecordWatch(store, health, clock)
        self._listeners: list[Callable[[Committed], None]] = []
        self._thread = threading.Thread(target=self._work, name="ninewatch-writer", daemon=True)
        health.sqlite_version = store.version

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Add a listener, which is called on the writer's thread and must not wait."""
        self._listeners.append(listener)

    def _call_listeners(self, settled: Committed) -> None:
        for listener in self._listeners:
            listener(settled)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def put(
        self,
        seen: Observation,
        runs: Sequence[Run] = (),
        incident: Incident | None = None,
        decided: Decided = NOTHING,
    ) -> None:
        """Queue the result of one probe, in O(1). It is written at once with an incident, else within EVERY.

        All of it is written in one transaction.
        """
        health = self._health
        if self._taken - self._settled >= self._limit:
            self._drop_oldest()
        self._taken += 1
        self._queue.append((seen, runs, incident, None, decided))
        health.records_queued += 1
        health.queue_depth = self._taken - self._settled
        if health.queue_since is None:
            health.queue_since = seen.at
        if incident is not None:
            self._urgent.set()

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        """Queue open runs; with `until`, all observations before it are inside a run."""
        self._queue.append((None, runs, None, until, NOTHING))
        self._health.records_queued += 1

    def put_incident(self, incident: Incident) -> None:
        """Queue an open incident with its newest failing probe, for the next commit."""
        self._queue.append((None, (), incident, None, NOTHING))

    def put_decided(self, decided: Decided, *, urgent: bool = True) -> None:
        """Queue product incidents, notifications and responses; written at once if urgent, else within EVERY."""
        self._queue.append((None, (), None, None, decided))
        self._health.records_queued += 1
        if urgent:
            self._urgent.set()

    def put_facts(self, facts: Sequence[Fact]) -> None:
        """Queue facts for writing at once. Like incidents they are kept while the store fails."""
        self._stated.extend(facts)
        self._health.records_queued += 1
        self._urgent.set()

    def put_clock_step(self, at: int, size: int) -> None:
        """Queue a step of the wall clock: the record's time before it, and its size; backward ones are negative."""
        self._steps.append((at, size))

    def put_head(self, closed: ClosedDay) -> None:
        """Queue the head of a closed day; like facts it is kept while the store fails."""
        self._heads.append(closed)

    def retain(self, since: int) -> None:
        """Prune observations older than this, in small steps between commits."""
        self._retained = since

    def close(self, patience: float = 5.0) -> bool:
        """Write what is queued and stop; return whether all is written. Blocks for `patience` seconds at most."""
        self._stopping = True
        self._urgent.set()
        if self._thread.ident is not None:
            self._thread.join(patience)
        written = not (self._thread.is_alive() or self._queue or self._stated or self._pending)
        if not written:
            log.error("store_closed_with_loss", observations=self._health.queue_depth, error=self._health.store_error)
        return written

    def _drop_oldest(self) -> None:
        """Drop the oldest queued observation, but not its runs and incident; runs on the event loop."""
        try:
            seen, runs, incident, until, decided = self._queue.popleft()
        except IndexError:  # all of the backlog is with the thread, which trims its own part
            return
        if seen is not None:
            self._taken -= 1
            self._lost_by_loop.observations += 1
        kept = incident is not None or any(decided)
        if not kept and len(self._spared) >= self._limit:
            self._lost_by_loop.runs += len(runs)
        elif runs or kept or until is not None:
            self._spared.append((None, runs, incident, until, decided))
        self._report_losses()

    def _work(self) -> None:
        while not self._stopping:
            self._urgent.wait(max(0.0, self._due - self._clock.monotonic()))
            self._urgent.clear()
            self._round()
        self._round()

    def _round(self) -> None:
        in_place = self._in_place()
        queued = self._health.records_queued  # before it is gathered: all of this is in the queue by now
        self._gather()
        written = in_place and self._write()
        if written:
            self._health.records_written = queued
        self._due = self._clock.monotonic() + (EVERY if written else min(BACKOFF, EVERY * 2 ** min(self._failures, 10)))
        if written:
            self._maintain()

    def _in_place(self) -> bool:
        """Restore a record that was removed; return whether there is one to write to."""
        try:
            emptied = self._watch.look()
        except Exception as error:  # noqa: BLE001 - a defect must not end the thread that holds the record
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
        for source in (self._spared, self._queue):
            for _ in range(len(source)):
                try:
                    seen, runs, incident, until, decided = source.popleft()
                except IndexError:  # the loop has given up the rest
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
        for _ in range(len(self._stated)):
            fact = self._stated.popleft()
            self._facts[fact.id] = fact
        self._trim()

    def _trim(self) -> None:
        while len(self._observations) > self._limit:
            self._observations.popleft()
            self._settled += 1
            self._lost_by_thread.observations += 1
        while self._failures and len(self._runs) > self._limit:  # else they are written in a moment, however many
            del self._runs[next(iter(self._runs))]
            self._lost_by_thread.runs += 1
        self._report_losses()

    def _report_losses(self) -> None:
        self._health.dropped_observations = self._lost_by_loop.observations + self._lost_by_thread.observations
        self._health.dropped_runs = self._lost_by_loop.runs + self._lost_by_thread.runs

    def _write(self) -> bool:
        """Write everything pending, runs and incidents first; return whether it succeeded."""
        while self._pending:
            seen = list(islice(self._observations, CHUNK))
            incidents = tuple(self._incidents.values())
            stated = tuple(self._facts.values())
            steps = tuple(self._steps)
            runs, notifications = tuple(self._runs.values()), tuple(self._notifications.values())
            outages, heads = tuple(self._product_incidents.values()), tuple(self._heads)
            decided = (outages, notifications, heads, tuple(self._responses.values()))
            batch = Batch(seen, runs, incidents, self._folded, stated, steps, *decided)
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
        health.queue_depth = self._taken - self._settled
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
        """Prune one step, and checkpoint when due. A failure loses nothing and is retried."""
        try:
            if self._retained is not None and self._store.prune(self._retained) == 0:
                self._retained = None
            now = self._clock.monotonic()
            if self._rows >= TIDY_ROWS or (self._rows and now >= self._tidied + TIDY):
                self._rows, self._tidied = 0, now
                self._store.tidy()
        except Exception as error:  # noqa: BLE001 - a defect must not end the thread that holds the record
            self._health.write_failures += 1
            log.warning("store_upkeep_failed", error=_error_text(error))


def _error_text(error: Exception) -> str:
    if isinstance(error, StoreError):
        return str(error)
    log.error("store_defect", error=repr(error), exc_info=True)
    return f"defect: {error!r}"
