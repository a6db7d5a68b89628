"""Token buckets: a burst, and a rate per second."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.clock import Clock

_PER_SECOND, _AT_ONCE = 1.0, 10.0


class RateLimit:
    """Buckets by key: ten at once, then one per second. Keys must be few, for example checks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> bool:
        """Take one from the bucket of the key; return whether there was one."""
        now = self._clock.monotonic()
        left, since = self._buckets.get(key, (_AT_ONCE, now))
        left = min(_AT_ONCE, left + (now - since) * _PER_SECOND)
        self._buckets[key] = (max(0.0, left - 1.0), now) if left >= 1.0 else (left, now)
        return left >= 1.0
