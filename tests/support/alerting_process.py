"""Record random outcomes and send alerts until killed: `python -m tests.support.alerting_process PATH URL`.

It is controlled in the same way as `recorder_process`. It prints:

    decided KEY EVENT       the notification is on disk
    marked KEY EVENT        the receiver's confirmation is on disk
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
from tests.support.recorder_process import print_line, run_for_each_line

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from monitor.storage.store import Batch

PRODUCTS = 8
SECONDS_BETWEEN_ROUNDS = 0.004  # one round records an outcome of each check


class AcknowledgingStore(SqliteStore):
    """A store that prints each notification after it is committed."""

    def write(self, batch: Batch) -> None:
        super().write(batch)
        for row in batch.notifications:
            if row.done is not None:
                print_line(f"marked {row.key} {row.event}")
            elif not row.attempts:
                print_line(f"decided {row.key} {row.event}")


def ledger_with_webhook(url: str) -> Ledger:
    """Return a ledger with products of one check each, and a webhook receiver."""
    checks = (FakeCheck(id="health", interval="100ms", timeout="50ms", hold="1h"),)
    products = ({"id": f"product-{n}", "objective": "99%", "checks": checks} for n in range(PRODUCTS))
    damping = {"damping": {"incidents": 1_000_000}}
    return ledger_of(*products, receivers=(receiver(webhook=url),), alerting=damping)


async def notify(path: Path, url: str, *, failing: bool = True) -> None:
    """Record random outcomes and send alerts.

    If `failing` is false, all products recover, and the function returns when all notifications are delivered.
    """
    clock, health, ledger, rng = SystemClock(), Health(), ledger_with_webhook(url), random.Random()  # noqa: S311
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
        while failing or alerting.product_incidents.all_open() or list(alerting.outbox.waiting()) or health.queue_depth:
            for entry in ledger.entries.values():
                bad = failing and rng.random() < 0.5
                result = ProbeResult(Outcome.BAD, "deadline") if bad else ProbeResult(Outcome.GOOD)
                recorder.record(entry, result, clock.now(), 0.001)
            await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
    store.close()


if __name__ == "__main__":
    run_for_each_line(partial(notify, Path(sys.argv[1]), sys.argv[2]))
