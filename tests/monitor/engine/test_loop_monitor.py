"""When the pulse beats, and what it counts as time lost to a stalled loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from monitor.engine.loop_monitor import GRACE, LoopMonitor
from monitor.health import Health
from sla.interval import MILLISECOND
from tests.support.clocks import EPOCH, ManualClock, settle


class WatchedClock(ManualClock):
    """Notes the record's instants for which somebody slept."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.due: list[int] = []

    async def sleep_until(self, moment: float) -> None:
        self.due.append(self._start + round(moment * 1_000_000))
        await super().sleep_until(moment)


@asynccontextmanager
async def beating(clock: ManualClock) -> AsyncIterator[tuple[LoopMonitor, Health]]:
    health = Health()
    loop_monitor = LoopMonitor(clock, health)
    task = asyncio.create_task(loop_monitor.run())
    await settle()
    try:
        yield loop_monitor, health
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("offset", [0, 1, 70, 199], ids="{} ms past a beat".format)
async def test_it_beats_each_200_ms_of_the_record_wherever_it_starts(offset: int) -> None:
    """On the grid on which checks fall due, so that a beat and a probe share a wake-up; never twice at one instant."""
    clock = WatchedClock(EPOCH + offset * MILLISECOND)
    async with beating(clock) as (loop_monitor, health):
        await clock.advance(0.8 - offset / 1000)
        assert [(due - EPOCH) // MILLISECOND for due in clock.due] == [200, 400, 600, 800, 1000]
        assert (loop_monitor.stalled(), health.loop_lag_max) == (0, pytest.approx(0))
        assert health.last_tick == pytest.approx(0.8 - offset / 1000)


@pytest.mark.parametrize(("late", "lost"), [(0.04, 0), (0.06, 0.06), (3, 3)])
async def test_a_beat_that_is_later_than_the_grace_is_lost_time(late: float, lost: float) -> None:
    """While it is overdue, and once it has come; the lag is published either way."""
    clock = ManualClock()
    async with beating(clock) as (loop_monitor, health):
        clock.jump(0.2 + late)
        assert loop_monitor.stalled() == pytest.approx(lost)
        await clock.advance(0)
        assert loop_monitor.stalled() == pytest.approx(lost)
        assert (health.loop_lag, health.loop_lag_max) == (pytest.approx(late), pytest.approx(late))


async def test_a_lag_of_exactly_the_grace_is_no_stall() -> None:
    clock = ManualClock()
    loop_monitor = LoopMonitor(clock, Health())
    loop_monitor._due = -GRACE
    assert loop_monitor.stalled() == 0
    loop_monitor._tick()
    assert loop_monitor.stalled() == 0


async def test_stalls_add_up_and_the_worst_lag_stays() -> None:
    clock = ManualClock()
    async with beating(clock) as (loop_monitor, health):
        for late in (1.0, 0.4):
            clock.jump(0.2 + late)
            await clock.advance(0)
        assert loop_monitor.stalled() == pytest.approx(1.4)
        assert (health.loop_lag, health.loop_lag_max) == (pytest.approx(0.4), pytest.approx(1.0))
        clock.jump(0.7)
        assert loop_monitor.stalled() == pytest.approx(1.4 + 0.5)
