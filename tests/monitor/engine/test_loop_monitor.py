"""The instants of the loop monitor's ticks, and the time that counts as a stall."""

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
    """A clock that stores the instants of all sleeps."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.due: list[int] = []

    async def sleep_until(self, moment: float) -> None:
        self.due.append(self._start + round(moment * 1_000_000))
        await super().sleep_until(moment)


@asynccontextmanager
async def running_loop_monitor(clock: ManualClock) -> AsyncIterator[tuple[LoopMonitor, Health]]:
    health = Health()
    loop_monitor = LoopMonitor(clock, health)
    task = asyncio.create_task(loop_monitor.run())
    await settle()
    try:
        yield loop_monitor, health
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("offset", [0, 1, 70, 199], ids="{} ms past a tick".format)
async def test_ticks_are_at_multiples_of_200_ms_of_record_time(offset: int) -> None:
    """Checks are due on the same grid, so that a tick and a probe share a wake-up; no instant has two ticks."""
    clock = WatchedClock(EPOCH + offset * MILLISECOND)
    async with running_loop_monitor(clock) as (loop_monitor, health):
        await clock.advance(0.8 - offset / 1000)
        assert [(due - EPOCH) // MILLISECOND for due in clock.due] == [200, 400, 600, 800, 1000]
        assert (loop_monitor.stalled(), health.loop_lag_max) == (0, pytest.approx(0))
        assert health.last_tick == pytest.approx(0.8 - offset / 1000)


@pytest.mark.parametrize(("late", "lost"), [(0.04, 0), (0.06, 0.06), (3, 3)])
@pytest.mark.fault(19)
async def test_tick_later_than_the_grace_counts_as_stalled_time(late: float, lost: float) -> None:
    """The stall counts while the tick is overdue and after it. The lag is published in both cases."""
    clock = ManualClock()
    async with running_loop_monitor(clock) as (loop_monitor, health):
        clock.jump(0.2 + late)
        assert loop_monitor.stalled() == pytest.approx(lost)
        await clock.advance(0)
        assert loop_monitor.stalled() == pytest.approx(lost)
        assert (health.loop_lag, health.loop_lag_max) == (pytest.approx(late), pytest.approx(late))


async def test_lag_equal_to_the_grace_is_no_stall() -> None:
    clock = ManualClock()
    loop_monitor = LoopMonitor(clock, Health())
    loop_monitor._due = -GRACE
    assert loop_monitor.stalled() == 0
    loop_monitor._tick()
    assert loop_monitor.stalled() == 0


async def test_stalls_are_summed_and_the_maximum_lag_is_kept() -> None:
    clock = ManualClock()
    async with running_loop_monitor(clock) as (loop_monitor, health):
        for late in (1.0, 0.4):
            clock.jump(0.2 + late)
            await clock.advance(0)
        assert loop_monitor.stalled() == pytest.approx(1.4)
        assert (health.loop_lag, health.loop_lag_max) == (pytest.approx(0.4), pytest.approx(1.0))
        clock.jump(0.7)
        assert loop_monitor.stalled() == pytest.approx(1.4 + 0.5)
