"""Update the ledger's facts: follow the journal, and add definitions when the configuration is loaded."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog

from monitor.errors import NinewatchError
from monitor.facts.definitions import added_definitions
from monitor.facts.fact_index import Facts
from monitor.facts.pauses import added_pauses
from monitor.facts.planned_maintenance import added_plans, late_maintenance
from monitor.ledger.renamed_checks import added_renamings
from sla.interval import MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from monitor.clock import Clock
    from monitor.facts.journal import Journal
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.storage.store import Store
    from monitor.storage.writer import Writer
    from sla.fact import Fact

log = structlog.get_logger()

SET_BACK: Final = MINUTE  # larger steps back prove a wrong clock: the next start sets aside later rows
WRITE_TIMEOUT: Final = 5.0  # seconds that a request waits for its fact to be on disk


class FactRecorder:
    """Adds facts to the ledger. Record and journal both store each fact, so that neither loss loses a fact.

    A running daemon keeps the facts that it has read even if the journal is damaged or removed.
    """

    def __init__(self, ledger: Ledger, journal: Journal, writer: Writer, clock: Clock, health: Health) -> None:
        self._ledger, self._journal, self._writer = ledger, journal, writer
        self._clock, self._health = clock, health
        self._undefined = False
        self._thread = ThreadPoolExecutor(1, "state-fact")  # a pool of its own, because it may block on a dead disk

    def restore(self, store: Store) -> None:
        """Read the facts of the record.

        Raises:
            StoreError: it cannot be read.
        """
        self._ledger.facts = Facts(store.load_facts(), former_ids=self._ledger.former_ids)

    async def read_journal(self) -> None:
        """Add the new facts of the journal; log an error if it cannot be read. Called about once per second.

        Definitions that waited for a correct clock are added too.
        """
        if self._undefined:
            self.define()
        if await asyncio.to_thread(self._journal.changed):
            try:
                facts = await asyncio.to_thread(self._journal.read)
            except NinewatchError as error:
                log.error("journal_unreadable", error=str(error))
                return
            self.add(facts)

    def define(self) -> None:
        """Add the definitions and maintenance plans that the loaded configuration changes.

        They are delayed while the clock is known to be wrong, because a definition takes effect when it is added.
        """
        ledger, now = self._ledger, self._clock.now()
        wrong = self._clock_is_wrong(now)
        if wrong and not self._undefined:
            log.warning("definitions_wait", advice="the clock is wrong; they are added once it is correct")
        self._undefined = wrong
        if not wrong:
            products = ledger.facts.products
            definitions = added_definitions(ledger.portfolio, ledger.definitions, self._first_observed, products, now)
            plans = list(added_plans(ledger.portfolio, ledger.facts, self._first_observed, now))
            self._report_late_maintenance(now)
            source = self._health.config_source
            renamings = added_renamings(ledger.portfolio, ledger.facts, now)
            self.add([*renamings, *(item.fact(source) for item in definitions), *(plan.fact(source) for plan in plans)])
            self.add(added_pauses(ledger.portfolio, ledger.facts, now))

    async def record(self, fact: Fact, before: Callable[[], None] | None = None) -> None:
        """Append a fact to the journal, and add it to the ledger once it is on disk.

        `before` is called first in the same thread: if it raises, nothing is recorded. At most one thread blocks on a
        disk that does not respond.

        Raises:
            NinewatchError: writing failed or took longer than `WRITE_TIMEOUT`.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(WRITE_TIMEOUT):
                await loop.run_in_executor(self._thread, self._write, fact, before)
        except TimeoutError:
            raise NinewatchError(f"{self._journal.path} was not written within {WRITE_TIMEOUT:g} s") from None
        self.add([fact])

    def _write(self, fact: Fact, before: Callable[[], None] | None) -> None:
        if before is not None:
            before()
        self._journal.add(fact)

    def _first_observed(self, product_id: str) -> int | None:
        """Return the instant of the first observation of the product's checks, None without observations."""
        instants = (entry.timeline.first_observation_at for entry in self._ledger.entries_of(product_id))
        return min((at for at in instants if at is not None), default=None)

    def _report_late_maintenance(self, now: int) -> None:
        """Log maintenance that was planned after its time, and so excludes nothing."""
        starts = [at for name in self._ledger.products if (at := self._first_observed(name)) is not None]
        if starts:
            for reason in late_maintenance(self._ledger.portfolio, self._ledger.facts, min(starts), now):
                log.warning("maintenance_in_the_past", reason=reason)

    def _clock_is_wrong(self, now: int) -> bool:
        """Return whether the record's time is ahead of the wall clock or of `now`."""
        latest = self._ledger.last_observation_at
        return self._health.clock_stepped < -SET_BACK or (latest is not None and latest > now)

    def add(self, facts: Iterable[Fact]) -> None:
        """Add the new facts to the ledger and queue them for writing."""
        known = {fact.id for fact in self._ledger.facts.all}
        new = [fact for fact in facts if fact.id not in known]
        if new:
            self._ledger.facts = Facts(self._ledger.facts.all, new, former_ids=self._ledger.former_ids)
            self._writer.put_facts(new)
            log.info("facts_added", count=len(new))
