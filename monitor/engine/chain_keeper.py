"""Close each finished day of the record with a head of the hash chain (`sla/chain.py`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from monitor.errors import StoreError
from monitor.storage.reader import reading
from sla.chain import closed_day
from sla.interval import MINUTE

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.storage.chain import ClosedDay
    from monitor.storage.writer import Writer

log = structlog.get_logger()

GRACE: Final = 15 * MINUTE  # after midnight, so that all observations of the day are on disk
POLL_INTERVAL: Final = 1.0  # seconds between two checks of the clock
START_DELAY: Final = 2.0  # seconds after the start, until the restored runs are on disk
RETRY_DELAY: Final = 60.0  # seconds after a failure, or after a head that was not written


class ChainKeeper:
    """Computes a head for each finished day from the record on disk, in a thread.

    The next head also covers earlier days without a head, for example because no daemon ran.
    """

    def __init__(self, record: Path, writer: Writer, clock: Clock, health: Health) -> None:
        self._record, self._writer, self._clock, self._health = record, writer, clock, health
        self._closed: int | None = None  # the last day that has a head or needs none
        self._not_before = 0.0  # monotonic

    async def run(self) -> None:
        """Close each finished day until cancelled."""
        self._not_before = self._clock.monotonic() + START_DELAY
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + POLL_INTERVAL)
            await self.close_finished_day()

    async def close_finished_day(self) -> None:
        """Close the last finished day unless it is closed; log a failure and retry later."""
        now = self._clock.now()
        day, moment = closed_day(now - GRACE), self._clock.monotonic()
        if day == self._closed or moment < self._not_before or not self._ready():
            return
        self._not_before = moment + RETRY_DELAY
        try:
            closed = await asyncio.to_thread(self._next, day, now)
        except StoreError as error:
            log.warning("day_not_closed", error=str(error), advice="retried every minute")
            return
        except Exception:  # a defect must not stop the daemon
            log.exception("day_not_closed")
            return
        if closed is None:
            self._closed = day
            return
        self._writer.put_head(closed)
        self._not_before = moment + START_DELAY
        log.info("day_closed", day=closed.head.date, head=closed.head.digest, number=closed.head.number)

    def _ready(self) -> bool:
        """Return whether neither a lost record nor a wrong clock was detected."""
        health = self._health
        return not (health.store_error or health.record_missing or health.clock_stepped < -MINUTE)

    def _next(self, day: int, now: int) -> ClosedDay | None:
        with reading(self._record, trusted=True) as record:
            return record.next_head(day, now)
