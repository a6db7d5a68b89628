"""The page of plans in a real browser: sliders, the address, and the form without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.e2e.conftest import ShownServer

pytestmark = [pytest.mark.slow, pytest.mark.needs_chromium]

ADDRESS = "/plan?plan=chefs-silver&part=app"


async def test_slider_updates_the_figures_and_the_address(browser: Browser, shown: ShownServer) -> None:
    page = await (await browser.new_context()).new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    await page.goto(shown.base + ADDRESS)
    slider = page.get_by_label("Time to repair, minutes: slider")
    await slider.focus()
    await page.keyboard.press("End")
    await page.get_by_text("more downtime per year").wait_for()
    largest = await slider.input_value()
    await page.wait_for_url(f"**mttr={largest}**")
    assert await page.input_value("input[name=mttr]") == largest
    assert await page.evaluate("document.activeElement.type") == "range"
    figures = await page.inner_text("#figures ~ .scroll")
    await page.reload()
    assert await page.inner_text("#figures ~ .scroll") == figures
    assert messages == []


async def test_form_without_scripts_is_sent_with_its_button(browser: Browser, shown: ShownServer) -> None:
    page = await (await browser.new_context(java_script_enabled=False)).new_page()
    await page.goto(shown.base + ADDRESS)
    await page.fill("input[name=replicas]", "1")
    await page.get_by_role("button", name="Compute").click()
    await page.wait_for_url("**replicas=1**")
    assert "more downtime per year" in await page.inner_text("#result")
