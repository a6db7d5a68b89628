"""Counters derived from the record, published once their events are on disk.

Observations are in memory before they are on disk, and a kill loses the rest. A counter that had been published by then
would fall at the restart. Prometheus reads that as a reset, and `increase()` would count everything again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from monitor.health import Health

T = TypeVar("T")


class Confirmed(Generic[T]):
    """The newest value on disk, and one that is not on disk yet. `value` is None before the first."""

    __slots__ = ("_mark", "_waiting", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self._waiting: T | None = None
        self._mark = 0

    def offer(self, value: T, health: Health) -> T | None:
        """Accept the present value and return the value to publish.

        While a value waits, later ones are ignored, because under a steady load the newest is never completely on disk.
        """
        written = health.records_written
        if self._waiting is not None and written >= self._mark:
            self.value, self._waiting = self._waiting, None
        if self._waiting is None:
            if written >= health.records_queued:
                self.value = value
            else:
                self._waiting, self._mark = value, health.records_queued
        return self.value
