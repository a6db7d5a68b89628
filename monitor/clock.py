"""The only module that reads a clock or a random number."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from sla.interval import SECOND

_STEP = SECOND  # a wall clock that left its course by more than this has been set, not slewed


class Clock(Protocol):
    """What the shell asks of time. Tests hand in a manual one; no test sleeps."""

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC. Never goes back within one process."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that only ever goes forward, at the speed of real time."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Return once `monotonic()` has reached the moment."""
        ...

    @property
    def steps(self) -> int:
        """How often the wall clock was found to have jumped forward."""
        ...

    @property
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, as last looked at."""
        ...

    def follow_wall_clock(self) -> None:
        """Take up a forward jump of the wall clock, keep course against a backward one. Call it about once a second."""
        ...


class SystemClock:
    """The machine's clocks.

    `now()` runs on the monotonic clock from where the wall clock stood. When the wall clock is found to have jumped
    forward (suspend, a late time sync) it follows, and the jump shows as time without observations; when it was set
    back it keeps its course, because a record whose instants run backwards can hold no durations.
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._steps = 0
        self._stepped = 0

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return time.monotonic_ns() // 1000 + self._offset

    monotonic = staticmethod(time.monotonic)  # as it is: it is asked ten times a probe

    async def sleep_until(self, moment: float) -> None:
        """Return once `monotonic()` has reached the moment."""
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    @property
    def steps(self) -> int:
        """How often the wall clock was found to have jumped forward."""
        return self._steps

    @property
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, as last looked at."""
        return self._stepped

    def follow_wall_clock(self) -> None:
        """Take up a forward jump, keep course against a backward one."""
        self._stepped = time.time_ns() // 1000 - self.now()
        if self._stepped > _STEP:
            self._offset += self._stepped
            self._steps += 1
            self._stepped = 0
