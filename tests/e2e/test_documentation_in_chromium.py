"""The built documentation under /docs in a real browser: its scripts run under the policy of all pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.web.server import build, listen
from tests.e2e.test_pages_in_chromium import open_page
from tests.support.ledgers import ledger_of, product

if TYPE_CHECKING:
    from playwright.async_api import Browser

SITE = Path(__file__).parents[2] / "var/site"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_chromium,
    pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no var/site: `make docs` builds it"),
]


async def test_search_works_under_the_strict_policy_without_other_hosts(browser: Browser) -> None:
    ledger = ledger_of(product("chefs"), documentation=str(SITE))
    listener = await listen(build(ledger, Health(), SystemClock()), "127.0.0.1", 0)
    base = f"http://{listener.addresses[0]}"
    try:
        page, console_messages = await open_page(browser, f"{base}/docs/", color_scheme="dark")
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await page.goto(f"{base}/docs/docs/alerting.html", wait_until="networkidle")
        await page.locator("input[data-md-component=search-query]").fill("quiet hours")
        result = page.locator(".md-search-result__item a").first
        await result.wait_for(state="attached")
        target = await result.get_attribute("href")
        await page.locator("body[data-md-color-scheme=slate]").wait_for()
        await page.goto(str(target))
        title = await page.title()
    finally:
        await listener.close()
    assert console_messages == []
    assert requests
    assert all(url.startswith((f"{base}/docs/", "data:")) for url in requests)
    assert target is not None
    assert target.startswith(f"{base}/docs/")
    assert title
