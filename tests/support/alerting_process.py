"""A process that records, decides and notifies until it is killed: `python -m tests.support.alerting_process PATH URL`.

It is driven as `recorder_process` is. What it acknowledges:

    decided KEY EVENT       the notification is on disk
    marked KEY EVENT        that the receiver has confirmed it is on disk
"""

from __future__ import annotations

import asyncio
import random
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.alerting.service import Alerting
from monitor.clock import SystemClock
from monitor.engine.probe_environment import probe_environment
from monitor.engine.recorder import Recorder, restore
from monitor.health import Health
from monitor.probe_result import ProbeResult
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.observation import Outcome
from tests.support.ledgers import FakeCheck, ledger_of
from tests.support.messages import receiver
from tests.support.recorder_process import say, serve

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from monitor.storage.store import Batch

PRODUCTS = 8
PACE = 0.004  # seconds between two rounds over all checks


class AcknowledgingStore(SqliteStore):
    """Says what it has committed, after it has."""

    def write(self, batch: Batch) -> None:
        super().write(batch)
        for row in batch.notifications:
            if row.done is not None:
                say(f"marked {row.key} {row.event}")
            elif not row.attempts:
                say(f"decided {row.key} {row.event}")


def notified_ledger(url: str) -> Ledger:
    """Return the ledger of the portfolio: products of one check each that fail by chance, and a webhook."""
    checks = (FakeCheck(id="health", interval="100ms", timeout="50ms", hold="1h"),)
    products = ({"id": f"product-{n}", "objective": "99%", "checks": checks} for n in range(PRODUCTS))
    damping = {"damping": {"incidents": 1_000_000}}
    return ledger_of(*products, receivers=(receiver(webhook=url),), alerting=damping)


async def notify(path: Path, url: str, *, failing: bool = True) -> None:
    """Record outcomes by chance and notify; with `failing` false, let everything recover and deliver all."""
    clock, health, ledger, chance = SystemClock(), Health(), notified_ledger(url), random.Random()  # noqa: S311
    store = AcknowledgingStore(path, clock.now())
    restore(ledger, store)
    writer = Writer(store, health, clock)
    alerting = Alerting(ledger, writer, clock, health)
    alerting.restore(store)
    async with (
        Recorder(ledger, writer, health, decide=alerting.changed) as recorder,
        probe_environment(clock, health) as (runner, _),
    ):
        delivering = asyncio.create_task(alerting.run(runner.new_attempt))
        while failing or alerting.outages.ongoing() or list(alerting.outbox.waiting()) or health.queue_depth:
            for entry in ledger.entries.values():
                bad = failing and chance.random() < 0.5
                result = ProbeResult(Outcome.BAD, "deadline") if bad else ProbeResult(Outcome.GOOD)
                recorder.record(entry, result, clock.now(), 0.001)
            await asyncio.sleep(PACE)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
    store.close()


if __name__ == "__main__":
    serve(partial(notify, Path(sys.argv[1]), sys.argv[2]))
