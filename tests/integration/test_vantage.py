"""The monitor's own connection is cut in network namespaces: no downtime, one alert; real outages are still found."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
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
from tests.support.nameserver import dns_records, nameserver_on
from tests.support.namespaces import (
    OUTSIDE4,
    OUTSIDE6,
    ROUTER4,
    Internet,
    inside,
    internet,
    ip,
    is_ip6,
    unavailable_reason,
)

if TYPE_CHECKING:
    import dns.message

    from monitor.engine.scheduler import Job

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(UNAVAILABLE_REASON := unavailable_reason()), reason=UNAVAILABLE_REASON or "namespaces work"
    ),
]

PORT = 7443
MAX_ROUNDS = 30
Cut = Callable[[Internet], None]


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
        """Probe until the product has so many good outcomes; the kernel may need a moment to find its neighbours."""
        for _ in range(MAX_ROUNDS):
            if self.outcomes(product)[Outcome.GOOD] == good:
                return
            await self.rounds(1)
            await asyncio.sleep(0.1)  # real time, in which the kernel asks for a neighbour again
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


def link_down(net: Internet) -> None:
    ip("-n", net.monitor, "link", "set", "up0", "down")


def peer_down(net: Internet) -> None:
    ip("-n", net.router, "link", "set", "down0", "down")


def wan_lost(net: Internet) -> None:
    net.drops = lambda _packet: True


def wan_unreachable(net: Internet) -> None:
    """The own router reports each packet as undeliverable (EHOSTUNREACH)."""
    ip("-n", net.router, "route", "replace", "unreachable", "default")


def restore(net: Internet) -> None:
    net.drops = lambda _packet: False
    ip("-n", net.router, "route", "flush", "type", "unreachable")
    net.connect()


@pytest.fixture(scope="module")
def net() -> Iterator[Internet]:
    with internet() as network:
        yield network


INTERVALS = pytest.mark.parametrize("interval", [0.2, 30.0])


@INTERVALS
@pytest.mark.parametrize("cut", [link_down, peer_down, wan_lost, wan_unreachable], ids=lambda cut: cut.__name__)
def test_cut_connection_is_no_downtime_and_one_alert(net: Internet, tmp_path: Path, cut: Cut, interval: float) -> None:
    """One product fails in the meantime, and is found to be down when the connection is back."""

    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, data, interval) as current:
                await current.rounds(3)
                assert current.outcomes("steady")[Outcome.GOOD] == 3
                cut(net)
                await current.rounds(2)
                servers[3].close()
                await current.skip(31)
                await current.rounds(1)
                assert current.outcomes("failing") == {Outcome.GOOD: 3, Outcome.BAD: 0, Outcome.UNKNOWN: 3}
                assert current.blind_alerts() == ["opened"]
                restore(net)
                await current.observes_again("steady", good=6)
                await current.skip(31)
                await current.rounds(1)
                assert (current.outcomes("steady")[Outcome.GOOD], current.outcomes("steady")[Outcome.BAD]) == (7, 0)
                assert (current.downtime("steady"), current.blind_alerts()) == (0, ["opened", "resolved"])
                (incident,) = current.harness.ledger.incidents
                assert (incident.product, incident.reason) == ("failing", "connect_refused")

    try:
        in_monitor(net, run)
    finally:
        restore(net)


@INTERVALS
def test_black_hole_of_ip6_hides_only_targets_over_ip6(net: Internet, tmp_path: Path, interval: float) -> None:
    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: f"[{OUTSIDE6[number]}]")
        four = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        data["references"] = [
            reference | {"id": f"{reference['id']}-{number}"}  # type: ignore[index, operator]
            for number, document in enumerate((data, four))
            for reference in document["references"]  # type: ignore[attr-defined]
        ]
        data["products"] = [data["products"][0], four["products"][1]]  # type: ignore[index]
        with listen(net, (*OUTSIDE4, *OUTSIDE6)) as servers:
            async with scene(tmp_path, data, interval) as current:
                await current.rounds(2)
                net.drops = is_ip6
                servers[3].close()
                await current.rounds(2)
                await current.skip(31)
                assert current.outcomes("steady") == {Outcome.GOOD: 2, Outcome.BAD: 0, Outcome.UNKNOWN: 2}
                assert current.outcomes("failing") == {Outcome.GOOD: 2, Outcome.BAD: 2, Outcome.UNKNOWN: 0}
                assert current.blind_alerts() == ["opened"]
                (alert,) = [row for row in current.harness.rows() if row.key.startswith("blind:")]
                assert alert.severity == "ticket"

    try:
        in_monitor(net, run)
    finally:
        restore(net)


NAMES = {f"host{number}.example.org": address for number, address in enumerate(OUTSIDE4)}


def by_name(interval: float) -> dict[str, object]:
    """Return a portfolio with references by address, and products by name."""
    named_products = portfolio(f"{interval:g}s", lambda number: f"host{number}.example.org")["products"]
    return portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number]) | {"products": named_products}


def live_resolver(net: Internet) -> contextlib.AbstractAsyncContextManager[asyncio.DatagramTransport]:
    """Answer for these names on the router, as a resolver does that has them in its cache."""

    def bind() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind((ROUTER4, 53))
        return sock

    def answer(query: dns.message.QueryMessage) -> Iterable[bytes]:
        name = query.question[0].name.to_text(omit_final_dot=True)
        return dns_records(f"A {NAMES[name]}")(query) if name in NAMES else dns_records()(query)

    return nameserver_on(inside(net.router, bind), answer)


@INTERVALS
def test_lost_wan_with_a_live_resolver_is_no_downtime_and_one_alert(
    net: Internet, tmp_path: Path, interval: float
) -> None:
    """Names are still resolved, from the cache of a resolver this side of the cut."""

    async def run() -> None:
        with listen(net, OUTSIDE4) as servers:
            async with live_resolver(net), scene(tmp_path, by_name(interval), interval) as current:
                await current.observes_again("steady", good=3)
                wan_lost(net)
                servers[3].close()
                await current.rounds(2)
                await current.skip(31)
                await current.rounds(1)
                assert current.outcomes("steady")[Outcome.UNKNOWN] >= 3
                assert current.outcomes("failing")[Outcome.BAD] == 0
                assert (current.harness.ledger.incidents, current.blind_alerts()) == ([], ["opened"])
                restore(net)
                await current.observes_again("steady", good=6)
                await current.skip(31)
                assert (current.downtime("steady"), current.blind_alerts()) == (0, ["opened", "resolved"])
                (incident,) = current.harness.ledger.incidents
                assert (incident.product, incident.reason) == ("failing", "connect_refused")

    try:
        in_monitor(net, run)
    finally:
        restore(net)


@INTERVALS
def test_dead_resolver_is_no_downtime_and_one_alert(net: Internet, tmp_path: Path, interval: float) -> None:
    """No product can be observed, although the references answer. An outage in the meantime is found afterwards."""

    async def run() -> None:
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, by_name(interval), interval) as current:
                async with live_resolver(net):
                    await current.observes_again("steady", good=3)
                servers[3].close()
                await current.rounds(2)
                await current.skip(121)
                await current.rounds(1)
                assert current.outcomes("steady")[Outcome.UNKNOWN] >= 3
                assert current.outcomes("failing")[Outcome.BAD] == 0
                assert (current.harness.ledger.incidents, current.blind_alerts()) == ([], ["opened"])
                async with live_resolver(net):
                    await current.observes_again("steady", good=6)
                    await current.skip(31)
                assert (current.downtime("steady"), current.blind_alerts()) == (0, ["opened", "resolved"])
                (incident,) = current.harness.ledger.incidents
                assert (incident.product, incident.reason) == ("failing", "connect_refused")

    in_monitor(net, run)


@INTERVALS
def test_dead_resolver_does_not_hide_targets_by_address(net: Internet, tmp_path: Path, interval: float) -> None:
    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        data["products"] = [by_name(interval)["products"][0], data["products"][1]]  # type: ignore[index]
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, data, interval) as current:
                servers[3].close()
                await current.rounds(3)
                assert current.outcomes("steady")[Outcome.UNKNOWN] == 3
                assert current.outcomes("failing")[Outcome.BAD] == 3
                assert current.downtime("steady") == 0

    in_monitor(net, run)


@INTERVALS
def test_a_lossy_connection_is_no_downtime(net: Internet, tmp_path: Path, interval: float) -> None:
    """30 % of all packets are lost, by a fixed sequence of random numbers. TCP repeats them within the longer timeout;
    with the shorter one, probes that time out are unknown. A product that refuses connections is still down.
    """
    lost, lock = random.Random(15), threading.Lock()  # noqa: S311 - no secret

    def drops(_packet: bytes) -> bool:
        with lock:
            return lost.random() < 0.3

    async def run() -> None:
        data = portfolio(f"{interval:g}s", lambda number: OUTSIDE4[number])
        for product in data["products"]:  # type: ignore[attr-defined]
            product["checks"][0]["timeout"] = "20s" if interval > 1 else "200ms"
        with listen(net, OUTSIDE4) as servers:
            async with scene(tmp_path, data, interval) as current:
                net.drops = drops
                await current.rounds(5 if interval > 1 else 10)
                assert current.harness.ledger.incidents == []
                assert (current.downtime("steady"), current.downtime("failing")) == (0, 0)
                assert current.blind_alerts() in ([], ["opened"], ["opened", "resolved"])
                servers[3].close()
                for _ in range(MAX_ROUNDS):
                    if current.harness.ledger.incidents:
                        break
                    await current.rounds(1)
                assert {incident.product for incident in current.harness.ledger.incidents} == {"failing"}
                assert current.downtime("steady") == 0

    try:
        in_monitor(net, run)
    finally:
        restore(net)
