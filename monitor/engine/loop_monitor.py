"""How late the event loop is, and whether it stood still while a probe was under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.interval import MILLISECOND, SECOND

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health

BEAT = 200 * MILLISECOND  # on the grid of due instants, so that a beat seldom wakes the process by itself
GRACE = 0.05  # seconds by which a beat may be late without counting as a stall: fifty times the timers' own grid


class Pulse:
    """Beats five times a second and adds up the time in which the loop did not come round for a beat.

    A loop that is stalled cannot say so; hence `stalled` also counts a beat that is overdue right now.
    """

    def __init__(self, clock: Clock, health: Health) -> None:
        self._clock, self._health = clock, health
        self._lost = 0.0
        self._due = clock.monotonic()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            now = self._clock.now()
            self._due = self._clock.monotonic() + (BEAT - now % BEAT) / SECOND
            await self._clock.sleep_until(self._due)
            self._beat()

    def _beat(self) -> None:
        now = self._clock.monotonic()
        late = now - self._due
        if late > GRACE:
            self._lost += late
        health = self._health
        health.last_tick, health.loop_lag = now, late
        health.loop_lag_max = max(health.loop_lag_max, late)

    def stalled(self) -> float:
        """Return the seconds lost to stalls so far, the one under way included."""
        late = self._clock.monotonic() - self._due
        return self._lost + late if late > GRACE else self._lost
