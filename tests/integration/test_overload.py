"""Three times more probes than this machine can make: the time without probes is unknown, and no target is down."""

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

from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.engine.heartbeats import Heartbeats
from monitor.engine.jobs import Jobs
from monitor.engine.probe_environment import probe_environment
from monitor.engine.recorder import Recorder
from monitor.engine.scheduler import Job, Scheduler
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probes.registry import CHECK_TYPES
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from monitor.vantage.watch import VantageWatch
from monitor.web.server import build, listen
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from tests.support.processes import fetch

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

CHECKS_PER_PRODUCT = 10  # per product
# The hold is one interval, so a check that is probed every third time has unknown time.
CHECK_YAML = "{{id: health, http: 'http://127.0.0.1:{port}/', interval: 1s, timeout: 500ms, hold: 1s}}"


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
    """Return a portfolio with this many checks of the target, ten per product."""
    path = folder / "one.yaml"
    path.write_text(
        "listen: 127.0.0.1:0\nsystem_references: false\n"
        f"products:\n- {{id: demo, objective: 99%, checks: [{CHECK_YAML.format(port=port)}]}}"
    )
    loaded = load(path, CHECK_TYPES)
    (product,) = loaded.products
    (check,) = product.checks
    checks_of_product = tuple(
        check.model_copy(update={"id": f"check-{number}"}) for number in range(CHECKS_PER_PRODUCT)
    )
    products = tuple(
        product.model_copy(update={"id": f"product-{number}", "checks": checks_of_product})
        for number in range(-(-checks // CHECKS_PER_PRODUCT))
    )
    return loaded.model_copy(update={"products": products})


@dataclass
class Load:
    """A daemon's engine under load, with its counters."""

    ledger: Ledger
    health: Health
    clock: SystemClock
    address: str
    begun: int
    jobs: list[Job]

    @property
    def demanded(self) -> float:
        """Return the number of probes that were due so far."""
        return len(self.ledger.entries) * (self.clock.now() - self.begun) / SECOND

    def counted(self, outcome: Outcome) -> int:
        """Return the number of probes with this outcome."""
        return sum(entry.totals[outcome] for entry in self.ledger.entries.values())

    @property
    def made(self) -> int:
        """Return the number of completed probes."""
        return sum(self.counted(outcome) for outcome in Outcome)

    @property
    def late(self) -> int:
        """Return the number of due probes that were not started and not counted as missed."""
        now = self.clock.now()
        return sum((now - job.due) // job.interval + 1 for job in self.jobs if job.due <= now)

    async def wait_for_rounds(self, count: int) -> None:
        """Wait until every check was due this many times."""
        while self.clock.now() < self.begun + count * SECOND:
            await self.clock.sleep_until(self.clock.monotonic() + 0.1)


@contextlib.asynccontextmanager
async def run_load(folder: Path, portfolio_to_run: Portfolio) -> AsyncIterator[Load]:
    """Probe, record and publish a portfolio while the block lasts."""
    clock, health, ledger = SystemClock(), Health(), Ledger(portfolio_to_run)
    store = SqliteStore(folder / f"{len(ledger.entries)}.db", clock.now())
    async with (
        Recorder(ledger, Writer(store, health, clock), health) as recorder,
        probe_environment(clock, health) as (runner, loop_monitor),
    ):
        listener = await listen(build(ledger, health, clock), "127.0.0.1", 0)
        scheduler = Scheduler(clock, loop_monitor, health, max_in_flight=500)
        jobs = Jobs(
            ledger,
            runner,
            recorder,
            Heartbeats(ledger, recorder.record, clock),
            VantageWatch(clock, health, runner.attempt),
        )
        jobs.prepare(portfolio_to_run)
        all_jobs = list(jobs.all())
        scheduler.load(all_jobs)
        probing = asyncio.create_task(scheduler.run())
        try:
            yield Load(ledger, health, clock, f"http://{listener.addresses[0]}", clock.now(), all_jobs)
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
            await listener.close()
    store.close()


async def capacity(folder: Path, port: int) -> int:
    """Return the number of probes per second that this machine makes at most."""
    checks = 1_000
    while True:
        async with run_load(folder, portfolio(folder, port, checks)) as current_load:
            await current_load.wait_for_rounds(3)
            if current_load.made < 0.75 * current_load.demanded:
                return current_load.made // 3
        checks *= 2


async def increase_load(folder: Path, port: int) -> AsyncIterator[Load]:
    """Increase the number of checks and yield each load while it runs, until one was too much.

    The capacity is measured first, but may be higher a moment later, when another process has ended.
    """
    checks = 3 * await capacity(folder, port)
    while True:
        async with run_load(folder, portfolio(folder, port, checks)) as current_load:
            yield current_load
            if current_load.made < 0.6 * current_load.demanded:
                return
        checks *= 2


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.fault(20)
async def test_overload_gives_missed_late_and_unknown_but_no_bad_probes(port: int, tmp_path: Path) -> None:
    async for current_load in increase_load(tmp_path, port):
        responses = [await asyncio.to_thread(fetch, f"{current_load.address}/livez")]
        for number in range(2, 9, 2):
            await current_load.wait_for_rounds(number)
            responses.append(await asyncio.to_thread(fetch, f"{current_load.address}/livez"))
        health, now = current_load.health, current_load.clock.now()
        started = current_load.made + health.in_flight
        missed, late, demanded = health.missed_ticks, current_load.late, current_load.demanded
        reasons = {entry.last.result.reason for entry in current_load.ledger.entries.values() if entry.last is not None}
        window = Interval(current_load.begun, now)
        figures = [
            current_load.ledger.measured(product, window, now).durations for product in current_load.ledger.products
        ]
    assert current_load.counted(Outcome.BAD) == 0, reasons
    assert current_load.counted(Outcome.GOOD) > 0
    assert missed > 0
    tolerance = len(current_load.jobs)  # each check has its own phase, so it may be due once more or less
    assert started + missed + late == pytest.approx(demanded, abs=tolerance), (
        "a probe that was not made is counted as missed or late"
    )
    assert health.lateness_max > 0
    assert all(durations.down == durations.doubt_down == 0 for durations in figures)
    assert all(durations.unknown > 0 for durations in figures)
    assert [status for status, _ in responses] == [200] * len(responses)
