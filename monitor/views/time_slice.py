"""Divide long work on the event loop into slices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monitor.clock import Clock

SLICE: Final = 0.004  # seconds of work between two yields to the event loop, so that probes start on time


class TimeSlices:
    """Yield to the event loop between slices of work. Await `yield_if_spent()` after each small piece."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()

    async def yield_if_spent(self) -> None:
        """Return at once while the slice lasts, else after all tasks that are ready have run."""
        if self._clock.monotonic() - self._since >= SLICE:
            await asyncio.sleep(0)
            self._since = self._clock.monotonic()
