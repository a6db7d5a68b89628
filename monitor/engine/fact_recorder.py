"""Keep the facts of the ledger: follow the journal, and define products when the configuration is loaded."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog

from monitor.errors import NinewatchError
from monitor.facts.definitions import additions
from monitor.facts.known_facts import Facts
from monitor.facts.planned_maintenance import added_plans, late_maintenance
from monitor.ledger.renamed_checks import added_renamings
from sla.interval import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.clock import Clock
    from monitor.facts.journal import Journal
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.storage.store import Store
    from monitor.storage.writer import Writer
    from sla.fact import Fact

log = structlog.get_logger()

BACK: Final = MINUTE  # a clock that was set back by more is wrong: the next start sets aside what was stamped since

PATIENCE: Final = 5.0  # seconds that a request waits for its fact to be on disk


class FactRecorder:
    """Keeps the ledger's facts. Facts are a set: what the record or the journal has lost, the other one still has.

    A running daemon drops no fact that it has read, whatever becomes of the journal.
    """

    def __init__(self, ledger: Ledger, journal: Journal, writer: Writer, clock: Clock, health: Health) -> None:
        self._ledger, self._journal, self._writer = ledger, journal, writer
        self._clock, self._health = clock, health
        self._undefined = False
        self._thread = ThreadPoolExecutor(1, "state-fact")  # of its own: it may wait for a dead disk

    def restore(self, store: Store) -> None:
        """Read the facts of the record.

        Raises:
            StoreError: it cannot be read.
        """
        self._ledger.facts = Facts(store.load_facts(), former=self._ledger.former)

    async def look(self) -> None:
        """Read what is new in the journal, if it changed. Called about once a second; an unreadable one is logged.

        Definitions that wait for a right clock are added then.
        """
        if self._undefined:
            self.define()
        if await asyncio.to_thread(self._journal.changed):
            try:
                read = await asyncio.to_thread(self._journal.read)
            except NinewatchError as error:
                log.error("journal_unreadable", error=str(error))
                return
            self.add(read)

    def define(self) -> None:
        """Add what the configuration that was just loaded changes: definitions, and plans of maintenance.

        While the clock is known to be wrong they wait: a definition takes effect at the first right instant.
        """
        ledger, now = self._ledger, self._clock.now()
        wrong = self._clock_is_wrong(now)
        if wrong and not self._undefined:
            log.warning("definitions_wait", advice="the clock is wrong; they are added once it is right")
        self._undefined = wrong
        if not wrong:
            products = ledger.facts.products
            found = additions(ledger.portfolio, ledger.definitions, self._first_observed, products, now)
            plans = list(added_plans(ledger.portfolio, ledger.facts, self._first_observed, now))
            self._report_late(now)
            source = self._health.config_source
            renamings = added_renamings(ledger.portfolio, ledger.facts, now)
            self.add([*renamings, *(each.fact(source) for each in found), *(each.fact(source) for each in plans)])

    async def state(self, fact: Fact) -> None:
        """Append a fact to the journal, as a command does, and add it once it is on disk.

        At most one thread waits for a disk that does not answer.

        Raises:
            NinewatchError: it was not written within `PATIENCE`, or could not be.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                await loop.run_in_executor(self._thread, self._journal.add, fact)
        except TimeoutError:
            raise NinewatchError(f"{self._journal.path} was not written within {PATIENCE:g} s") from None
        self.add([fact])

    def _first_observed(self, product_id: str) -> int | None:
        """Return the instant of the first observation of the product's checks, None if there is none."""
        found = (entry.timeline.first_observation_at for entry in self._ledger.of(product_id))
        return min((at for at in found if at is not None), default=None)

    def _report_late(self, now: int) -> None:
        """Log planned maintenance of time that has passed: it excludes nothing."""
        began = [at for name in self._ledger.products if (at := self._first_observed(name)) is not None]
        if began:
            for each in late_maintenance(self._ledger.portfolio, self._ledger.facts, min(began), now):
                log.warning("maintenance_in_the_past", reason=each)

    def _clock_is_wrong(self, now: int) -> bool:
        """Return whether the record's time lies ahead: of the wall clock, or of the present instant."""
        latest = self._ledger.latest
        return self._health.clock_stepped < -BACK or (latest is not None and latest > now)

    def add(self, facts: Iterable[Fact]) -> None:
        """Add the facts that are new to the ledger, and have them written."""
        known = {fact.id for fact in self._ledger.facts.all}
        new = [fact for fact in facts if fact.id not in known]
        if new:
            self._ledger.facts = Facts(self._ledger.facts.all, new, former=self._ledger.former)
            self._writer.put_facts(new)
            log.info("facts_added", count=len(new))
