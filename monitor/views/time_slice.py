"""Divide long work on the event loop into slices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sla.interval import DAY, Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.clock import Clock

MAX_PARTS: Final = 400
SLICE: Final = 0.004  # seconds of work between two yields to the event loop, so that probes start on time


class TimeSlices:
    """Yield to the event loop between slices of work. Await `yield_if_spent()` after each small piece of work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()

    async def yield_if_spent(self) -> None:
        """Let all ready tasks run if the slice is used up; otherwise return at once."""
        if self._clock.monotonic() - self._started >= SLICE:
            await asyncio.sleep(0)
            self._started = self._clock.monotonic()


def day_parts(window: Interval) -> Iterator[Interval]:
    """Yield the parts of the window, at least one: days, or longer parts of a window of more than `MAX_PARTS` days."""
    size = max(DAY, -(-window.length // MAX_PARTS))
    for start in range(window.start, max(window.end, window.start + 1), size):
        yield Interval(start, min(start + size, window.end))
