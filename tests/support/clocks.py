"""A clock that a test advances manually, so that tests need not sleep."""

from __future__ import annotations

import asyncio
import heapq

from sla.interval import SECOND

EPOCH = 1_790_000_000 * SECOND


class ManualClock:
    """A clock that starts at a full second. `advance` moves it and runs the tasks that wait for times in between."""

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
        """Return 0, because there is no wall clock to follow."""
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
        """Move forward, and run each waiting task at its time."""
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
        """Move forward without running tasks, as if the process had been suspended."""
        self._now += round(seconds * SECOND)


async def settle(turns: int = 20) -> None:
    """Run the event loop until all ready tasks have run."""
    for _ in range(turns):
        await asyncio.sleep(0)
