"""Incidents of a window: the part of their downtime in it and the whole, in the API, on pages and in reports."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema

from monitor.reporting.html import as_html
from monitor.reporting.report import portfolio_report
from monitor.reporting.text_formats import as_csv, as_json
from monitor.views.product_summary import PROVISIONAL
from monitor.web.openapi_schemas import SCHEMAS
from sla.calendar import Window
from sla.incident import Opened, Resolved
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation
from sla.window import format_instant
from tests.support.ledgers import BAD, GOOD, NOW, FakeCheck, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

OUTAGE = range(200, 260)  # minutes before now, the oldest last


def made() -> Ledger:
    """A record of ten hours with one resolved incident of an hour and one that lasts."""
    ledger = ledger_of(product("p"), product("q"))
    for entry in ledger.entries.values():
        for minute in range(600, -1, -1):
            bad = entry.product.id == "p" and (minute in OUTAGE or minute < 10)
            seen = Observation(entry.key, NOW - minute * MINUTE, BAD if bad else GOOD, "x" if bad else "")
            entry.observe(seen)
            if isinstance(change := entry.tracker.step(seen), Opened | Resolved):
                ledger.decide(change)
    return ledger


def spans(*edges: int) -> list[Interval]:
    return [Interval(NOW - a * MINUTE, NOW - b * MINUTE) for a, b in pairwise(edges)]


async def listed(site: RunningServer, span: Interval, more: str = "") -> Any:
    written = f"{format_instant(span.start)}/{format_instant(span.end)}"
    answer = await site.get(f"/api/v1/incidents?window={written}{more}")
    assert answer.status == 200, answer.text
    found = await answer.json()
    for each in found:
        schema = {"$ref": "#/components/schemas/IncidentOfWindow", "components": {"schemas": SCHEMAS}}
        jsonschema.validate(each, schema)
    return found


async def test_the_parts_of_neighbouring_windows_add_up_in_the_api_and_in_reports(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    site = await publish(made())
    sums: dict[str, float] = {}
    wholes: dict[str, set[float]] = {}
    down = 0
    for span in spans(600, 250, 230, 201, 200, 199, 9, 5, 0):
        found = await listed(site, span)
        window = Window("w", span, span)
        report = portfolio_report(site.ledger, [site.ledger.products["p"]], window, NOW)
        plain = json.loads(as_json(report))["products"][0]["incidents"]
        assert [{"product": "p"} | each | {"check": "health"} for each in plain] == found[::-1]
        down += site.ledger.measured("p", span, NOW).downtime.point
        for each in found:
            sums[each["id"]] = sums.get(each["id"], 0) + each["downtime_in_window_seconds"]
            wholes.setdefault(each["id"], set()).add(each["downtime_seconds"])
    assert {name: {total} for name, total in sums.items()} == wholes
    assert sum(sums.values()) == down / SECOND
    assert sorted(sums.values()) == [9.5 * 60, 60 * 60]


async def test_a_list_of_a_window_takes_the_other_parameters_as_well(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    site = await publish(made())
    (whole,) = spans(600, 0)
    assert len(await listed(site, whole)) == 2
    assert [each["resolved"] for each in await listed(site, whole, "&state=open&product=p")] == [None]
    assert await listed(site, whole, "&product=q") == []
    assert len(await listed(site, whole, "&limit=1")) == 1
    assert await listed(site, spans(500, 400)[0]) == []
    assert (await site.get("/api/v1/incidents?window=soon")).status == 400


async def test_an_incident_of_a_check_that_was_removed_stays_in_windows_of_its_time(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = made()
    other = FakeCheck(id="other", interval="1m", timeout="10s")
    changed = ledger.products["p"].model_copy(update={"checks": (other,)})
    (past, present) = (spans(600, 100)[0], Interval(NOW + HOUR, NOW + 2 * HOUR))
    before = [each.id for each in ledger.incidents_of("p", past)]
    site = await publish(ledger)
    listed_before = await listed(site, past)
    ledger.reload(ledger.portfolio.model_copy(update={"products": (changed, ledger.products["q"])}))
    assert ledger.incidents == []
    assert [each.id for each in ledger.incidents_of("p", past)] == before
    assert await listed(site, past) == listed_before
    assert len(ledger.incidents_of("p", present)) == 1, "the one that was resolved; the other ends with its check"
    assert [each for each in ledger.incidents_of("p", present) if each.part(present, NOW + DAY, None)] == []


async def test_a_page_and_a_report_show_the_part_where_it_is_not_all(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = made()
    short = ledger.products["p"].model_copy(update={"window": 230 * MINUTE})
    ledger.reload(ledger.portfolio.model_copy(update={"products": (short, ledger.products["q"])}))
    site = await publish(ledger)
    page = (await site.get("/products/p")).text
    assert "30m 30s in the last 3h 50m" in page
    assert page.count("s in the last 3h 50m") == 1
    (span,) = spans(230, 0)
    document = portfolio_report(ledger, [short], Window("w", span, span), NOW).document()
    assert "Downtime in window" in as_html(document)
    cells = [line.split(",") for line in as_csv(document).splitlines() if ",incidents,1," in line]
    found = {cell[4]: float(cell[5]) for cell in cells if cell[4].startswith("Downtime")}
    assert found == {"Downtime": 3600.0, "Downtime in window": 1830.0}


async def test_pages_mark_figures_up_to_now_as_provisional(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    """Each check was observed this very instant in the second case."""
    ledger = ledger_of(product("p"))
    entry = ledger.entries["p/health"]
    entry.observe(Observation(entry.key, NOW - MINUTE, GOOD))
    site = await publish(ledger)
    for path in ("/", "/products/p"):
        assert PROVISIONAL in (await site.get(path)).text
    entry.observe(Observation(entry.key, NOW, GOOD))
    for path in ("/", "/products/p"):
        assert PROVISIONAL not in (await site.get(path)).text
