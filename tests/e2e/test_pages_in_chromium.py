"""The pages in a real browser: with and without a script, light and dark, on a phone, and when the daemon dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.e2e.conftest import Shown

pytestmark = [pytest.mark.slow, pytest.mark.needs_chromium]

PAGES = ["/", "/products/notify", "/products/chefs", "/runbook"]

# Contrast of every visible text with the ground it stands on, by WCAG 2; returns those below 4.5 (3 for large text).
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


# What reaches beyond the right edge, but for regions that scroll by themselves and the heads that cards do without.
OUTSIDE = """() => [...document.querySelectorAll("main *")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, thead"))
  .map((e) => e.outerHTML.slice(0, 80))"""


async def open_page(browser: Browser, url: str, **options: Any) -> tuple[Page, list[str]]:
    """Return the page and a list in which everything that its console complains of will be."""
    page = await (await browser.new_context(**options)).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(url)
    return page, said


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read_in_both_schemes(browser: Browser, shown: Shown, path: str, scheme: Any) -> None:
    page, said = await open_page(browser, shown.base + path, color_scheme=scheme)
    assert await page.evaluate(CONTRAST) == []
    assert said == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_no_page_is_wider_than_its_screen(browser: Browser, shown: Shown, path: str, width: int) -> None:
    page, _ = await open_page(browser, shown.base + path, viewport={"width": width, "height": 740})
    await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate(OUTSIDE) == []


async def test_what_a_target_says_runs_nothing(browser: Browser, shown: Shown) -> None:
    page, said = await open_page(browser, shown.base + "/products/notify")
    assert '<script>alert("x")</script>' in await page.inner_text("main")
    assert said == []


async def test_the_policy_stops_what_would_be_injected(browser: Browser, shown: Shown) -> None:
    """The escape is the first lock, the policy the second; this tries the second alone."""
    page, said = await open_page(browser, shown.base + "/")
    await page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.broken = true";
          document.body.append(script);
          document.body.setAttribute("style", "background: red");
        }"""
    )
    assert await page.evaluate("window.broken") is None
    assert len([line for line in said if "Content Security Policy" in line]) == 2


async def test_all_is_there_without_a_script_and_the_page_asks_to_be_renewed(browser: Browser, shown: Shown) -> None:
    page, _ = await open_page(browser, shown.base + "/", java_script_enabled=False)
    assert await page.locator("tbody tr").count() >= 6
    assert await page.locator('meta[http-equiv="refresh"][content="30"]').count() == 1


async def test_a_page_that_nothing_renews_turns_grey_without_a_script(browser: Browser, shown: Shown) -> None:
    """The animations are run to their end instead of waited for; a fresh page has its colours."""
    page, _ = await open_page(browser, shown.base + "/", java_script_enabled=False)
    main, notice = page.locator("main"), page.locator("#outdated")
    assert await _filter(main) == "none"
    assert not await notice.is_visible()
    await page.evaluate("document.getAnimations().forEach((each) => each.finish())")
    assert await _filter(main) == "grayscale(1)"
    assert await notice.is_visible()
    assert "out of date" in await notice.inner_text()


async def test_the_grey_comes_after_the_renewal_was_due(browser: Browser, shown: Shown) -> None:
    page, _ = await open_page(browser, shown.base + "/", java_script_enabled=False)
    delays = await page.evaluate("document.getAnimations().map((each) => each.effect.getTiming().delay)")
    assert set(delays) == {75_000}  # and the page renews itself after 30 s


async def test_the_script_renews_the_page_in_place_and_keeps_what_was_opened(browser: Browser, shown: Shown) -> None:
    page = await (await browser.new_context()).new_page()
    await page.clock.install()
    await page.goto(shown.base + "/products/chefs")
    await page.click("#days-table summary")
    await page.evaluate("document.getElementById('main').dataset.old = 'yes'")
    await page.clock.run_for(16_000)
    await page.wait_for_selector("#main:not([data-old])")
    assert await page.locator("#days-table[open]").count() == 1
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"


async def test_the_script_says_at_once_that_the_daemon_does_not_answer(browser: Browser, shown: Shown) -> None:
    page = await (await browser.new_context()).new_page()
    await page.clock.install()
    await page.goto(shown.base + "/")
    await shown.listener.close()
    await page.clock.run_for(16_000)
    await page.wait_for_selector("#main.lost")
    assert await _filter(page.locator("main")) == "grayscale(1)"
    assert await page.locator("[role=alert]").is_visible()


async def test_the_keyboard_reaches_the_skip_link_first_and_shows_where_it_is(browser: Browser, shown: Shown) -> None:
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
