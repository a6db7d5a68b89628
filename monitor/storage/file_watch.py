"""Detect that the open record was removed, and restore it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.storage.store import Store

log = structlog.get_logger()

LOOK: Final = 1.0  # seconds between two looks at whether the record is still in its place


class RecordWatch:
    """Checks the record's file once per second, on the writer's thread."""

    def __init__(self, store: Store, health: Health, clock: Clock) -> None:
        self._store, self._health, self._clock = store, health, clock
        self._looked = clock.monotonic()

    def look(self) -> bool:
        """Restore a record that was removed; return whether it is empty and everything must be written again.

        Raises:
            StoreError: it could not be put back; `health.record_missing` stands until it can.
        """
        health, now = self._health, self._clock.monotonic()
        if now < self._looked + LOOK:
            return False
        self._looked = now
        if not health.record_missing:
            if not (reason := self._store.lost()):
                return False
            health.record_missing, health.record_loss, health.record_lost_at = True, reason, now
            log.error("record_lost", reason=reason, advice="the record is rewritten; keep other programs away from it")
        whole = self._store.rescue()
        health.record_missing = False
        health.record_losses += 1
        log.info("record_written_anew", copied=whole)
        return not whole
