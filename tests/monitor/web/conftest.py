"""Fixtures: a real HTTP server on a free port with a small ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest

from monitor.health import Health
from monitor.web.server import build, listen
from sla.interval import MINUTE
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, ledger_of, probe_all, product

if TYPE_CHECKING:
    from monitor.clock import SystemClock
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
