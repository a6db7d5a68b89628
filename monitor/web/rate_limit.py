"""Limit the rate of requests with token buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.clock import Clock

_RATE, _BURST = 1.0, 10.0  # default: tokens per second, size of a bucket
_MAX_BUCKETS = 1_000  # before full ones are removed, which changes no answer


class RateLimit:
    """Token buckets by key: a burst, then `rate` per second."""

    def __init__(self, clock: Clock, *, rate: float = _RATE, burst: float = _BURST) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> bool:
        """Take a token from the bucket of the key. Return False if the bucket is empty."""
        now = self._clock.monotonic()
        tokens, updated = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - updated) * self._rate)
        if key not in self._buckets and len(self._buckets) >= _MAX_BUCKETS:
            self._remove_full(now)
        self._buckets[key] = (max(0.0, tokens - 1.0), now) if tokens >= 1.0 else (tokens, now)
        return tokens >= 1.0

    def _remove_full(self, now: float) -> None:
        """Remove the buckets that are full again."""
        self._buckets = {
            key: (tokens, updated)
            for key, (tokens, updated) in self._buckets.items()
            if tokens + (now - updated) * self._rate < self._burst
        }
