"""A public status page and its copy in a real browser: contrast, narrow screens, no scripts, and old data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.views.calendar_feed import public_feed
from monitor.views.status_page import status_page_view
from monitor.views.time_slice import TimeSlices
from monitor.web.assets import Assets
from monitor.web.server import build, listen
from monitor.web.status_copy import copied_files
from sla.interval import HOUR, MINUTE
from tests.e2e.test_pages_in_chromium import CONTRAST, OUTSIDE, open_page
from tests.support.status_pages import PAGE, public_ledger, status_page, with_incidents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from monitor.ledger.ledger import Ledger

pytestmark = [pytest.mark.slow, pytest.mark.needs_chromium]

GREY = "getComputedStyle(document.getElementById('main')).filter"


@pytest.fixture
def ledger() -> Ledger:
    now = SystemClock().now() // MINUTE * MINUTE
    ledger = public_ledger(now, page=status_page(languages=["en", "fr"]))
    with_incidents(ledger, now)
    return ledger


@pytest.fixture
async def address(ledger: Ledger) -> AsyncIterator[str]:
    clock = SystemClock()
    listener = await listen(build(ledger, Health(last_tick=clock.monotonic()), clock), "127.0.0.1", 0)
    yield f"http://{listener.addresses[0]}/status/{PAGE}"
    await listener.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_is_readable_on_narrow_screens_in_both_colour_schemes(
    browser: Browser, address: str, scheme: Any
) -> None:
    for path in ("", "/history", "?lang=fr"):
        page, console = await open_page(
            browser, address + path, color_scheme=scheme, viewport={"width": 320, "height": 740}
        )
        await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert await page.evaluate(CONTRAST) == []
        assert await page.evaluate(OUTSIDE) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        assert console == []
        await page.context.close()


async def test_page_without_scripts_turns_grey_if_it_is_not_reloaded(browser: Browser, address: str) -> None:
    page, _ = await open_page(browser, address, java_script_enabled=False)
    heading = page.get_by_role("heading", level=1)
    assert await heading.inner_text() == "Outage of 1 of 3 services: Online forms"
    assert await page.get_by_text("This page is out of date.").is_hidden()
    await page.evaluate("document.getAnimations().forEach((each) => each.finish())")
    assert await page.get_by_text("This page is out of date.").is_visible()
    assert await page.evaluate(GREY) == "grayscale(1)"


async def copy_of(ledger: Ledger, folder: Path, age: int) -> None:
    """Write a copy of the page that was made before `age`, valid for 15 minutes."""
    clock = SystemClock()
    page = ledger.portfolio.status_pages[0]
    view = await status_page_view(ledger, page, clock.now() - age, TimeSlices(clock), 15 * MINUTE)
    calendar = partial(public_feed, ledger.facts, ledger.portfolio, page, clock.now() - age)
    for name, content in copied_files(view, Assets.load(), calendar):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


async def test_copy_turns_grey_after_its_validity(browser: Browser, ledger: Ledger, tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_static("/", tmp_path)
    listener = await listen(app, "127.0.0.1", 0)
    try:
        for age, filtered in ((0, "none"), (HOUR, "grayscale(1)")):
            await copy_of(ledger, tmp_path, age)
            page, console = await open_page(browser, f"http://{listener.addresses[0]}/index.html")
            assert await page.evaluate(GREY) == filtered
            outdated = page.get_by_text("This page is out of date.")
            assert await outdated.is_visible() == (age > 0)
            assert console == []
            await page.get_by_role("link", name="All incidents by month").click()
            await page.get_by_role("link", name="Slow sign-in").click()
            assert "It works again." in await page.inner_text("main")
    finally:
        await listener.close()


async def test_reader_chooses_the_language_and_keeps_it(browser: Browser, address: str) -> None:
    context = await browser.new_context(locale="fr-CA")
    page = await context.new_page()
    await page.goto(address)
    assert await page.evaluate("document.documentElement.lang") == "fr"
    await page.get_by_role("navigation", name="Langues").get_by_role("link", name="English").click()
    await page.get_by_role("link", name="All incidents by month").click()
    assert await page.get_by_role("heading", level=1).inner_text() == "Incidents by month"
    await page.get_by_role("link", name="Français").click()
    assert await page.get_by_role("heading", level=1).inner_text() == "Incidents par mois"
    await context.close()
