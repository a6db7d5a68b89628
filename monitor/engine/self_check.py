"""Check the daemon's environment once per second: the wall clock and free file descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from monitor.descriptors import SpareDescriptors
from sla.interval import HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.clock import Clock
    from monitor.health import Health

log = structlog.get_logger()

KEPT: Final = 86_400.0  # seconds after a large clock step in which no observation is pruned
SHOWN: Final = 60.0  # seconds for which a shortage is still reported after its end, so that a scrape sees it
SET_ASIDE_SHOWN: Final = 3_600.0  # seconds for which observations that were set aside at startup are reported
BACK: Final = MINUTE  # the wall clock was set back if it is behind the record's time by more than this ...
SETTLED: Final = 5.0  # ... and was not set again for so many seconds
LOSS_SHOWN: Final = 600.0  # seconds for which a lost record is reported after a new one was written


class SelfCheck:
    """Checks the environment and writes the results to `health`. Create it before anything opens files.

    `record_step` is called with the record's time before a step that was followed, and its size (microseconds).
    """

    def __init__(self, clock: Clock, health: Health, spares: SpareDescriptors | None = None) -> None:
        self._clock, self._health = clock, health
        self._spares = spares or SpareDescriptors()
        self.record_step: Callable[[int, int], None] = lambda _at, _size: None
        self._began = clock.monotonic()
        self._keep_until = self._late_until = 0.0
        self._late = 0
        self._failures = 0
        self._short_until = 0.0
        self._followed = 0  # the largest step of the wall clock that was followed, microseconds
        self._set_back_at: float | None = None

    def look(self) -> bool:
        """Check once; return whether files can be opened."""
        self._look_at_clock()
        self._look_at_record()
        return self._look_at_descriptors()

    @property
    def clock_corrected(self) -> bool:
        """Whether a forward step that was followed has been reverted: time stamps since the step are wrong.

        Without such a step, a clock that is set back may itself be wrong.
        """
        return self._set_back_at is not None and self._clock.monotonic() >= self._set_back_at + SETTLED

    def _look_for_correction(self, size: int) -> None:
        behind = -self._clock.stepped
        if not BACK < behind <= self._followed + BACK:
            self._set_back_at = None
        elif size or self._set_back_at is None:
            self._set_back_at = self._clock.monotonic()

    def _look_at_clock(self) -> None:
        """Follow the wall clock, count its steps, and record one that changed the record's time."""
        clock, health, before = self._clock, self._health, self._clock.now()
        size, now = clock.follow_wall_clock(), clock.monotonic()
        followed = clock.now() - before
        if size > 0:
            health.clock_steps += 1
        elif size < 0:
            health.clock_steps_back += 1
        if size:
            log.warning("clock_stepped", seconds=size / SECOND, advice="check the machine's time synchronisation")
        if size and followed > SECOND:
            self.record_step(before, followed)
            self._followed = max(self._followed, followed)
        self._look_for_correction(size)
        if abs(size) >= HOUR:
            self._keep_until = now + KEPT
        health.clock_stepped, health.clock_suspect = clock.stepped, now < self._keep_until
        if health.late_observations > self._late:
            self._late, self._late_until = health.late_observations, now + SHOWN
        health.dropping_late = now < self._late_until
        if health.set_aside and now >= self._began + SET_ASIDE_SHOWN:
            health.set_aside = 0

    def _look_at_record(self) -> None:
        """Report for some minutes that the writer's thread found the record lost."""
        health, lost_at = self._health, self._health.record_lost_at
        recent = lost_at is not None and self._clock.monotonic() < lost_at + LOSS_SHOWN
        health.record_lost = health.record_missing or recent

    def _look_at_descriptors(self) -> bool:
        """Report exhaustion, now or in a probe since the last check."""
        health, now = self._health, self._clock.monotonic()
        exhausted = self._spares.exhausted()
        if exhausted or health.descriptor_failures > self._failures:
            if not health.descriptors_exhausted:
                log.error("descriptors_exhausted", advice="raise the limit of open files")
            self._failures, self._short_until = health.descriptor_failures, now + SHOWN
        health.descriptors_exhausted = now < self._short_until
        return not exhausted

    def close(self) -> None:
        """Close the spare descriptors."""
        self._spares.release()
