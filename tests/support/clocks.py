"""A clock that a test moves by hand, so that no test sleeps."""

from __future__ import annotations

import asyncio
import heapq

from sla.interval import SECOND

EPOCH = 1_790_000_000 * SECOND


class ManualClock:
    """Starts at a whole second; `advance` moves it and lets everything that waited for the moments between run."""

    def __init__(self, now: int = EPOCH) -> None:
        self._now = now
        self._start = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._serial = 0
        self.stepped = 0

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start) / SECOND

    def follow_wall_clock(self) -> int:
        """There is no other clock to follow."""
        return 0

    async def sleep_until(self, moment: float) -> None:
        if moment <= self.monotonic():
            await asyncio.sleep(0)
            return
        self._serial += 1
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (moment, self._serial, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move forward, stopping at each moment that somebody sleeps until."""
        await settle()
        target = self._now + round(seconds * SECOND)
        while self._sleepers and self._start + round(self._sleepers[0][0] * SECOND) <= target:
            moment, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, self._start + round(moment * SECOND))
            if not future.done():
                future.set_result(None)
            await settle()
        self._now = target
        await settle()

    def jump(self, seconds: float) -> None:
        """Move forward at once, as if the whole process had been stopped."""
        self._now += round(seconds * SECOND)


async def settle(turns: int = 20) -> None:
    """Let the loop turn until what can run has run."""
    for _ in range(turns):
        await asyncio.sleep(0)
