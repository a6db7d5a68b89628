"""A recorder with alerting, an in-memory store, a manual clock and a real sink."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from monitor.alerting.service import Alerting
from monitor.engine.probe_environment import probe_environment
from monitor.engine.recorder import Recorder, restore
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.probe_result import ProbeResult
from monitor.reporting.monthly_message import monthly_message
from monitor.storage.writer import Writer
from sla.observation import Outcome
from tests.support.clocks import ManualClock
from tests.support.ledgers import ledger_of
from tests.support.messages import receiver
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from monitor.access.link import LinkSigner
    from monitor.access.subscriptions import Subscriptions
    from monitor.config.model import Portfolio
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Kind, Notification
    from sla.fact import Fact

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
RESULTS = {
    GOOD: ProbeResult(GOOD),
    BAD: ProbeResult(BAD, "http_status", 503, {}, "expected status 200, got 503"),
    UNKNOWN: ProbeResult(UNKNOWN, "no_route"),
}
TIMEOUT = 30.0


class AlertingHarness:
    """The parts of a daemon that alerting needs."""

    def __init__(
        self,
        portfolio: Ledger,
        store: MemoryStore,
        clock: ManualClock,
        signer: LinkSigner | None = None,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        self.ledger, self.store, self.clock, self.health = portfolio, store, clock, Health()
        self.writer = Writer(store, self.health, clock)
        summarise = partial(monthly_message, self.ledger, clock)
        self.alerting = Alerting(
            self.ledger, self.writer, clock, self.health, signer, self._since, subscriptions, summarise
        )
        self.recorder = Recorder(self.ledger, self.writer, self.health, decide=self.alerting.changed)

    def observe(self, *outcomes: Outcome, key: str = "forms/health") -> None:
        """Record one outcome per second. The clock advances without running tasks that wait for it."""
        for outcome in outcomes:
            self.clock.jump(1)
            self.recorder.record(self.ledger.entries[key], RESULTS[outcome], self.clock.now(), 0.05)

    def _since(self, instant: int) -> list[Notification]:
        return [row for row in self.rows() if row.due >= instant]

    def state(self, *facts: Fact) -> None:
        """Add facts, as the journal does."""
        self.ledger.facts = Facts(self.ledger.facts.all, facts)

    def reload(self, portfolio: Portfolio) -> None:
        """Load another configuration."""
        self.ledger.reload(portfolio)
        self.alerting.reload()

    def rows(self, event: Kind | None = None) -> list[Notification]:
        """Return the notifications in the store, in the order in which they were created."""
        rows = sorted(self.store.notifications.values(), key=lambda row: (row.made, row.turn, row.key, row.receiver))
        return [row for row in rows if event in (None, row.event)]

    def events(self, receiver: str = "ops") -> list[str]:
        """Return the events in the store for one receiver."""
        return [row.event.value for row in self.rows() if row.receiver == receiver]

    async def until(self, condition: Callable[[], object]) -> None:
        """Run the event loop until the condition is true."""
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                await asyncio.sleep(0.002)

    async def written(self) -> None:
        """Wait until all notifications so far are in the store."""
        await self.until(lambda: not self.alerting.outbox.unwritten)

    async def delivered(self) -> None:
        """Wait until all notifications are delivered."""
        await self.until(lambda: not list(self.alerting.outbox.waiting()) and not self.alerting.outbox.unwritten)
        await self.until(lambda: all(row.done is not None for row in self.store.notifications.values()))

    async def idle(self) -> None:
        """Wait until no notification is being sent or due now."""
        outbox = self.alerting.outbox
        await self.until(
            lambda: (
                not any(queue.sending for queue in outbox.queues.values())
                and outbox.next_at(list(outbox.queues)) > self.clock.now()
            )
        )

    async def update(self) -> None:
        """Run the daemon's periodic task once."""
        await self.alerting.update()
        await self.written()


def ledger_with_receivers(*products: dict[str, object], receivers: list[dict[str, Any]], **fields: Any) -> Ledger:
    """Return a ledger whose portfolio has these receivers."""
    return ledger_of(*products, receivers=tuple(receiver(**options) for options in receivers), **fields)


@contextlib.asynccontextmanager
async def run_alerting(
    ledger: Ledger,
    store: MemoryStore | None = None,
    clock: ManualClock | None = None,
    *,
    deliver: bool = True,
    signer: LinkSigner | None = None,
    subscriptions: Subscriptions | None = None,
) -> AsyncIterator[AlertingHarness]:
    """Run alerting while the `with` block runs. Without `deliver`, notifications stay in the outbox."""
    harness = AlertingHarness(ledger, store or MemoryStore(), clock or ManualClock(), signer, subscriptions)
    restore(ledger, harness.store)
    ledger.facts = Facts(harness.store.load_facts())
    harness.alerting.restore(harness.store)
    async with harness.recorder, probe_environment(harness.clock, harness.health) as (runner, _):
        running = [asyncio.create_task(harness.alerting.run(runner.new_attempt))] if deliver else []
        try:
            yield harness
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            harness.store.gate.set()
