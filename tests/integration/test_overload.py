"""Three times more than this machine can do: what was not probed is unknown, and nobody is blamed for our hunger."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.app import Jobs
from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.engine.heartbeats import Heartbeats
from monitor.engine.recorder import Recorder
from monitor.engine.rig import rigged
from monitor.engine.scheduler import Scheduler
from monitor.health import Health
from monitor.ledger import Ledger
from monitor.probes.registry import CHECK_TYPES
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from monitor.web.server import build, listen
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from tests.support.processes import fetch

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

MEMBERS = 10  # checks of one product
# A hold of one interval: whoever is probed every third time leaves time of which nothing is known.
ONE = "{{id: health, http: 'http://127.0.0.1:{port}/', interval: 1s, timeout: 500ms, hold: 1s}}"


@pytest.fixture
def port() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.fast_target"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=20)


def portfolio(folder: Path, port: int, checks: int) -> Portfolio:
    """Return that many checks of the target, ten to a product."""
    path = folder / "one.yaml"
    path.write_text(
        f"listen: 127.0.0.1:0\nproducts:\n- {{id: demo, objective: 99%, checks: [{ONE.format(port=port)}]}}"
    )
    loaded = load(path, CHECK_TYPES)
    (product,) = loaded.products
    (check,) = product.checks
    members = tuple(check.model_copy(update={"id": f"check-{number}"}) for number in range(MEMBERS))
    products = tuple(
        product.model_copy(update={"id": f"product-{number}", "checks": members})
        for number in range(-(-checks // MEMBERS))
    )
    return loaded.model_copy(update={"products": products})


@dataclass
class Load:
    """A daemon's engine under load, and what it made of it."""

    ledger: Ledger
    health: Health
    clock: SystemClock
    address: str
    begun: int

    @property
    def demanded(self) -> float:
        """Return how many probes have fallen due."""
        return len(self.ledger.entries) * (self.clock.now() - self.begun) / SECOND

    def counted(self, outcome: Outcome) -> int:
        """Return how many probes had this outcome."""
        return sum(entry.totals[outcome] for entry in self.ledger.entries.values())

    @property
    def made(self) -> int:
        """Return how many probes were made."""
        return sum(self.counted(outcome) for outcome in Outcome)

    async def rounds(self, count: int) -> None:
        """Return once every check has fallen due this often."""
        while self.clock.now() < self.begun + count * SECOND:
            await self.clock.sleep_until(self.clock.monotonic() + 0.1)


@contextlib.asynccontextmanager
async def driven(folder: Path, wanted: Portfolio) -> AsyncIterator[Load]:
    """Probe, record and publish a portfolio for as long as the block lasts."""
    clock, health, ledger = SystemClock(), Health(), Ledger(wanted)
    store = SqliteStore(folder / f"{len(ledger.entries)}.db", clock.now())
    async with (
        Recorder(ledger, Writer(store, health, clock), health) as recorder,
        rigged(clock, health) as (runner, pulse),
    ):
        listener = await listen(build(ledger, health, clock), "127.0.0.1", 0)
        scheduler = Scheduler(clock, pulse, health, max_in_flight=500)
        jobs = Jobs(ledger, runner, recorder, Heartbeats(ledger, recorder.record, clock))
        jobs.prepare(wanted)
        scheduler.load(jobs.all())
        probing = asyncio.create_task(scheduler.run())
        try:
            yield Load(ledger, health, clock, f"http://{listener.addresses[0]}", clock.now())
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
            await listener.close()
    store.close()


async def capacity(folder: Path, port: int) -> int:
    """Return how many probes a second this machine makes now when it is asked for more and more."""
    checks = 1_000
    while True:
        async with driven(folder, portfolio(folder, port, checks)) as load:
            await load.rounds(3)
            if load.made < 0.75 * load.demanded:
                return load.made // 3
        checks *= 2


@pytest.mark.slow
async def test_three_times_too_much_is_missed_late_and_unknown_but_never_bad(port: int, tmp_path: Path) -> None:
    most = await capacity(tmp_path, port)
    async with driven(tmp_path, portfolio(tmp_path, port, 3 * most)) as load:
        alive = [await asyncio.to_thread(fetch, f"{load.address}/livez")]
        for number in range(2, 9, 2):
            await load.rounds(number)
            alive.append(await asyncio.to_thread(fetch, f"{load.address}/livez"))
        health, now = load.health, load.clock.now()
        missed, demanded, made = health.missed_ticks, load.demanded, load.made
        reasons = {entry.last.result.reason for entry in load.ledger.entries.values() if entry.last is not None}
        window = Interval(load.begun, now)
        figures = [load.ledger.measured(each, window, now).durations for each in load.ledger.products]
    assert load.counted(Outcome.BAD) == 0, reasons
    assert load.counted(Outcome.GOOD) > 0
    assert made < 0.6 * demanded, "it was too much"
    assert missed > 0
    assert made + missed > 0.5 * demanded, "what was not probed is counted, but for what is late right now"
    assert health.lateness_max > 0
    assert all(each.down == each.doubt_down == 0 for each in figures)
    assert all(each.unknown > 0 for each in figures)
    assert [status for status, _ in alive] == [200] * len(alive)
