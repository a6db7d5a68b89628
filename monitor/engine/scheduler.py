"""Schedule the checks: absolute due instants with phases hashed from ids, limited to what the loop can process."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from sla.interval import MILLISECOND, SECOND

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.engine.loop_monitor import LoopMonitor
    from monitor.health import Health

STARTS_PER_BATCH = 10  # starts per iteration of the event loop; probes share wake-ups, which cost more than a probe
BUSY_ITERATION = 0.01  # seconds; no more jobs are started after a longer iteration
MAX_SLEEP = 0.5  # seconds; the scheduler notices newly loaded jobs within this time
LONG_STALL = 1.0  # seconds of stall after which overdue jobs are rescheduled


def grid(interval: int) -> int:
    """Return the grid of due instants for checks of this interval, microseconds; at most a tenth of the interval.

    Checks with the same due instant share a wake-up, which costs more than the probe itself.
    """
    if interval >= 10 * SECOND:
        return 200 * MILLISECOND
    return max(10 * MILLISECOND, min(100 * MILLISECOND, interval // 10))


def phase(key: str, interval: int) -> int:
    """Return the check's offset within its interval, microseconds: a hash of its key, so it survives restarts."""
    step = grid(interval)
    slots = max(1, interval // step)
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % slots * step


def next_due(key: str, interval: int, after: int) -> int:
    """Return the first due instant later than `after`. Due instants are k x interval + phase, microseconds UTC."""
    offset = phase(key, interval)
    return ((after - offset) // interval + 1) * interval + offset


Attempt = Callable[[], Coroutine[Any, Any, int | None]]


@dataclass(slots=True)
class Job:
    """A scheduled check. `start` probes it once and returns after the observation is recorded.

    `start` and `recheck` return the time in microseconds until `recheck` should confirm the outcome, or None.
    `is_shortened`: the interval is shorter than the hold requires, so a missed tick loses nothing and is not counted.
    """

    key: str
    interval: int
    start: Attempt
    is_shortened: bool = False
    due: int = 0
    running: bool = False
    dropped: bool = False
    recheck: Attempt | None = None
    rechecking: bool = False
    postponed: bool = False  # due during a re-check; starts after it
    delayed: bool = False  # started after a re-check, so it may overlap the next tick


# (due instant, serial number, job). The serial number prevents comparing jobs. A tuple, because the heap compares
# entries about 12 times per probe.
_Entry = tuple[int, int, Job]


class Scheduler:
    """Starts jobs in the order of their due instants.

    Due instants are in the record's time; sleeping uses the monotonic clock. A tick is missed if the job is still
    running at its next due instant, or could not be started for an entire interval. Missed ticks are counted but not
    repeated: without an observation, the state becomes unknown after the hold.

    Re-checks do not change due instants. A probe that is due during a re-check starts after it. If the next tick is due
    before this probe ends, it is skipped but not counted as missed, because the re-check observed the target. There is
    no re-check at or after the next due instant, or beyond the limit of concurrent probes.
    """

    def __init__(self, clock: Clock, loop_monitor: LoopMonitor, health: Health, *, max_in_flight: int) -> None:
        self._clock, self._loop_monitor, self._health = clock, loop_monitor, health
        self._limit = max_in_flight
        self._jobs: dict[str, Job] = {}
        self._queue: list[_Entry] = []
        self._serial = count()
        self._finished = asyncio.Event()

    def load(self, jobs: Iterable[Job]) -> None:
        """Replace the scheduled jobs. A job with the same key and interval keeps its due instant.

        A job with another interval does not start while its previous probe is running, so that observations arrive in
        order.
        """
        now = self._clock.now()
        scheduled: dict[str, Job] = {}
        for job in jobs:
            previous = self._jobs.pop(job.key, None)
            if previous is None:
                job.due = next_due(job.key, job.interval, now)
                heapq.heappush(self._queue, (job.due, next(self._serial), job))
            else:
                if previous.interval != job.interval:
                    previous.due = next_due(job.key, job.interval, now)
                previous.interval, previous.start, previous.is_shortened = job.interval, job.start, job.is_shortened
                previous.recheck = job.recheck
                job = previous
            scheduled[job.key] = job
        for removed in self._jobs.values():
            removed.dropped = True
        self._jobs = scheduled
        self._queue = [(job.due, serial, job) for _, serial, job in self._queue]
        heapq.heapify(self._queue)

    async def run(self) -> None:
        """Start jobs until cancelled; running jobs are cancelled as well."""
        async with asyncio.TaskGroup() as attempts:
            stalled_before = self._loop_monitor.stalled()
            while True:
                await self._clock.sleep_until(self._wake_at())
                if (stalled := self._loop_monitor.stalled()) - stalled_before > LONG_STALL:
                    self._reschedule_overdue()
                stalled_before = stalled
                await self._start_due(attempts)

    def _wake_at(self) -> float:
        wait = MAX_SLEEP
        if self._queue:
            wait = min(MAX_SLEEP, (self._queue[0][0] - self._clock.now()) / SECOND)
        return self._clock.monotonic() + wait

    def _reschedule_overdue(self) -> None:
        """After a stall, move overdue jobs to their next due instants instead of starting all at once."""
        now = self._clock.now()
        self._queue = [(self._skip_missed(job, now), serial, job) for _, serial, job in self._queue]
        heapq.heapify(self._queue)

    def _skip_missed(self, job: Job, now: int) -> int:
        if job.due + job.interval < now:
            due = next_due(job.key, job.interval, now)
            self._health.missed_ticks += 0 if job.is_shortened else (due - job.due) // job.interval
            job.due = due
        return job.due

    async def _start_due(self, attempts: asyncio.TaskGroup) -> None:
        """Start the due jobs in batches; wait between batches until the loop has processed its pending events."""
        started = 0
        while self._queue and self._queue[0][0] <= self._clock.now():
            if self._health.in_flight >= self._limit:
                self._finished.clear()
                await self._finished.wait()
                continue  # loading may have postponed the due jobs
            started += self._start_first(attempts)
            if started == STARTS_PER_BATCH:
                started = 0
                await self._yield_to_loop()

    def _start_first(self, attempts: asyncio.TaskGroup) -> int:
        due, serial, job = self._queue[0]
        if job.dropped:
            heapq.heappop(self._queue)
            return 0
        late = self._clock.now() - due
        missed = late // job.interval
        job.due = due + (missed + 1) * job.interval
        if job.running:
            missed += not self._postpone(job)
        else:
            self._note_lateness(late / SECOND)
            job.running = True
            attempts.create_task(self._run(job), name=job.key)
        self._health.missed_ticks += 0 if job.is_shortened else missed
        heapq.heapreplace(self._queue, (job.due, serial, job))
        return 1

    @staticmethod
    def _postpone(job: Job) -> bool:
        """Return whether a due probe waits for a re-check or was replaced by one, so that it is not missed."""
        if job.delayed:
            job.delayed = False
            return True
        if not job.rechecking or job.postponed:
            return False
        job.postponed = True
        return True

    def _note_lateness(self, late: float) -> None:
        health = self._health
        health.lateness = late
        health.lateness_max = max(health.lateness_max, late)
        health.in_flight += 1

    async def _yield_to_loop(self) -> None:
        """Wait for a short iteration of the event loop, after which pending responses are processed."""
        while True:
            started = self._clock.monotonic()
            await asyncio.sleep(0)
            if self._clock.monotonic() - started < BUSY_ITERATION:
                return

    async def _run(self, job: Job) -> None:
        delay = await self._attempt(job, job.start)
        while delay is not None and await self._may_recheck(job, delay) and job.recheck is not None:
            self._health.in_flight += 1
            self._health.rechecks += 1
            job.running = job.rechecking = True
            delay = await self._attempt(job, job.recheck)
            if job.postponed:
                delay = await self._start_postponed(job)

    async def _may_recheck(self, job: Job, delay: int) -> bool:
        """Wait for the instant of the re-check. Return False if a regular probe is due first or too many probes run."""
        due = job.due
        if self._clock.now() + delay >= due:
            return False
        await self._clock.sleep_until(self._clock.monotonic() + delay / SECOND)
        return job.due == due and not (job.running or job.dropped) and self._health.in_flight < self._limit

    async def _start_postponed(self, job: Job) -> int | None:
        job.postponed = False
        if job.dropped:
            return None
        self._health.in_flight += 1
        job.running = job.delayed = True
        return await self._attempt(job, job.start)

    async def _attempt(self, job: Job, attempt: Attempt) -> int | None:
        try:
            return await attempt()
        finally:
            self._health.in_flight -= 1
            job.running = job.rechecking = job.delayed = False
            self._finished.set()
