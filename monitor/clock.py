"""The only module that reads a clock or a random number."""

from __future__ import annotations

import asyncio
import ctypes
import random
import secrets
import time
from typing import Protocol

from sla.interval import SECOND

_TIMEX_BYTES, _TIME_ERROR = 512, 5  # adjtimex(2): more than the size of its structure; "not synchronized"
_STEP = SECOND  # a larger difference means that the wall clock was set, and not slewed


def chance() -> float:
    """Return a random number in [0, 1), for jitter and never for secrets."""
    return random.random()  # noqa: S311


def secret_bytes(count: int) -> bytes:
    """Return random bytes that cannot be guessed."""
    return secrets.token_bytes(count)


def is_clock_synchronized() -> bool | None:
    """Return whether the kernel reports that a time service synchronizes the wall clock. None if it is unknown."""
    state = (ctypes.c_char * _TIMEX_BYTES)()  # a `struct timex` with modes = 0, which only reads
    try:
        result: int = ctypes.CDLL(None).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):  # not Linux
        return None
    return None if result < 0 else result != _TIME_ERROR


class Clock(Protocol):
    """The interface of clocks. Tests use a manual clock, and never sleep."""

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC. Never goes back within one process."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back, and runs at the speed of real time."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Return once `monotonic()` has reached the moment."""
        ...

    @property
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, at the last check; negative if it is behind."""
        ...

    def follow_wall_clock(self) -> int:
        """Follow a forward step of the wall clock, and ignore a backward step. Call this method about once per second.

        Return the size of the step since the last call, in microseconds: negative if backward, 0 without a step.
        """
        ...


class SystemClock:
    """The machine's clocks.

    `now()` starts at the wall clock's time, and runs on the monotonic clock. It follows a forward step of the wall
    clock (suspend, a late time synchronization), which results in time without observations. It does not follow a
    backward step, because instants in a record must not run backwards. At the next start, rows with wrong timestamps
    are set aside (`storage/clock_marks.py`). `ninewatch run` restarts its daemon when a followed step is reverted
    (`engine/self_check.py`).
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._stepped = 0

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return time.monotonic_ns() // 1000 + self._offset

    monotonic = staticmethod(time.monotonic)  # without a wrapper, because it is called ten times per probe

    async def sleep_until(self, moment: float) -> None:
        """Return once `monotonic()` has reached the moment."""
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    @property
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, at the last check; negative if it is behind."""
        return self._stepped

    def reset(self) -> None:
        """Set `now()` to the wall clock, also backward. Call this method only while no other code uses the clock."""
        self._offset = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._stepped = 0

    def follow_wall_clock(self) -> int:
        """Follow a forward step, and ignore a backward step. Return the size of the step, or 0."""
        difference = time.time_ns() // 1000 - self.now()
        size, self._stepped = difference - self._stepped, difference
        if difference > _STEP:
            self._offset += difference
            self._stepped = 0
            return size
        return size if abs(size) > _STEP else 0
