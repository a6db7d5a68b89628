"""Measure the lag and the stalls of the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.interval import MILLISECOND, SECOND

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health

TICK = 200 * MILLISECOND  # aligned with due instants, so that ticks and probes share wake-ups
GRACE = 0.05  # seconds; less lag is not a stall (50 times the resolution of timers)


class LoopMonitor:
    """Wakes up 5 times per second and sums the lag of the loop.

    A stalled loop does not run this task, so `stalled` includes a tick that is overdue now.
    """

    def __init__(self, clock: Clock, health: Health) -> None:
        self._clock, self._health = clock, health
        self._lost = 0.0
        self._due = clock.monotonic()

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            now = self._clock.now()
            self._due = self._clock.monotonic() + (TICK - now % TICK) / SECOND
            await self._clock.sleep_until(self._due)
            self._tick()

    def _tick(self) -> None:
        now = self._clock.monotonic()
        late = now - self._due
        if late > GRACE:
            self._lost += late
        health = self._health
        health.last_tick, health.loop_lag = now, late
        health.loop_lag_max = max(health.loop_lag_max, late)

    def stalled(self) -> float:
        """Return the total seconds of stalls, including a stall in progress."""
        late = self._clock.monotonic() - self._due
        return self._lost + late if late > GRACE else self._lost
