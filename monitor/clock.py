"""The only module that reads a clock or a random number."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from typing import Protocol

from sla.interval import SECOND

_STEP = SECOND  # a wall clock that left its course by more than this has been set, not slewed


def chance() -> float:
    """Return a random number within [0, 1): for what must not happen everywhere at once, never for secrets."""
    return random.random()  # noqa: S311


def secret_bytes(count: int) -> bytes:
    """Return random bytes that cannot be guessed."""
    return secrets.token_bytes(count)


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
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, as last looked at; negative when it is behind."""
        ...

    def follow_wall_clock(self) -> int:
        """Take up a forward step of the wall clock, keep course against a backward one. Call it about once a second.

        Return the size of the step since the last call, microseconds: negative if backward, 0 if there was none.
        """
        ...


class SystemClock:
    """The machine's clocks.

    `now()` runs on the monotonic clock from where the wall clock stood. When the wall clock is found to have jumped
    forward (suspend, a late time sync) it follows, and the jump shows as time without observations; when it was set
    back it keeps its course, because a record whose instants run backwards can hold no durations. Whether what was
    stamped meanwhile is wrong is decided at the next start (`storage/clock_marks.py`); `ninewatch run` restarts its
    daemon when a step that was followed is taken back (`engine/self_check.py`).
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._stepped = 0

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return time.monotonic_ns() // 1000 + self._offset

    monotonic = staticmethod(time.monotonic)  # as it is: it is asked ten times a probe

    async def sleep_until(self, moment: float) -> None:
        """Return once `monotonic()` has reached the moment."""
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    @property
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, as last looked at; negative when it is behind."""
        return self._stepped

    def reset(self) -> None:
        """Set `now()` to the wall clock, also if that goes back. Only while nothing that has read the clock runs."""
        self._offset = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._stepped = 0

    def follow_wall_clock(self) -> int:
        """Take up a forward step, keep course against a backward one; return the size of the step, 0 if none."""
        ahead = time.time_ns() // 1000 - self.now()
        size, self._stepped = ahead - self._stepped, ahead
        if ahead > _STEP:
            self._offset += ahead
            self._stepped = 0
            return size
        return size if abs(size) > _STEP else 0
