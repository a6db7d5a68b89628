"""Limit the rate of requests with token buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.clock import Clock

_RATE, _BURST = 1.0, 10.0  # tokens per second, size of a bucket


class RateLimit:
    """Token buckets by key: a burst of ten, then one per second. Buckets are never removed, so use few keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> bool:
        """Take a token from the bucket of the key. Return False if the bucket is empty."""
        now = self._clock.monotonic()
        tokens, updated = self._buckets.get(key, (_BURST, now))
        tokens = min(_BURST, tokens + (now - updated) * _RATE)
        self._buckets[key] = (max(0.0, tokens - 1.0), now) if tokens >= 1.0 else (tokens, now)
        return tokens >= 1.0
