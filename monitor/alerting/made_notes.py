"""Remember the notes that were created, so that a restart does not create them again.

Notes are reports and messages about public incidents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from monitor.errors import StoreError
from monitor.notification import Kind, Notification
from sla.interval import DAY, MINUTE

if TYPE_CHECKING:
    from monitor.clock import Clock

log = structlog.get_logger()

ReadPast = Callable[[int], Sequence[Notification]]
"""Returns the recorded notifications that were due at the instant or later. Called in a thread."""

MAX_LATENESS: Final = DAY  # a note overdue by more is not sent
RETRY_DELAY: Final = MINUTE  # until the record is read again after an error


class MadeNotes:
    """The created notes, as (key, receiver).

    Without `read_past` the record cannot be read, so no note can be created.
    """

    def __init__(self, clock: Clock, read_past: ReadPast | None) -> None:
        self._clock, self.read_past = clock, read_past
        self._made: set[tuple[str, str]] = set()
        self._not_before = 0

    def __contains__(self, note: tuple[str, str]) -> bool:
        return note in self._made

    def add(self, key: str, receiver: str) -> None:
        """Add a note that is created now."""
        self._made.add((key, receiver))

    async def read(self, start: int) -> Sequence[Notification] | None:
        """Return the recorded notifications that were due at `start` or later, and add the notes among them.

        None if the record cannot be read. It is read again after `RETRY_DELAY`.
        """
        now = self._clock.now()
        if self.read_past is None or now < self._not_before:
            return None
        try:
            rows = await asyncio.to_thread(self.read_past, start)
        except StoreError as error:
            log.warning("notes_delayed", error=str(error))
            self._not_before = now + RETRY_DELAY
            return None
        self._made.update((row.key, row.receiver) for row in rows if row.event is Kind.REPORT)
        return rows
