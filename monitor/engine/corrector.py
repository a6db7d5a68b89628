"""Takes up what people say of the record: from the journal beside it into the ledger and the record itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from monitor.corrections import Corrections, Journal
from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.ledger import Ledger
    from monitor.storage.base import Store
    from monitor.storage.writer import Writer
    from sla.correction import Fact

log = structlog.get_logger()


class Corrector:
    """Follows the journal. Facts are a set: what the record or the journal has lost, the other one still has.

    Nothing that was taken up is ever forgotten by a running daemon, whatever becomes of the journal.
    """

    def __init__(self, ledger: Ledger, journal: Journal, writer: Writer) -> None:
        self._ledger, self._journal, self._writer = ledger, journal, writer

    def restore(self, store: Store) -> None:
        """Take up what the record has.

        Raises:
            StoreError: it cannot be read.
        """
        self._ledger.corrections = Corrections(store.load_corrections())

    async def look(self) -> None:
        """Take up what is new in the journal. Called about once a second; a journal that cannot be read is told of."""
        if await asyncio.to_thread(self._journal.changed):
            try:
                read = await asyncio.to_thread(self._journal.read)
            except NinewatchError as error:
                log.error("corrections_unreadable", error=str(error))
                return
            self._take_up(read.facts)

    def _take_up(self, facts: Iterable[Fact]) -> None:
        known = self._ledger.corrections.facts
        new = [fact for fact in dict.fromkeys(facts) if fact not in set(known)]
        if new:
            self._ledger.corrections = Corrections((*known, *new))
            self._writer.put_corrections(new)
            log.info("corrections", taken_up=len(new))
