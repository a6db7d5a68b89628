"""Counters that are derived from the record: published once the record holds what they count.

What was observed is in memory before it is on disk, and a kill takes what is not. A counter that had been published by
then would fall at the restart, which Prometheus takes for a reset: `increase()` would count all of it once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from monitor.health import Health

T = TypeVar("T")


class Confirmed(Generic[T]):
    """The newest value that is on disk, and one that waits to be. `value` is None before there is one."""

    __slots__ = ("_mark", "_waiting", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self._waiting: T | None = None
        self._mark = 0

    def offer(self, value: T, health: Health) -> T | None:
        """Take the present value and return the one to publish.

        While a value waits, later ones are not taken: under a steady load the newest is never all on disk.
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
