"""What the daemon checks of its own surroundings once a second: the wall clock and its file descriptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from monitor.descriptors import SpareDescriptors

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health

log = structlog.get_logger()

SHOWN: Final = 60.0  # seconds for which a shortage that is over is still reported, so that a scrape finds it
LOSS_SHOWN: Final = 600.0  # seconds for which a lost record is reported after it was written anew


class SelfCheck:
    """Looks at the surroundings and puts what it finds into `health`. Make it before anything opens files."""

    def __init__(self, clock: Clock, health: Health, spares: SpareDescriptors | None = None) -> None:
        self._clock, self._health = clock, health
        self._spares = spares or SpareDescriptors()
        self._failures = 0
        self._short_until = 0.0

    def look(self) -> bool:
        """Look once; return whether files can be opened."""
        self._clock.follow_wall_clock()
        self._health.clock_steps, self._health.clock_stepped = self._clock.steps, self._clock.stepped
        self._look_at_record()
        return self._look_at_descriptors()

    def _look_at_record(self) -> None:
        """Report for some minutes that the record was lost, as the writer's thread has found."""
        health, lost_at = self._health, self._health.record_lost_at
        recent = lost_at is not None and self._clock.monotonic() < lost_at + LOSS_SHOWN
        health.record_lost = health.record_missing or recent

    def _look_at_descriptors(self) -> bool:
        """Report exhaustion, be it under way or met by a probe since the last look."""
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
