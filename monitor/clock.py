"""The only module that reads a clock or a random number."""

from __future__ import annotations

import asyncio
import ctypes
import random
import secrets
import time
from typing import Protocol

from sla.interval import SECOND

_TIMEX_BYTES, _TIME_ERROR = 512, 5  # adjtimex(2): buffer larger than its structure; return value "not synchronized"
_STEP = SECOND  # larger differences mean that the wall clock was set rather than slewed


def random_fraction() -> float:
    """Return a random number in [0, 1), for jitter and never for secrets."""
    return random.random()  # noqa: S311


def secret_bytes(count: int) -> bytes:
    """Return cryptographically secure random bytes."""
    return secrets.token_bytes(count)


def is_clock_synchronized() -> bool | None:
    """Return whether the kernel reports a synchronized wall clock, None if unknown."""
    state = (ctypes.c_char * _TIMEX_BYTES)()  # a `struct timex` with modes = 0, which only reads
    try:
        result: int = ctypes.CDLL(None).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):  # not Linux
        return None
    return None if result < 0 else result != _TIME_ERROR


class Clock(Protocol):
    """The interface of clocks. Tests use a manual clock and never sleep."""

    def now(self) -> int:
        """Return microseconds since the Unix epoch (UTC), which never decrease within one process."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back and runs at the speed of real time."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Return once `monotonic()` has reached the moment."""
        ...

    @property
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, at the last check; negative if it is behind."""
        ...

    def follow_wall_clock(self) -> int:
        """Follow a forward step of the wall clock, ignore a backward step. Call this about once per second.

        Return the size of the step since the last call, in microseconds: negative if backward, 0 without a step.
        """
        ...


class SystemClock:
    """The machine's clocks.

    `now()` starts at the wall clock's time and advances with the monotonic clock. It follows a forward step of the wall
    clock (suspend, late time synchronization), which leaves time without observations. It does not follow a backward
    step, because instants in a record must not decrease. The next start sets aside rows with wrong timestamps
    (`storage/clock_marks.py`). `ninewatch run` restarts the daemon when a followed step is reverted
    (`engine/self_check.py`).
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._stepped = 0

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return time.monotonic_ns() // 1000 + self._offset

    monotonic = staticmethod(time.monotonic)  # no wrapper, because it is called ten times per probe

    async def sleep_until(self, moment: float) -> None:
        """Return once `monotonic()` has reached the moment."""
        await asyncio.sleep(max(0.0, moment - time.monotonic()))

    @property
    def stepped(self) -> int:
        """Microseconds by which the wall clock is ahead of `now()`, at the last check; negative if it is behind."""
        return self._stepped

    def reset(self) -> None:
        """Set `now()` to the wall clock, even backward. Call this only while no other code uses the clock."""
        self._offset = time.time_ns() // 1000 - time.monotonic_ns() // 1000
        self._stepped = 0

    def follow_wall_clock(self) -> int:
        """Follow a forward step, ignore a backward step. Return the size of the step, or 0."""
        difference = time.time_ns() // 1000 - self.now()
        size, self._stepped = difference - self._stepped, difference
        if difference > _STEP:
            self._offset += difference
            self._stepped = 0
            return size
        return size if abs(size) > _STEP else 0
