"""Debian's Chromium, headless, and a server with a plausible history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, async_playwright

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.web.server import Listener, build, listen
from tests.support.serve import portfolio

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip browser tests if Chromium is not installed."""
    for item in items:
        if item.get_closest_marker("needs_chromium") and not CHROMIUM.exists():
            item.add_marker(pytest.mark.skip(reason="Debian's chromium is not installed"))


@dataclass
class ShownServer:
    """The server and the ledger behind the pages, for tests to change."""

    base: str
    ledger: Ledger
    listener: Listener


@pytest.fixture
async def shown() -> AsyncIterator[ShownServer]:
    clock = SystemClock()
    ledger = portfolio(clock.now())
    listener = await listen(build(ledger, Health(last_tick=clock.monotonic()), clock), "127.0.0.1", 0)
    yield ShownServer(f"http://{listener.addresses[0]}", ledger, listener)
    await listener.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        await started.close()
    await asyncio.sleep(0)
