"""The parts of a daemon that probe from the namespace `monitor`, whose connection a test cuts and restores."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.engine.heartbeats import Heartbeats
from monitor.engine.jobs import Jobs
from monitor.engine.probe_environment import probe_environment
from monitor.ledger.ledger import Ledger
from monitor.network.resolver import Resolver
from monitor.probes.registry import CHECK_TYPES
from monitor.receivers.registry import RECEIVER_TYPES
from monitor.vantage.watch import VantageWatch
from sla.interval import SECOND, Interval
from sla.observation import Outcome
from tests.support.alerting import AlertingHarness, run_alerting
from tests.support.namespaces import ROUTER4, Internet, inside, ip, unavailable_reason

if TYPE_CHECKING:
    from monitor.engine.scheduler import Job

NEEDS_NAMESPACES = pytest.mark.skipif(
    bool(UNAVAILABLE_REASON := unavailable_reason()), reason=UNAVAILABLE_REASON or "namespaces work"
)
INTERVALS = pytest.mark.parametrize("interval", [0.2, 30.0])

PORT = 7443
MAX_ROUNDS = 30


class SkippingClock(SystemClock):
    """A clock that runs in real time, and that a test moves forward between two rounds of probes."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0

    def jump(self, seconds: float) -> None:
        self._skipped += seconds

    def now(self) -> int:
        return super().now() + round(self._skipped * SECOND)

    def monotonic(self) -> float:  # type: ignore[override]
        return time.monotonic() + self._skipped

    async def sleep_until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self.monotonic()))


class Scene:
    """The parts of a daemon that probe from the namespace `monitor`."""

    def __init__(self, harness: AlertingHarness, jobs: list[Job], clock: SkippingClock, interval: float) -> None:
        self.harness, self.jobs, self.clock, self.interval = harness, jobs, clock, interval
        self.start = clock.now()

    async def rounds(self, count: int) -> None:
        """Probe all references and checks so many times, one interval apart."""
        for _ in range(count):
            await asyncio.gather(*(job.start() for job in self.jobs))
            self.clock.jump(self.interval)
            await self.harness.update()

    async def observes_again(self, product: str, good: int) -> None:
        """Probe until the product has so many good outcomes."""
        for _ in range(MAX_ROUNDS):
            if self.outcomes(product)[Outcome.GOOD] == good:
                return
            await self.rounds(1)
        last = self.harness.ledger.entries[f"{product}/port"].last
        raise AssertionError(f"not observed again after {MAX_ROUNDS} rounds: {self.outcomes(product)}, {last}")

    async def skip(self, seconds: float) -> None:
        self.clock.jump(seconds)
        await self.harness.update()

    def outcomes(self, product: str) -> dict[Outcome, int]:
        return self.harness.ledger.entries[f"{product}/port"].totals

    def downtime(self, product: str) -> int:
        window = Interval(self.start, self.clock.now())
        return self.harness.ledger.measured(product, window, self.clock.now()).durations.down

    def blind_alerts(self) -> list[str]:
        return [row.event.value for row in self.harness.rows() if row.key.startswith("blind:")]


def portfolio(interval: str, host: Callable[[int], str]) -> dict[str, object]:
    def far(number: int) -> dict[str, object]:
        return {"id": f"outside-{number}", "tcp": f"{host(number)}:{PORT}", "interval": interval}

    def product(name: str, number: int) -> dict[str, object]:
        check = {"id": "port", "tcp": f"{host(number)}:{PORT}", "interval": interval, "fall": 2}
        return {"id": name, "objective": "99%", "checks": [check | ({"timeout": "1s"} if interval == "30s" else {})]}

    return {
        "references": [far(0), far(1)],
        "products": [product("steady", 2), product("failing", 3)],
        "receivers": [{"id": "ops", "webhook": "http://127.0.0.1:1/"}],
    }


@contextlib.contextmanager
def listen(net: Internet, hosts: tuple[str, ...]) -> Iterator[list[socket.socket]]:
    """Listen outside on these addresses. The kernel accepts the connections."""

    def create(host: str) -> socket.socket:
        return socket.create_server(
            (host, PORT), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1_000
        )

    servers = [inside(net.outside, partial(create, host)) for host in hosts]
    try:
        yield servers
    finally:
        for server in servers:
            server.close()


@contextlib.asynccontextmanager
async def scene(folder: Path, data: dict[str, object], interval: float) -> AsyncIterator[Scene]:
    path = folder / "ninewatch.yaml"
    path.write_text(yaml.safe_dump(data))
    configured = load(path, CHECK_TYPES, RECEIVER_TYPES)
    clock = SkippingClock()
    resolver = Resolver(nameservers=[ROUTER4])
    async with (
        run_alerting(Ledger(configured), clock=clock, deliver=False) as harness,  # type: ignore[arg-type]
        probe_environment(clock, harness.health, resolver) as (runner, loop),
    ):
        loop.stalled = lambda: 0.0  # type: ignore[method-assign]  # the clock's jumps are no stalls
        watch = VantageWatch(clock, harness.health, runner.attempt)
        heartbeats = Heartbeats(harness.ledger, harness.recorder.record, clock)
        jobs = Jobs(harness.ledger, runner, harness.recorder, heartbeats, watch)
        jobs.prepare(configured)
        running = asyncio.create_task(watch.run())
        try:
            yield Scene(harness, list(jobs.all()), clock, interval)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def in_monitor(net: Internet, coroutine: Callable[[], object]) -> None:
    """Run an event loop in the namespace `monitor`."""
    inside(net.monitor, lambda: asyncio.run(coroutine()))  # type: ignore[arg-type]


def wan_lost(net: Internet) -> None:
    net.drops = lambda _packet: True


def restore(net: Internet) -> None:
    net.drops = lambda _packet: False
    ip("-n", net.router, "route", "flush", "type", "unreachable")
    net.connect()
