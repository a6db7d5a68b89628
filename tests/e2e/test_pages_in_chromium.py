"""The pages in a real browser: with and without scripts, light and dark, on a phone, and when the daemon stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.e2e.conftest import ShownServer

pytestmark = [pytest.mark.slow, pytest.mark.needs_chromium]

PAGES = ["/", "/products/notify", "/products/chefs", "/runbook", "/calendar", "/plan?plan=five-nines-bundle"]

# Contrast of every visible text with its background, by WCAG 2; returns texts below 4.5 (3 for large text).
CONTRAST = """() => {
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const [r, g, b, a = 1] = rgba(getComputedStyle(e).backgroundColor);
      if (a > 0) return [r, g, b];
    }
    return rgba(getComputedStyle(document.documentElement).backgroundColor);
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility({visibilityProperty: true}) || e.closest("svg")) continue;
    const style = getComputedStyle(e);
    const [one, other] = [light(rgba(style.color)), light(ground(e))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${walker.currentNode.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


# Elements beyond the right edge, except in scrollable regions and table heads that cards hide.
OUTSIDE = """() => [...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, thead"))
  .map((e) => e.outerHTML.slice(0, 80))"""


async def open_page(browser: Browser, url: str, **options: Any) -> tuple[Page, list[str]]:
    """Return the page and a list that collects the messages of its console."""
    page = await (await browser.new_context(**options)).new_page()
    console_messages: list[str] = []
    page.on("console", lambda message: console_messages.append(message.text))
    page.on("pageerror", lambda error: console_messages.append(str(error)))
    await page.goto(url)
    return page, console_messages


def incident_page(shown: ShownServer) -> str:
    return f"/incidents/{shown.ledger.open_incidents('notify')[0].id}"


@pytest.mark.parametrize("path", [*PAGES, "incident"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_has_enough_contrast_in_both_color_schemes(
    browser: Browser, shown: ShownServer, path: str, scheme: Any
) -> None:
    path = incident_page(shown) if path == "incident" else path
    page, console_messages = await open_page(browser, shown.base + path, color_scheme=scheme)
    assert await page.evaluate(CONTRAST) == []
    assert console_messages == []


@pytest.mark.parametrize("path", [*PAGES, "incident"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_no_page_is_wider_than_its_screen(browser: Browser, shown: ShownServer, path: str, width: int) -> None:
    path = incident_page(shown) if path == "incident" else path
    page, _ = await open_page(browser, shown.base + path, viewport={"width": width, "height": 740})
    await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate(OUTSIDE) == []


async def test_target_text_runs_no_script(browser: Browser, shown: ShownServer) -> None:
    page, console_messages = await open_page(browser, shown.base + "/products/notify")
    assert '<script>alert("x")</script>' in await page.inner_text("main")
    assert console_messages == []


async def test_content_security_policy_blocks_injected_scripts(browser: Browser, shown: ShownServer) -> None:
    """Text is escaped in the first place; this test disables the escaping."""
    page, console_messages = await open_page(browser, shown.base + "/")
    await page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.broken = true";
          document.body.append(script);
          document.body.setAttribute("style", "background: red");
        }"""
    )
    assert await page.evaluate("window.broken") is None
    assert len([line for line in console_messages if "Content Security Policy" in line]) == 2


async def test_page_is_complete_and_refreshes_without_scripts(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown.base + "/", java_script_enabled=False)
    assert await page.locator("tbody tr").count() >= 6
    assert await page.locator('meta[http-equiv="refresh"][content="30"]').count() == 1


async def test_page_without_refresh_turns_grey_without_scripts(browser: Browser, shown: ShownServer) -> None:
    """The animations are advanced to their end; a fresh page has its colours."""
    page, _ = await open_page(browser, shown.base + "/", java_script_enabled=False)
    main, notice = page.locator("main"), page.locator("#outdated")
    assert await _filter(main) == "none"
    assert not await notice.is_visible()
    await page.evaluate("document.getAnimations().forEach((each) => each.finish())")
    assert await _filter(main) == "grayscale(1)"
    assert await notice.is_visible()
    assert "out of date" in await notice.inner_text()


async def test_page_turns_grey_after_the_refresh_was_due(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown.base + "/", java_script_enabled=False)
    delays = await page.evaluate("document.getAnimations().map((each) => each.effect.getTiming().delay)")
    assert set(delays) == {75_000}  # the page refreshes itself after 30 s


async def test_script_refreshes_the_page_in_place_and_keeps_opened_parts(browser: Browser, shown: ShownServer) -> None:
    page = await (await browser.new_context()).new_page()
    await page.clock.install()
    await page.goto(shown.base + "/products/chefs")
    await page.click("#days-table summary")
    await page.evaluate("document.getElementById('main').dataset.old = 'yes'; etag = ''")
    await page.clock.run_for(61_000)
    await page.wait_for_selector("#main:not([data-old])")
    assert await page.locator("#days-table[open]").count() == 1
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"


async def test_refresh_keeps_what_is_entered_into_the_form(browser: Browser, shown: ShownServer) -> None:
    page = await (await browser.new_context()).new_page()
    await page.clock.install()
    await page.goto(shown.base + "/")
    await page.fill("input[name=q]", "forms")
    await page.evaluate("document.getElementById('main').dataset.old = 'yes'; etag = ''")
    await page.clock.run_for(61_000)
    await page.wait_for_selector("#main:not([data-old])")
    assert await page.input_value("input[name=q]") == "forms"
    assert await page.evaluate("document.activeElement.name") == "q"
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/?q=forms*")
    assert await page.locator(".portfolio tbody th[scope=row]").count() == 1


async def test_script_reports_immediately_that_the_daemon_does_not_answer(browser: Browser, shown: ShownServer) -> None:
    page = await (await browser.new_context()).new_page()
    await page.clock.install()
    await page.goto(shown.base + "/")
    await page.wait_for_function("() => events.readyState === EventSource.OPEN")
    await shown.listener.close()
    await page.wait_for_function("() => events?.readyState !== EventSource.OPEN")
    await page.clock.run_for(16_000)
    await page.wait_for_selector("#main.lost")
    assert await _filter(page.locator("main")) == "grayscale(1)"
    assert await page.locator("[role=alert]").is_visible()


async def test_first_tab_stop_is_the_skip_link_with_visible_focus(browser: Browser, shown: ShownServer) -> None:
    page, _ = await open_page(browser, shown.base + "/")
    await page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert await page.evaluate("document.activeElement.className") == "skip"
    box = await skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.keyboard.press("Tab")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def _filter(main: Any) -> str:
    return str(await main.evaluate("(each) => getComputedStyle(each).filter"))
