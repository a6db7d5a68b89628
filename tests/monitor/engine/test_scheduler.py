"""When checks are probed, on a clock that the test moves by hand."""

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
def test_a_phase_lies_on_the_grid_within_the_interval(key: str, interval: int) -> None:
    assert 0 <= phase(key, interval) < interval
    assert phase(key, interval) % grid(interval) == 0


@given(st.text(min_size=1), intervals, st.integers(0, 2_000_000_000 * SECOND))
def test_due_instants_are_an_interval_apart_and_the_same_after_every_restart(key: str, interval: int, now: int) -> None:
    first = next_due(key, interval, now)
    assert now < first <= now + interval
    assert next_due(key, interval, first) == first + interval
    assert next_due(key, interval, first - 1) == first


def test_a_thousand_checks_spread_over_the_interval() -> None:
    """No instant of the grid is hit by more than a few times its share."""
    hits: dict[int, int] = {}
    for number in range(1000):
        at = phase(f"product/check-{number}", 10 * SECOND)
        hits[at] = hits.get(at, 0) + 1
    assert len(hits) == 50
    assert max(hits.values()) < 3 * 1000 / 50


class Rig:
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


async def test_a_check_is_probed_at_its_due_instants() -> None:
    rig = Rig()
    rig.scheduler.load([rig.job("a/b")])
    first = next_due("a/b", SECOND, rig.clock.now())
    async with rig.running():
        await rig.clock.advance(4)
    assert rig.instants("a/b") == [first + n * SECOND for n in range(4)]
    assert rig.health.missed_ticks == 0
    assert rig.health.lateness == 0


async def test_a_check_never_overlaps_itself_and_the_ticks_it_misses_are_counted() -> None:
    rig = Rig()
    rig.scheduler.load([rig.job("a/b")])
    rig.gate.clear()
    async with rig.running():
        await rig.clock.advance(3.5)
        assert len(rig.instants("a/b")) == 1
        rig.gate.set()
        await rig.clock.advance(1)
    assert len(rig.instants("a/b")) == 2
    assert rig.health.missed_ticks in (2, 3)
    assert rig.health.in_flight == 0


async def test_no_more_probes_are_under_way_than_allowed_and_the_wait_shows_as_lateness() -> None:
    rig = Rig(max_in_flight=5)
    rig.scheduler.load([rig.job(f"a/{n}") for n in range(20)])
    rig.gate.clear()
    async with rig.running():
        await rig.clock.advance(2)
        assert rig.health.in_flight == len(rig.starts) == 5
        rig.gate.set()
        await rig.clock.advance(0.001)
        assert len(rig.starts) >= 20
    assert rig.health.lateness_max > 0


async def test_after_a_stall_every_check_goes_back_to_its_phase_instead_of_all_at_once() -> None:
    rig = Rig()
    keys = [f"a/{n}" for n in range(50)]
    rig.scheduler.load([rig.job(key, 10 * SECOND) for key in keys])
    async with rig.running():
        await rig.clock.advance(10)
        assert len(rig.starts) == 50
        rig.starts.clear()
        rig.clock.jump(600)
        await rig.clock.advance(0.001)
        assert len(rig.starts) <= 10
        await rig.clock.advance(10)
    assert sorted(key for key, _ in rig.starts) == sorted(keys)
    assert all(at == next_due(key, 10 * SECOND, at - 1) for key, at in rig.starts if at % SECOND != 1000)
    assert rig.health.missed_ticks >= 50 * 59


async def test_a_batch_is_begun_when_the_turns_of_the_loop_are_short_again() -> None:
    """25 are due at once. Each keeps the loop busy for three turns; ten are started, and end, before the next ten."""
    rig = Rig()
    events: list[str] = []

    async def start() -> None:
        events.append("start")
        for _ in range(3):
            rig.clock.jump(0.002)  # ten of them make a turn of 20 ms
            await asyncio.sleep(0)
        events.append("end")

    rig.scheduler.load([Job(f"a/{n}", SECOND, start) for n in range(25)])
    rig.clock.jump(1)
    running = asyncio.create_task(rig.scheduler.run())
    await rig.clock.advance(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    groups = [(name, len(list(each))) for name, each in itertools.groupby(events)]
    assert groups[:4] == [("start", 10), ("end", 10), ("start", 10), ("end", 10)]


async def test_a_reload_keeps_the_due_time_of_what_did_not_change() -> None:
    rig = Rig()
    rig.scheduler.load([rig.job("a/kept"), rig.job("a/gone"), rig.job("a/slower")])
    async with rig.running():
        await rig.clock.advance(1.05)
        before = rig.instants("a/kept")
        rig.starts.clear()
        rig.scheduler.load([rig.job("a/kept"), rig.job("a/slower", 2 * SECOND), rig.job("a/new")])
        await rig.clock.advance(4)
    kept = rig.instants("a/kept")
    assert [b - a for a, b in itertools.pairwise(kept)] == [SECOND] * 3
    assert (kept[0] - before[0]) % SECOND == 0
    assert rig.instants("a/gone") == []
    assert len(rig.instants("a/slower")) == 2
    assert len(rig.instants("a/new")) == 4


async def test_a_job_that_raises_ends_the_scheduler_loudly() -> None:
    """The runner raises nothing; if a job does all the same, silence would be a dead check."""
    rig = Rig()

    async def start() -> None:
        raise RuntimeError("defect")

    rig.scheduler.load([Job("a/b", SECOND, start)])
    running = asyncio.create_task(rig.scheduler.run())
    await rig.clock.advance(2)
    with pytest.raises(ExceptionGroup):
        await running
