"""Incidents of a window: their downtime in the window and in total, in the API, on pages and in reports."""

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
from sla.budget_window import BudgetWindow
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


def ledger_with_incidents() -> Ledger:
    """Return a ledger with ten hours of history, a resolved incident of an hour and an open incident."""
    ledger = ledger_of(product("p"), product("q"))
    for entry in ledger.entries.values():
        for minute in range(600, -1, -1):
            bad = entry.product.id == "p" and (minute in OUTAGE or minute < 10)
            observation = Observation(entry.key, NOW - minute * MINUTE, BAD if bad else GOOD, "x" if bad else "")
            entry.observe(observation)
            if isinstance(change := entry.tracker.step(observation), Opened | Resolved):
                ledger.apply(change)
    return ledger


def intervals(*edges: int) -> list[Interval]:
    return [Interval(NOW - a * MINUTE, NOW - b * MINUTE) for a, b in pairwise(edges)]


async def list_incidents(server: RunningServer, span: Interval, extra_query: str = "") -> Any:
    window = f"{format_instant(span.start)}/{format_instant(span.end)}"
    response = await server.get(f"/api/v1/incidents?window={window}{extra_query}")
    assert response.status == 200, response.text
    incidents = await response.json()
    for incident in incidents:
        schema = {"$ref": "#/components/schemas/IncidentOfWindow", "components": {"schemas": SCHEMAS}}
        jsonschema.validate(incident, schema)
    return incidents


async def test_downtime_in_adjacent_windows_adds_up_in_api_and_reports(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    server = await publish(ledger_with_incidents())
    sums: dict[str, float] = {}
    totals: dict[str, set[float]] = {}
    down = 0
    for span in intervals(600, 250, 230, 201, 200, 199, 9, 5, 0):
        incidents = await list_incidents(server, span)
        window = Window("w", span, span)
        report = portfolio_report(server.ledger, [server.ledger.products["p"]], window, NOW)
        incident_rows = json.loads(as_json(report))["products"][0]["incidents"]
        assert [{"product": "p"} | incident | {"check": "health"} for incident in incident_rows] == incidents[::-1]
        down += server.ledger.measured("p", span, NOW).downtime.point
        for incident in incidents:
            sums[incident["id"]] = sums.get(incident["id"], 0) + incident["downtime_in_window_seconds"]
            totals.setdefault(incident["id"], set()).add(incident["downtime_seconds"])
    assert {name: {total} for name, total in sums.items()} == totals
    assert sum(sums.values()) == down / SECOND
    assert sorted(sums.values()) == [9.5 * 60, 60 * 60]


async def test_window_can_be_combined_with_other_filters(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    server = await publish(ledger_with_incidents())
    (all_time,) = intervals(600, 0)
    assert len(await list_incidents(server, all_time)) == 2
    assert [incident["resolved"] for incident in await list_incidents(server, all_time, "&state=open&product=p")] == [
        None
    ]
    assert await list_incidents(server, all_time, "&product=q") == []
    assert len(await list_incidents(server, all_time, "&limit=1")) == 1
    assert await list_incidents(server, intervals(500, 400)[0]) == []
    assert (await server.get("/api/v1/incidents?window=soon")).status == 400


async def test_incident_of_a_removed_check_stays_in_past_windows(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_with_incidents()
    other = FakeCheck(id="other", interval="1m", timeout="10s")
    changed = ledger.products["p"].model_copy(update={"checks": (other,)})
    (past, present) = (intervals(600, 100)[0], Interval(NOW + HOUR, NOW + 2 * HOUR))
    ids_before = [incident.id for incident in ledger.incidents_of("p", past)]
    server = await publish(ledger)
    listed_before = await list_incidents(server, past)
    ledger.reload(ledger.portfolio.model_copy(update={"products": (changed, ledger.products["q"])}))
    assert ledger.incidents == []
    assert [incident.id for incident in ledger.incidents_of("p", past)] == ids_before
    assert await list_incidents(server, past) == listed_before
    assert len(ledger.incidents_of("p", present)) == 1, "only the resolved incident; the open one ends with its check"
    assert [incident for incident in ledger.incidents_of("p", present) if incident.part(present, NOW + DAY, None)] == []


async def test_page_and_report_show_the_downtime_in_the_window_if_it_is_partial(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_with_incidents()
    product_with_short_window = ledger.products["p"].model_copy(update={"window": BudgetWindow(230 * MINUTE)})
    ledger.reload(ledger.portfolio.model_copy(update={"products": (product_with_short_window, ledger.products["q"])}))
    server = await publish(ledger)
    page = (await server.get("/products/p")).text
    assert "30m 30s in the last 3h 50m" in page
    assert page.count("s in the last 3h 50m</span>") == 1
    (span,) = intervals(230, 0)
    document = portfolio_report(ledger, [product_with_short_window], Window("w", span, span), NOW).document()
    assert "Downtime in window" in as_html(document)
    cells = [line.split(",") for line in as_csv(document).splitlines() if ",incidents,1," in line]
    downtimes = {cell[4]: float(cell[5]) for cell in cells if cell[4].startswith("Downtime")}
    assert downtimes == {"Downtime": 3600.0, "Downtime in window": 1830.0}


async def test_pages_mark_figures_up_to_now_as_provisional(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    """In the second case, each check was observed at this instant."""
    ledger = ledger_of(product("p"))
    entry = ledger.entries["p/health"]
    entry.observe(Observation(entry.key, NOW - MINUTE, GOOD))
    server = await publish(ledger)
    for path in ("/", "/products/p"):
        assert PROVISIONAL in (await server.get(path)).text
    entry.observe(Observation(entry.key, NOW, GOOD))
    for path in ("/", "/products/p"):
        assert PROVISIONAL not in (await server.get(path)).text
