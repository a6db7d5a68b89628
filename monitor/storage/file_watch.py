"""Detect that the file of the open record was removed, and restore it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.storage.store import Store

log = structlog.get_logger()

CHECK_INTERVAL: Final = 1.0  # seconds between two checks of the record's file


class RecordWatch:
    """Check the record's file once per second, on the writer's thread."""

    def __init__(self, store: Store, health: Health, clock: Clock) -> None:
        self._store, self._health, self._clock = store, health, clock
        self._checked_at = clock.monotonic()

    def check_file(self) -> bool:
        """Restore a removed record. Return whether the new record is empty, so that all data must be written again.

        Raises:
            StoreError: the record could not be restored. `health.record_missing` remains set until it is restored.
        """
        health, now = self._health, self._clock.monotonic()
        if now < self._checked_at + CHECK_INTERVAL:
            return False
        self._checked_at = now
        if not health.record_missing:
            if not (reason := self._store.describe_change()):
                return False
            health.record_missing, health.record_loss, health.record_lost_at = True, reason, now
            log.error("record_lost", reason=reason, advice="the record is rewritten; keep other programs away from it")
        is_complete = self._store.replace_lost_record()
        health.record_missing = False
        health.record_losses += 1
        log.info("record_rewritten", copied=is_complete)
        return not is_complete
