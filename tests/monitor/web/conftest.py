"""Fixtures: a real HTTP server on a free port with a small ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

import aiohttp
import dns.rcode
import pytest

from monitor.blackbox.service import Blackbox
from monitor.clock import SystemClock
from monitor.config.model import HostPort
from monitor.engine.probe_environment import probe_environment
from monitor.health import Health
from monitor.network.outbound_policy import OutboundPolicy
from monitor.network.resolver import Resolver
from monitor.web.blackbox import Probes
from monitor.web.server import build, listen
from sla.interval import MINUTE
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, ledger_of, probe_all, product
from tests.support.nameserver import dns_records, nameserver
from tests.support.probe_server import MODULES, ProbeServer, StartProbeServer

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.config.outbound import OutboundBlock
    from monitor.ledger.ledger import Ledger


@dataclass
class CompleteResponse:
    """A response that was read to its end."""

    status: int
    headers: aiohttp.typedefs.LooseHeaders
    text: str
    raw: aiohttp.ClientResponse

    async def json(self) -> object:
        return await self.raw.json()


@dataclass
class RunningServer:
    """A running server with the objects that a test can change."""

    base: str
    ledger: Ledger
    health: Health
    clock: ManualClock | SystemClock
    session: aiohttp.ClientSession

    async def get(self, path: str, method: str = "GET", **options: object) -> CompleteResponse:
        async with self.session.request(method, self.base + path, **options) as raw:
            return CompleteResponse(raw.status, raw.headers, await raw.text(), raw)


def small_ledger() -> Ledger:
    """Return a ledger of two products: one is up; the other has an open incident and an earlier resolved one."""
    ledger = ledger_of(product("chefs", 2, name="Forms <i>&", team="CoCo"), product("css", objective="99.5%"))
    probe_all(ledger, ledger.entries_of("chefs"), NOW - 60 * MINUTE, NOW)
    css = list(ledger.entries_of("css"))
    for first, last, result in ((60, 50, GOOD_RESULT), (49, 40, BAD_RESULT), (39, 6, GOOD_RESULT), (5, 0, BAD_RESULT)):
        probe_all(ledger, css, NOW - first * MINUTE, NOW - last * MINUTE, result)
    return ledger


@pytest.fixture
async def publish() -> AsyncIterator[Callable[..., Awaitable[RunningServer]]]:
    opened = []

    async def start(ledger: Ledger, clock: ManualClock | SystemClock | None = None, **options: object) -> RunningServer:
        clock, health = clock or ManualClock(NOW), Health(last_tick=0.0)
        listener = await listen(build(ledger, health, clock, **options), "127.0.0.1", 0)
        session = aiohttp.ClientSession()
        opened.append((listener, session))
        return RunningServer(f"http://{listener.addresses[0]}", ledger, health, clock, session)

    yield start
    for listener, session in opened:
        await session.close()
        await listener.close()


@pytest.fixture
async def server(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(small_ledger())


@pytest.fixture
async def start_probe_server(
    publish: Callable[..., Awaitable[RunningServer]], tmp_path: Path
) -> AsyncIterator[StartProbeServer]:
    path = tmp_path / "blackbox.yml"
    path.write_text(MODULES)
    async with (
        nameserver(dns_records(rcode=dns.rcode.NXDOMAIN)) as nameserver_address,
        probe_environment(SystemClock(), Health(), Resolver(["127.0.0.1"], nameserver_address)) as (
            runner,
            loop_monitor,
        ),
    ):
        loop_monitor.stalled = lambda: 0.0  # type: ignore[method-assign]

        async def start(
            *allow: str, outbound: OutboundBlock | None = None, listen_on_all_addresses: bool = False
        ) -> ProbeServer:
            blackbox_state, ledger = Blackbox(path, SystemClock()), small_ledger()
            if listen_on_all_addresses:
                ledger.portfolio = ledger.portfolio.model_copy(update={"listen": HostPort("0.0.0.0", 9999)})
            runner.outbound = OutboundPolicy(outbound)
            probes = Probes(blackbox_state, runner, tuple(map(ip_network, allow)))
            return ProbeServer(await publish(ledger, SystemClock(), probes=probes), blackbox_state)

        yield start
