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
from monitor.engine.probe_environment import probe_environment
from monitor.engine.recorder import Recorder
from monitor.engine.scheduler import Job, Scheduler
from monitor.health import Health
from monitor.ledger.ledger import Ledger
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
    jobs: list[Job]

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

    @property
    def late(self) -> int:
        """Return how many probes have fallen due, and are neither begun nor counted as missed."""
        now = self.clock.now()
        return sum((now - job.due) // job.interval + 1 for job in self.jobs if job.due <= now)

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
        probe_environment(clock, health) as (runner, pulse),
    ):
        listener = await listen(build(ledger, health, clock), "127.0.0.1", 0)
        scheduler = Scheduler(clock, pulse, health, max_in_flight=500)
        jobs = Jobs(ledger, runner, recorder, Heartbeats(ledger, recorder.record, clock))
        jobs.prepare(wanted)
        wanted_jobs = list(jobs.all())
        scheduler.load(wanted_jobs)
        probing = asyncio.create_task(scheduler.run())
        try:
            yield Load(ledger, health, clock, f"http://{listener.addresses[0]}", clock.now(), wanted_jobs)
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


async def overloaded(folder: Path, port: int) -> AsyncIterator[Load]:
    """Drive more and more checks, and yield each load while it lasts, until one was too much.

    What this machine can do is measured first, but may be more a moment later, when something else has ended.
    """
    checks = 3 * await capacity(folder, port)
    while True:
        async with driven(folder, portfolio(folder, port, checks)) as driving:
            yield driving
            if driving.made < 0.6 * driving.demanded:
                return
        checks *= 2


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_three_times_too_much_is_missed_late_and_unknown_but_never_bad(port: int, tmp_path: Path) -> None:
    async for driving in overloaded(tmp_path, port):
        alive = [await asyncio.to_thread(fetch, f"{driving.address}/livez")]
        for number in range(2, 9, 2):
            await driving.rounds(number)
            alive.append(await asyncio.to_thread(fetch, f"{driving.address}/livez"))
        health, now = driving.health, driving.clock.now()
        begun = driving.made + health.in_flight
        missed, late, demanded = health.missed_ticks, driving.late, driving.demanded
        reasons = {entry.last.result.reason for entry in driving.ledger.entries.values() if entry.last is not None}
        window = Interval(driving.begun, now)
        figures = [driving.ledger.measured(each, window, now).durations for each in driving.ledger.products]
    assert driving.counted(Outcome.BAD) == 0, reasons
    assert driving.counted(Outcome.GOOD) > 0
    assert missed > 0
    each_once = len(driving.jobs)  # checks have phases of their own: one of them fell due once more or less
    assert begun + missed + late == pytest.approx(demanded, abs=each_once), "what is not probed is counted or late"
    assert health.lateness_max > 0
    assert all(each.down == each.doubt_down == 0 for each in figures)
    assert all(each.unknown > 0 for each in figures)
    assert [status for status, _ in alive] == [200] * len(alive)
