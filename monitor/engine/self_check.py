"""Check the daemon's environment once per second: wall clock, record file and free file descriptors."""

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

PRUNING_PAUSE: Final = 86_400.0  # seconds without deleting old observations after a large clock step
SHORTAGE_REPORTED: Final = 60.0  # seconds that a shortage stays reported, so that a scrape sees it
SET_ASIDE_REPORTED: Final = 3_600.0  # seconds that observations set aside at startup stay reported
SET_BACK: Final = MINUTE  # the wall clock was set back if it is behind the record's time by more than this ...
CORRECTION_DELAY: Final = 5.0  # ... and was not set again for this many seconds
LOSS_REPORTED: Final = 600.0  # seconds that a lost record stays reported after a new one was written


class SelfCheck:
    """Checks the environment and writes the results to `health`. Must be created before any file is opened.

    When the record's time follows a step of the wall clock, `record_step` is called with the record's time before the
    step and the size of the step (microseconds).
    """

    def __init__(self, clock: Clock, health: Health, spares: SpareDescriptors | None = None) -> None:
        self._clock, self._health = clock, health
        self._spares = spares or SpareDescriptors()
        self.record_step: Callable[[int, int], None] = lambda _at, _size: None
        self._started = clock.monotonic()
        self._no_pruning_until = self._late_until = 0.0
        self._late = 0
        self._failures = 0
        self._shortage_until = 0.0
        self._followed = 0  # the largest step that the record's time followed, microseconds
        self._set_back_at: float | None = None

    def update_health(self) -> bool:
        """Check once; return whether files can be opened."""
        self._check_clock()
        self._check_record()
        return self._check_descriptors()

    @property
    def clock_corrected(self) -> bool:
        """Whether the wall clock was set back after the record's time followed a forward step.

        Then the timestamps since the forward step are wrong. Without a forward step, the current clock may be wrong.
        """
        return self._set_back_at is not None and self._clock.monotonic() >= self._set_back_at + CORRECTION_DELAY

    def _check_for_correction(self, size: int) -> None:
        behind = -self._clock.stepped
        if not SET_BACK < behind <= self._followed + SET_BACK:
            self._set_back_at = None
        elif size or self._set_back_at is None:
            self._set_back_at = self._clock.monotonic()

    def _check_clock(self) -> None:
        """Follow the wall clock, count its steps, and record one that changed the record's time."""
        clock, health, previous = self._clock, self._health, self._clock.now()
        size, now = clock.follow_wall_clock(), clock.monotonic()
        followed = clock.now() - previous
        if size > 0:
            health.clock_steps += 1
        elif size < 0:
            health.clock_steps_back += 1
        if size:
            log.warning("clock_stepped", seconds=size / SECOND, advice="check the machine's time synchronisation")
        if size and followed > SECOND:
            self.record_step(previous, followed)
            self._followed = max(self._followed, followed)
        self._check_for_correction(size)
        if abs(size) >= HOUR:
            self._no_pruning_until = now + PRUNING_PAUSE
        health.clock_stepped, health.clock_suspect = clock.stepped, now < self._no_pruning_until
        if health.late_observations > self._late:
            self._late, self._late_until = health.late_observations, now + SHORTAGE_REPORTED
        health.dropping_late = now < self._late_until
        if health.set_aside and now >= self._started + SET_ASIDE_REPORTED:
            health.set_aside = 0

    def _check_record(self) -> None:
        """Report a lost record until `LOSS_REPORTED` seconds after the writer detected it."""
        health, lost_at = self._health, self._health.record_lost_at
        recent = lost_at is not None and self._clock.monotonic() < lost_at + LOSS_REPORTED
        health.record_lost = health.record_missing or recent

    def _check_descriptors(self) -> bool:
        """Return whether files can be opened; report exhaustion now or in a probe since the last check."""
        health, now = self._health, self._clock.monotonic()
        exhausted = self._spares.exhausted()
        if exhausted or health.descriptor_failures > self._failures:
            if not health.descriptors_exhausted:
                log.error("descriptors_exhausted", advice="raise the limit of open files")
            self._failures, self._shortage_until = health.descriptor_failures, now + SHORTAGE_REPORTED
        health.descriptors_exhausted = now < self._shortage_until
        return not exhausted

    def close(self) -> None:
        """Close the spare descriptors."""
        self._spares.release()
