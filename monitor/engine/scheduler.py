"""When each check is probed: absolute due times, phases hashed from ids, no more starts than the loop can finish."""

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

BATCH = 10  # starts between two turns of the loop: waking up costs more than a probe, so probes share it
BUSY_TURN = 0.01  # seconds; a turn longer than this means the loop has work in hand, and nothing more is started
NAP = 0.5  # seconds; the longest sleep, so that newly loaded jobs are found
SLEPT_THROUGH = 1.0  # seconds of stall after which overdue jobs go back to their phases


def grid(interval: int) -> int:
    """Return the spacing of the instants at which checks of this interval may fall due, microseconds.

    Checks that share an instant share a wake-up, which is most of the cost of a probe. It is at most a tenth of the
    interval, and a phase never moves a probe by more than that.
    """
    if interval >= 10 * SECOND:
        return 200 * MILLISECOND
    return max(10 * MILLISECOND, min(100 * MILLISECOND, interval // 10))


def phase(key: str, interval: int) -> int:
    """Return the check's place within its interval, microseconds: the same after every restart, spread over checks."""
    step = grid(interval)
    slots = max(1, interval // step)
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % slots * step


def next_due(key: str, interval: int, after: int) -> int:
    """Return the first due instant later than `after`; instants are k x interval + phase, microseconds UTC."""
    offset = phase(key, interval)
    return ((after - offset) // interval + 1) * interval + offset


@dataclass(slots=True)
class Job:
    """One check on the schedule. `start` probes it once and returns when the observation is recorded."""

    key: str
    interval: int
    start: Callable[[], Coroutine[Any, Any, None]]
    due: int = 0
    running: bool = False
    dropped: bool = False


# When a job is due, a serial number that keeps jobs from being compared, and the job. Tuples: the heap compares them
# a dozen times a probe.
_Entry = tuple[int, int, Job]


class Scheduler:
    """Starts jobs when they are due, in the order in which they fell due.

    Due instants are kept in the record's time and slept for on the monotonic clock. A job that is still running when it
    falls due again, or that could not be started for a whole interval, misses the tick: missed ticks are counted, and
    their time has no observation, which makes it unknown. A missed tick is not caught up on.
    """

    def __init__(self, clock: Clock, loop_monitor: LoopMonitor, health: Health, *, max_in_flight: int) -> None:
        self._clock, self._loop_monitor, self._health = clock, loop_monitor, health
        self._limit = max_in_flight
        self._jobs: dict[str, Job] = {}
        self._queue: list[_Entry] = []
        self._serial = count()
        self._finished = asyncio.Event()

    def load(self, jobs: Iterable[Job]) -> None:
        """Put these jobs, and only these, on the schedule. A job with the same key and interval keeps its due time."""
        now = self._clock.now()
        fresh: dict[str, Job] = {}
        for job in jobs:
            held = self._jobs.pop(job.key, None)
            if held is not None and held.interval == job.interval:
                held.start = job.start
                job = held
            else:
                if held is not None:
                    held.dropped = True
                job.due = next_due(job.key, job.interval, now)
                heapq.heappush(self._queue, (job.due, next(self._serial), job))
            fresh[job.key] = job
        for gone in self._jobs.values():
            gone.dropped = True
        self._jobs = fresh

    async def run(self) -> None:
        """Start jobs until cancelled; what is under way is cancelled with it."""
        async with asyncio.TaskGroup() as attempts:
            lost = self._loop_monitor.stalled()
            while True:
                await self._clock.sleep_until(self._next_moment())
                if (stalled := self._loop_monitor.stalled()) - lost > SLEPT_THROUGH:
                    self._skip_what_was_slept_through()
                lost = stalled
                await self._start_due(attempts)

    def _next_moment(self) -> float:
        wait = NAP
        if self._queue:
            wait = min(NAP, (self._queue[0][0] - self._clock.now()) / SECOND)
        return self._clock.monotonic() + wait

    def _skip_what_was_slept_through(self) -> None:
        """After a stall, return overdue jobs to their own phases, instead of starting all of them at once."""
        now = self._clock.now()
        self._queue = [(self._put_off(job, now), serial, job) for _, serial, job in self._queue]
        heapq.heapify(self._queue)

    def _put_off(self, job: Job, now: int) -> int:
        if job.due + job.interval < now:
            due = next_due(job.key, job.interval, now)
            self._health.missed_ticks += (due - job.due) // job.interval
            job.due = due
        return job.due

    async def _start_due(self, attempts: asyncio.TaskGroup) -> None:
        """Start what is due in batches, and let the loop finish its work in hand between them."""
        started = 0
        while self._queue and self._queue[0][0] <= self._clock.now():
            while self._health.in_flight >= self._limit:
                self._finished.clear()
                await self._finished.wait()
            started += self._start_first(attempts)
            if started == BATCH:
                started = 0
                await self._let_the_loop_turn()

    def _start_first(self, attempts: asyncio.TaskGroup) -> int:
        due, serial, job = self._queue[0]
        if job.dropped:
            heapq.heappop(self._queue)
            return 0
        late = self._clock.now() - due
        missed = late // job.interval
        if job.running:
            missed += 1
            job.due = due + missed * job.interval
        else:
            self._note_lateness(late / SECOND)
            job.running = True
            attempts.create_task(self._run(job), name=job.key)
            job.due = due + (missed + 1) * job.interval
        self._health.missed_ticks += missed
        heapq.heapreplace(self._queue, (job.due, serial, job))
        return 1

    def _note_lateness(self, late: float) -> None:
        health = self._health
        health.lateness = late
        health.lateness_max = max(health.lateness_max, late)
        health.in_flight += 1

    async def _let_the_loop_turn(self) -> None:
        """Return once a turn of the loop was short: the answers that had come in are dealt with."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(0)
            if self._clock.monotonic() - before < BUSY_TURN:
                return

    async def _run(self, job: Job) -> None:
        try:
            await job.start()
        finally:
            self._health.in_flight -= 1
            job.running = False
            self._finished.set()
