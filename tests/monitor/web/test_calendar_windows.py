"""Pages and API of a product whose objective has a calendar window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.window import format_instant
from tests.support.ledgers import NOW, history, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.monitor.web.conftest import RunningServer

START = "2026-09-01T07:00:00Z"


async def test_page_and_api_have_the_figures_of_the_present_period(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(
        product("forms", window="month", value_per_hour={"amount": 60, "basis": "assumed"}, depends_on=["sso"]),
        product("sso"),
    )
    outages = [(at, at + 9 * MINUTE, "deadline") for at in (NOW - 25 * DAY, NOW - 2 * HOUR)]
    for key in ledger.entries:
        ledger.restore(history(key, NOW - 40 * DAY, NOW, outages if key.startswith("forms") else []), [], [])
    site = await publish(ledger)
    page = (await site.get("/products/forms")).text
    assert '<h2 id="now">This month</h2>' in page
    assert "over each month" in page
    assert "Outages in this month" in page
    assert "10m of 43m 12s spent" in page
    assert "this month" in (await site.get("/")).text
    body = await (await site.get("/api/v1/products/forms")).json()
    assert body["window"] == {"start": START, "end": format_instant(NOW)}
    assert body["budget"] == {"allowed_seconds": 2592.0, "spent_seconds": 600.0, "remaining_seconds": 1992.0}
    assert body["contractual"]["budget"] == body["budget"]
    figures = await (await site.get("/api/v1/products/forms/availability")).json()
    assert figures["window"]["start"] == START
    split = await (await site.get("/api/v1/products/forms/blame")).json()
    assert split["window"]["start"] == START
    past = (NOW - 25 * DAY) // SECOND * SECOND
    earlier = await (await site.get(f"/api/v1/products/forms/availability?at={format_instant(past + DAY)}")).json()
    assert earlier["window"]["start"] == "2026-08-01T07:00:00Z"
    assert earlier["budget"]["spent_seconds"] == 600.0
