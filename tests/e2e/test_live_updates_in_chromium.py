"""Live updates in a real browser: changes without a reload, what they keep, and restarts of the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.web.server import build, listen
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, probe_all

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.e2e.conftest import ShownServer

pytestmark = [pytest.mark.slow, pytest.mark.needs_chromium]

CONNECTED = "() => events?.readyState === EventSource.OPEN"  # a function: the policy blocks the evaluation of texts
DISCONNECTED = "() => events?.readyState !== EventSource.OPEN"
CLOCK = SystemClock()


def probe(shown: ShownServer, product: str, result: Any) -> None:
    """Record an observation of all checks of the product."""
    now = CLOCK.now()
    probe_all(shown.ledger, shown.ledger.entries_of(product), now, now, result)


async def open_page(browser: Browser, shown: ShownServer, path: str) -> tuple[Page, list[str]]:
    """Open a page, wait for its event stream, and mark the document: a reload would remove the mark."""
    page = await (await browser.new_context(reduced_motion="reduce")).new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    await page.goto(shown.base + path)
    await page.wait_for_function(CONNECTED)
    await page.evaluate("document.documentElement.dataset.mark = 'same document'")
    return page, messages


async def is_same_document(page: Page) -> bool:
    return str(await page.evaluate("document.documentElement.dataset.mark")) == "same document"


async def test_change_of_a_state_appears_without_a_reload_and_is_announced(
    browser: Browser, shown: ShownServer
) -> None:
    page, messages = await open_page(browser, shown, "/")
    row = page.locator("tr[data-key=css] .state")
    assert await row.inner_text() == "Up"
    announcement = page.locator("#announcement[role=status]")
    assert await announcement.inner_text() == ""
    probe(shown, "css", BAD_RESULT)
    await page.wait_for_selector("tr[data-key=css] .state.down")
    await page.wait_for_function("() => document.getElementById('announcement').textContent")
    assert (await page.inner_text("h1")) in await announcement.inner_text()
    assert await is_same_document(page)
    assert messages == []


async def test_change_keeps_focus_text_scroll_position_and_opened_parts(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown, "/")
    await page.fill("input[name=q]", "for")
    await page.select_option("select[name=sort]", index=1)
    await page.evaluate("document.querySelector('input[name=q]').setSelectionRange(1, 2)")
    await page.evaluate("scrollTo(0, 120)")
    probe(shown, "css", BAD_RESULT)
    await page.wait_for_selector("tr[data-key=css] .state.down")
    assert await page.input_value("input[name=q]") == "for"
    assert await page.evaluate("document.querySelector('select[name=sort]').selectedIndex") == 1
    assert await page.evaluate("[document.activeElement.name, document.activeElement.selectionStart]") == ["q", 1]
    assert await page.evaluate("scrollY") == 120


async def test_change_keeps_the_focus_on_the_link_of_a_row_that_moves(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown, "/?group=none")
    await page.focus("tr[data-key=css] a")
    before = await page.evaluate("[...document.querySelectorAll('tr[data-key]')].map((row) => row.dataset.key)")
    probe(shown, "css", BAD_RESULT)
    await page.wait_for_selector("tr[data-key=css] .state.down")
    after = await page.evaluate("[...document.querySelectorAll('tr[data-key]')].map((row) => row.dataset.key)")
    assert before.index("css") > after.index("css")
    assert await page.evaluate("document.activeElement.closest('tr')?.dataset.key") == "css"


async def test_page_of_a_product_ignores_changes_of_others(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown, "/products/chefs")
    await page.click("#days-table summary")
    await page.wait_for_function("() => etag")  # the first message reports a new version to the first reader
    requests, version = list[str](), await page.evaluate("version")
    page.on("request", lambda request: requests.append(request.url))
    async with page.expect_request("**/products/chefs"):
        probe(shown, "css", BAD_RESULT)
        await page.wait_for_function("(earlier) => version !== earlier", arg=version)
        assert requests == []
        probe(shown, "chefs", BAD_RESULT)
    await page.wait_for_selector(".lead .state.down")
    assert await page.locator("#days-table[open]").count() == 1
    assert await is_same_document(page)


async def test_page_reconnects_to_a_restarted_daemon_and_shows_its_state(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown, "/")
    port = int(shown.base.rpartition(":")[2])
    await shown.listener.close()
    await page.wait_for_function(DISCONNECTED)
    probe(shown, "css", BAD_RESULT)
    listener = await listen(build(shown.ledger, Health(last_tick=CLOCK.monotonic()), CLOCK), "127.0.0.1", port)
    await page.wait_for_selector("tr[data-key=css] .state.down")
    await page.wait_for_function(CONNECTED)
    assert await page.locator("#main.lost").count() == 0
    assert await is_same_document(page)
    await listener.close()


async def test_page_without_event_streams_is_refreshed_periodically(browser: Browser, shown: ShownServer) -> None:
    page = await (await browser.new_context()).new_page()
    await page.clock.install()
    await page.add_init_script("delete window.EventSource")
    await page.goto(shown.base)
    probe(shown, "css", BAD_RESULT)
    await page.clock.run_for(16_000)
    await page.wait_for_selector("tr[data-key=css] .state.down")


async def test_hidden_page_has_no_stream(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown, "/")
    await page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { get: () => window.isHidden, configurable: true });
          window.isHidden = true;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    assert await page.evaluate("events") is None
    probe(shown, "css", BAD_RESULT)
    await page.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    await page.wait_for_selector("tr[data-key=css] .state.down")
    await page.wait_for_function(CONNECTED)
    probe(shown, "css", GOOD_RESULT)
    await page.wait_for_selector("tr[data-key=css] .state.up")
