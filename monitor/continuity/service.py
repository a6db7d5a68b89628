"""Run the transactions of all products, and record the effects of failures on them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from monitor.continuity.registry import driver_of
from monitor.continuity.results import ResultRecorder
from monitor.continuity.worker import Worker
from monitor.errors import NinewatchError
from monitor.ledger.continuity_register import ContinuityRegister, is_kept, owner_of
from monitor.ledger.product_drills import recorded_drills

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.clock import Clock
    from monitor.config.continuity import ContinuityTransaction
    from monitor.config.model import Portfolio
    from monitor.continuity.worker import MakeAttempt
    from monitor.facts.fact_index import Facts
    from monitor.facts.intent_log import IntentLog
    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact

log = structlog.get_logger()

POLL_INTERVAL: Final = 0.25  # seconds between two checks for due requests
RESULT_INTERVAL: Final = 5.0  # seconds between two searches for new results


class Continuity:
    """The continuity probe. Without configured transactions, it only reads the runs of earlier configurations."""

    def __init__(
        self, ledger: Ledger, intents: IntentLog, add_facts: Callable[[Sequence[Fact]], None], clock: Clock
    ) -> None:
        self._ledger, self._intents, self._clock = ledger, intents, clock
        self._results = ResultRecorder(ledger, add_facts, clock)
        self._workers: dict[str, Worker] = {}
        self._busy: set[str] = set()
        self._portfolio: Portfolio | None = None
        self._facts: Facts | None = None
        self._in_drill: set[str] = set()
        self._next_results = 0.0

    def restore(self) -> None:
        """Read the intent log. Runs with a write without response are looked up on the target by run id."""
        try:
            self._ledger.continuity = ContinuityRegister(self._intents.read())
        except NinewatchError as error:
            log.error("intents_unreadable", error=str(error))
            return
        self._ledger.continuity.forget(now := self._clock.now())
        self._intents.try_to_compact(lambda run: is_kept(run, now))

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Advance all transactions until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._clock.sleep_until(self._clock.monotonic() + POLL_INTERVAL)
                for worker in self._idle_workers():
                    self._busy.add(worker.owner)
                    tasks.create_task(self._advance(worker, make_attempt), name=f"continuity {worker.owner}")
                await self._record_results_and_compact()

    async def advance(self, make_attempt: MakeAttempt) -> None:
        """Send the next due request of each transaction, and record new results."""
        await asyncio.gather(*(self._advance(worker, make_attempt) for worker in self._idle_workers()))
        self._results.record()

    async def _advance(self, worker: Worker, make_attempt: MakeAttempt) -> None:
        try:
            product = worker.owner.partition("/")[0]
            await worker.advance(make_attempt, self._request_interval(product, worker.transaction))
        except Exception:  # a defect must not stop the daemon
            log.exception("continuity_defect", transaction=worker.owner)
        finally:
            self._busy.discard(worker.owner)

    def _request_interval(self, product: str, transaction: ContinuityTransaction) -> int:
        if self._facts is not self._ledger.facts:
            self._facts = self._ledger.facts
            drills = recorded_drills(self._ledger, self._clock.now())
            self._in_drill = {
                record.drill.product for record in drills if record.end is None and record.drill.kind.measured
            }
        drill_interval = transaction.drill_every if product in self._in_drill else None
        return drill_interval or transaction.every

    def _idle_workers(self) -> list[Worker]:
        if self._portfolio is not self._ledger.portfolio:
            self._load(self._ledger.portfolio)
        now, facts = self._clock.now(), self._ledger.facts
        workers = ((owner, worker) for owner, worker in self._workers.items() if owner not in self._busy)
        return [worker for owner, worker in workers if facts.pause(owner, now) is None]  # its product may be paused

    def _load(self, portfolio: Portfolio) -> None:
        """Create the workers of the portfolio. An unchanged transaction keeps its worker and secret values."""
        self._portfolio = portfolio
        previous_workers, self._workers = self._workers, {}
        for product in portfolio.products:
            for transaction in product.continuity:
                owner = owner_of(product.id, transaction.id)
                known = previous_workers.get(owner)
                if known is None or known.transaction != transaction:
                    known = self._worker(owner, transaction)
                if known is not None:
                    self._workers[owner] = known
        for owner in set(self._ledger.continuity.owners) - set(self._workers):
            if open_runs := len(self._ledger.continuity.open_runs(owner)):
                log.warning("continuity_not_configured", transaction=owner, open=open_runs, advice="configure it again")

    def _worker(self, owner: str, transaction: ContinuityTransaction) -> Worker | None:
        """Return a new worker, None if a library is missing."""
        try:
            driver = driver_of(transaction)
        except ValueError as error:
            log.error("continuity_unavailable", transaction=owner, error=str(error))
            return None
        return Worker(owner, transaction, driver, self._intents, self._ledger.continuity, self._clock)

    async def _record_results_and_compact(self) -> None:
        if self._clock.monotonic() < self._next_results:
            return
        self._next_results = self._clock.monotonic() + RESULT_INTERVAL
        try:
            self._results.record()
        except Exception:  # a defect must not stop the daemon
            log.exception("continuity_defect")
        self._ledger.continuity.forget(now := self._clock.now())
        await self._intents.compact_if_long(lambda run: is_kept(run, now))
