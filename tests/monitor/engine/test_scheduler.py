"""The instants at which checks are probed, with a manual clock."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.engine.loop_monitor import LoopMonitor
from monitor.engine.scheduler import Job, Scheduler, grid, next_due, phase
from monitor.health import Health
from sla.interval import MILLISECOND, SECOND
from tests.support.clocks import ManualClock

intervals = st.integers(100, 86_400_000).map(lambda milliseconds: milliseconds * MILLISECOND)


@given(st.text(min_size=1), intervals)
def test_phase_is_on_the_grid_within_the_interval(key: str, interval: int) -> None:
    assert 0 <= phase(key, interval) < interval
    assert phase(key, interval) % grid(interval) == 0


@given(st.text(min_size=1), intervals, st.integers(0, 2_000_000_000 * SECOND))
@pytest.mark.fault(20)
def test_due_instants_are_an_interval_apart_and_the_same_after_every_restart(key: str, interval: int, now: int) -> None:
    first = next_due(key, interval, now)
    assert now < first <= now + interval
    assert next_due(key, interval, first) == first + interval
    assert next_due(key, interval, first - 1) == first


@pytest.mark.fault(20)
def test_thousand_checks_are_spread_over_the_interval() -> None:
    """No instant of the grid is hit by more than a few times its share."""
    hits: dict[int, int] = {}
    for number in range(1000):
        at = phase(f"product/check-{number}", 10 * SECOND)
        hits[at] = hits.get(at, 0) + 1
    assert len(hits) == 50
    assert max(hits.values()) < 3 * 1000 / 50


class SchedulerHarness:
    """A scheduler under test: which jobs started and when."""

    def __init__(self, max_in_flight: int = 100) -> None:
        self.clock = ManualClock()
        self.health = Health()
        self.loop_monitor = LoopMonitor(self.clock, self.health)
        self.scheduler = Scheduler(self.clock, self.loop_monitor, self.health, max_in_flight=max_in_flight)
        self.starts: list[tuple[str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def job(self, key: str, interval: int = SECOND) -> Job:
        async def start() -> None:
            self.starts.append((key, self.clock.now()))
            await self.gate.wait()

        return Job(key, interval, start)

    def instants(self, key: str) -> list[int]:
        return [at for name, at in self.starts if name == key]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.scheduler.run()), asyncio.create_task(self.loop_monitor.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_check_is_probed_at_its_due_instants() -> None:
    harness = SchedulerHarness()
    harness.scheduler.load([harness.job("a/b")])
    first = next_due("a/b", SECOND, harness.clock.now())
    async with harness.running():
        await harness.clock.advance(4)
    assert harness.instants("a/b") == [first + n * SECOND for n in range(4)]
    assert harness.health.missed_ticks == 0
    assert harness.health.lateness == 0


@pytest.mark.fault(21)
async def test_check_does_not_overlap_itself_and_missed_ticks_are_counted() -> None:
    harness = SchedulerHarness()
    harness.scheduler.load([harness.job("a/b")])
    harness.gate.clear()
    async with harness.running():
        await harness.clock.advance(3.5)
        assert len(harness.instants("a/b")) == 1
        harness.gate.set()
        await harness.clock.advance(1)
    assert len(harness.instants("a/b")) == 2
    assert harness.health.missed_ticks in (2, 3)
    assert harness.health.in_flight == 0


@pytest.mark.fault(20)
async def test_concurrent_probes_are_limited_and_waiting_counts_as_lateness() -> None:
    harness = SchedulerHarness(max_in_flight=5)
    harness.scheduler.load([harness.job(f"a/{n}") for n in range(20)])
    harness.gate.clear()
    async with harness.running():
        await harness.clock.advance(2)
        assert harness.health.in_flight == len(harness.starts) == 5
        harness.gate.set()
        await harness.clock.advance(0.001)
        assert len(harness.starts) >= 20
    assert harness.health.lateness_max > 0


async def test_checks_return_to_their_phase_after_a_stall_without_a_burst() -> None:
    harness = SchedulerHarness()
    keys = [f"a/{n}" for n in range(50)]
    harness.scheduler.load([harness.job(key, 10 * SECOND) for key in keys])
    async with harness.running():
        await harness.clock.advance(10)
        assert len(harness.starts) == 50
        harness.starts.clear()
        harness.clock.jump(600)
        await harness.clock.advance(0.001)
        assert len(harness.starts) <= 10
        await harness.clock.advance(10)
    assert sorted(key for key, _ in harness.starts) == sorted(keys)
    assert all(at == next_due(key, 10 * SECOND, at - 1) for key, at in harness.starts if at % SECOND != 1000)
    assert harness.health.missed_ticks >= 50 * 59


async def test_next_batch_starts_after_a_short_loop_iteration() -> None:
    """25 probes are due together. Each keeps the loop busy for three turns; ten start and end before the next ten."""
    harness = SchedulerHarness()
    events: list[str] = []

    async def start() -> None:
        events.append("start")
        for _ in range(3):
            harness.clock.jump(0.002)  # ten of them make a turn of 20 ms
            await asyncio.sleep(0)
        events.append("end")

    harness.scheduler.load([Job(f"a/{n}", SECOND, start) for n in range(25)])
    harness.clock.jump(1)
    running = asyncio.create_task(harness.scheduler.run())
    await harness.clock.advance(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    groups = [(name, len(list(group))) for name, group in itertools.groupby(events)]
    assert groups[:4] == [("start", 10), ("end", 10), ("start", 10), ("end", 10)]


async def test_reload_keeps_the_due_time_of_unchanged_checks() -> None:
    harness = SchedulerHarness()
    harness.scheduler.load([harness.job("a/kept"), harness.job("a/gone"), harness.job("a/slower")])
    async with harness.running():
        await harness.clock.advance(1.05)
        instants_before = harness.instants("a/kept")
        harness.starts.clear()
        harness.scheduler.load([harness.job("a/kept"), harness.job("a/slower", 2 * SECOND), harness.job("a/new")])
        await harness.clock.advance(4)
    kept_instants = harness.instants("a/kept")
    assert [b - a for a, b in itertools.pairwise(kept_instants)] == [SECOND] * 3
    assert (kept_instants[0] - instants_before[0]) % SECOND == 0
    assert harness.instants("a/gone") == []
    assert len(harness.instants("a/slower")) == 2
    assert len(harness.instants("a/new")) == 4


@pytest.mark.fault(25)
async def test_failing_job_stops_the_scheduler_with_an_error() -> None:
    """The runner handles all errors of a probe. If a job fails anyway, its check must not silently stop."""
    harness = SchedulerHarness()

    async def start() -> None:
        raise RuntimeError("defect")

    harness.scheduler.load([Job("a/b", SECOND, start)])
    running = asyncio.create_task(harness.scheduler.run())
    await harness.clock.advance(2)
    with pytest.raises(ExceptionGroup):
        await running


class RecheckHarness(SchedulerHarness):
    """A scheduler whose probes ask for the given delays of re-checks, and take the given times, in order."""

    def __init__(self, delays: list[int | None], durations: list[float] | None = None, limit: int = 100) -> None:
        super().__init__(limit)
        self.delays, self.durations = iter(delays), iter(durations or [])
        self.first = next_due("a/b", 10 * SECOND, self.clock.now())

    async def attempt(self, kind: str) -> int | None:
        self.starts.append((kind, self.clock.now() - self.first))
        await self.clock.sleep_until(self.clock.monotonic() + next(self.durations, 0.0))
        return next(self.delays, None)

    def rechecked(self, interval: int = 10 * SECOND) -> Job:
        return Job("a/b", interval, lambda: self.attempt("probe"), recheck=lambda: self.attempt("recheck"))

    async def started(self, seconds: float) -> list[tuple[str, float]]:
        """Run until that long after the first probe; return what started, seconds after the first probe."""
        self.scheduler.load([self.rechecked()])
        async with self.running():
            await self.clock.advance((self.first - self.clock.now()) / SECOND + seconds)
        return [(kind, at / SECOND) for kind, at in self.starts]


async def test_rechecks_follow_quickly_and_the_regular_pace_does_not_drift() -> None:
    harness = RecheckHarness([SECOND, SECOND, None, SECOND, None], [2.0, 0.5, 0.5])
    assert await harness.started(25) == [
        ("probe", 0),
        ("recheck", 3),
        ("recheck", 4.5),
        ("probe", 10),
        ("recheck", 11),
        ("probe", 20),
    ]
    assert (harness.health.rechecks, harness.health.missed_ticks, harness.health.in_flight) == (3, 0, 0)
    assert harness.health.lateness_max == 0


async def test_no_recheck_at_or_after_the_next_due_instant() -> None:
    harness = RecheckHarness([3 * SECOND, None], [7.0])
    assert await harness.started(11) == [("probe", 0), ("probe", 10)]


async def test_probe_that_is_due_during_a_recheck_starts_after_it_and_is_not_missed() -> None:
    harness = RecheckHarness([SECOND, SECOND, SECOND, None], [8.0, 7.5, 0.0])
    assert await harness.started(21) == [
        ("probe", 0),
        ("recheck", 9),
        ("probe", 16.5),
        ("recheck", 17.5),
        ("probe", 20),
    ]
    assert (harness.health.missed_ticks, harness.health.in_flight) == (0, 0)


async def test_tick_that_rechecks_displace_is_not_missed() -> None:
    """A hanging target: 3 x timeout + 1 s is longer than 2 x interval."""
    harness = RecheckHarness([SECOND, None, None], [8.0, 7.5, 8.0])
    assert await harness.started(31) == [("probe", 0), ("recheck", 9), ("probe", 16.5), ("probe", 30)]
    assert harness.health.missed_ticks == 0


async def test_only_one_tick_after_a_recheck_is_displaced() -> None:
    harness = RecheckHarness([SECOND, None, None], [8.0, 7.5, 18.0])
    assert await harness.started(41) == [("probe", 0), ("recheck", 9), ("probe", 16.5), ("probe", 40)]
    assert harness.health.missed_ticks == 1


async def test_second_tick_during_a_recheck_is_missed() -> None:
    harness = RecheckHarness([SECOND, None], [8.0, 13.0])
    assert await harness.started(31) == [("probe", 0), ("recheck", 9), ("probe", 22), ("probe", 30)]
    assert harness.health.missed_ticks == 1


async def test_no_recheck_beyond_the_limit_of_concurrent_probes() -> None:
    harness = RecheckHarness([2 * SECOND], limit=1)
    scheduler, clock = harness.scheduler, harness.clock
    scheduler.load([harness.rechecked()])
    async with harness.running():
        await clock.advance((harness.first - clock.now()) / SECOND)
        harness.health.in_flight += 1  # as if another check were probed
        await clock.advance(3)
        harness.health.in_flight -= 1
    assert [kind for kind, _ in harness.starts] == ["probe"]


async def test_removed_check_is_not_rechecked() -> None:
    harness = RecheckHarness([2 * SECOND, 2 * SECOND, None], [0.0, 9.0])
    harness.scheduler.load([harness.rechecked()])
    async with harness.running():
        await harness.clock.advance((harness.first - harness.clock.now()) / SECOND + 10.5)
        harness.scheduler.load([])
        await harness.clock.advance(30)
    assert len(harness.starts) == 2, "neither another re-check nor the postponed probe"
