"""Every page in Chromium: keyboard, reflow at 320 px, text of 200 %, text spacing, paper, reduced motion, valid HTML.

Each kind of reader has one browser and one server, because starting them takes longer than the checks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_accessibility import KINDS, OPENED, addresses
from tests.support.html_validity import html_errors

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.slow, pytest.mark.needs_chromium, pytest.mark.timeout(900)]  # for a busy machine

EXAMINATION = Path(__file__).parents[1] / "support" / "page_examination.js"
DESKTOP, PHONE, PAPER = (1280, 800), (320, 640), (680, 1000)  # paper: A4 with margins of 1.5 cm, in CSS pixels
MOST_STOPS = 250
OVERFLOW = "[...horizontalOverflow(), ...clippedContent()]"


async def resize(page: Page, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})


async def keyboard_defects(page: Page) -> list[str]:
    """Press Tab from the start of the page to its end."""
    stops: list[dict[str, Any]] = []
    while len(stops) < MOST_STOPS:
        await page.keyboard.press("Tab")
        stop = await page.evaluate("tabStop()")
        if stop is None or (len(stops) > 1 and stop["index"] == stops[0]["index"]):
            break
        stops.append(stop)
    else:
        return [f"the focus does not leave the page after {MOST_STOPS} stops"]
    indexes = [stop["index"] for stop in stops]
    defects = [defect for stop in stops for defect in stop["defects"]]
    if indexes != sorted(indexes):
        defects.append(f"the order of the stops is not that of the document: {indexes}")
    if stops[0]["name"] != "skip":
        return [*dict.fromkeys(defects), "the first stop is not the link to the content"]
    return [*dict.fromkeys(defects), *await skip_link_defects(page)]


async def skip_link_defects(page: Page) -> list[str]:
    await page.focus(".skip")
    await page.keyboard.press("Enter")
    focus = await page.evaluate("document.activeElement.id")
    return [] if focus == "main" else [f"the link to the content moves the focus to {focus!r}"]


async def size_defects(page: Page) -> dict[str, list[str]]:
    """Examine the page on a narrow screen, with text of twice the size, and with wide spacing."""
    await resize(page, PHONE)
    reflow = await page.evaluate("horizontalOverflow()")
    await resize(page, DESKTOP)
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    large = await page.evaluate(OVERFLOW)
    await page.evaluate("document.documentElement.style.fontSize = ''; setTextSpacing()")
    spacing = await page.evaluate(OVERFLOW)
    await page.evaluate("document.adoptedStyleSheets = []")
    return {"320 px": reflow, "200 %": large, "spacing": spacing}


async def media_defects(page: Page) -> dict[str, list[str]]:
    """Examine the page on paper, and for readers who want less motion."""
    await resize(page, PAPER)
    await page.emulate_media(media="print")
    paper = await page.evaluate("[...horizontalOverflow(), ...clippedContent(), ...printDefects()]")
    await page.emulate_media(media="screen", reduced_motion="reduce")
    return {"paper": paper, "motion": await page.evaluate("gradualMotion()")}


async def page_defects(context: BrowserContext, url: str) -> list[str]:
    page = await context.new_page()
    response = await page.goto(url)
    assert response is not None
    html = html_errors(await response.text())
    await page.evaluate(OPENED)
    defects = {"HTML": html, "keyboard": await keyboard_defects(page)}
    defects |= await size_defects(page) | await media_defects(page)
    await page.close()
    return [f"{url}: {name}: {defect}" for name, texts in defects.items() for defect in texts]


async def examined(browser: Browser, **options: Any) -> BrowserContext:
    context = await browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, **options)
    await context.add_init_script(path=EXAMINATION)
    return context


@pytest.mark.parametrize("kind", KINDS)
async def test_every_page_meets_wcag_beyond_the_rules_of_axe(browser: Browser, tmp_path: Path, kind: str) -> None:
    async with addresses(kind, tmp_path) as (urls, headers):
        context = await examined(browser, extra_http_headers=headers)
        defects = [defect for url in urls for defect in await page_defects(context, url)]
    assert defects == []


BAD_PAGE = """<!doctype html><html lang="en"><head><title>Bad</title><style>
@keyframes move { to { margin-left: 9px } } h1 { animation: move 9s linear } button { transition: color 1s }
a:focus { outline: none } #cut { height: 1rem; overflow: hidden } .wide { width: 1400px }
#covered { position: absolute; top: 0; left: 0 }
#cover { position: absolute; inset: 0 auto auto 0; width: 9rem; height: 9rem }
</style></head><body><nav>Pages</nav><h1>Bad</h1><main id="main"><a href="/">no outline</a>
<button tabindex="1">first</button><button id="covered">covered</button><div id="cover"></div>
<div style="overflow: auto; width: 300px"><p class="wide">scrolls without a name</p></div>
<p id="cut">one line<br>another</p><p class="wide">wide</p></main></body></html>"""
DEFECTS = {
    "keyboard": (
        "no focus indicator",
        "covered by another element",
        "the order of the stops is not that of the document",
        "the first stop is not the link",
    ),
    "320 px": ("ends at", "scrolls without name or focus"),
    "200 %": ("ends at", "content is cut"),
    "spacing": ("ends at", "content is cut"),
    "paper": ("printed: <nav>", "cut on paper", "ends at"),
    "motion": ("animation move", "moves: <button"),
}


async def test_the_examination_reports_the_defects_of_a_bad_page(browser: Browser) -> None:
    page = await (await examined(browser)).new_page()
    await page.goto("about:blank")
    await page.set_content(BAD_PAGE)
    defects = {"keyboard": await keyboard_defects(page), **await size_defects(page), **await media_defects(page)}
    for name, expected in DEFECTS.items():
        for text in expected:
            assert any(text in defect for defect in defects[name]), (name, text, defects[name])
