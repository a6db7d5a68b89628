"""Counters derived from the record, published after their events are written to disk.

A crash loses observations that are not on disk. A counter that included them would decrease after the restart;
Prometheus would handle this as a reset, and `increase()` would count all events again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from monitor.health import Health

T = TypeVar("T")


class Confirmed(Generic[T]):
    """The newest value whose events are on disk (`value`, initially None), and a pending value."""

    __slots__ = ("_pending", "_required_writes", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        self._pending: T | None = None
        self._required_writes = 0

    def offer(self, value: T, health: Health) -> T | None:
        """Set the current value, and return the value to publish.

        Later values are ignored while one is pending, because under steady load the newest value is never completely on
        disk.
        """
        records_written = health.records_written
        if self._pending is not None and records_written >= self._required_writes:
            self.value, self._pending = self._pending, None
        if self._pending is None:
            if records_written >= health.records_queued:
                self.value = value
            else:
                self._pending, self._required_writes = value, health.records_queued
        return self.value
