"""Raw and contractual figures, and the exclusions between them, in the API and on pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.facts.fact_index import Facts
from monitor.facts.planned_maintenance import added_plans
from monitor.reporting.report import portfolio_report
from monitor.views.agreement import SHOWN_EXCLUSIONS
from monitor.web.openapi_schemas import SCHEMAS
from sla.calendar import Window
from sla.correction import Correction
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.window import format_instant
from tests.monitor.web.test_pages import outline
from tests.support.ledgers import GOOD, NOW, history, ledger_of, product, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

OUTAGE = NOW - 5 * DAY
CONTRACTUAL_PATH = "/api/v1/products/forms/availability?figure=contractual"


def ledger_with_exclusions() -> Ledger:
    """Return a ledger with ten bad probes five days ago, in planned maintenance and partly in a correction with
    markup.
    """
    maintenance = {
        "start": format_instant(OUTAGE - HOUR),
        "end": format_instant(OUTAGE + HOUR),
        "reason": "new <b>database</b>",
    }
    new_ledger = ledger_of(product("forms", maintenance=[maintenance]), product("css"))
    bad = [(OUTAGE, OUTAGE + 9 * MINUTE, "http_status")]
    runs = [*history("css/health", NOW - 31 * DAY, NOW, []), *history("forms/health", NOW - 31 * DAY, NOW, bad)]
    new_ledger.restore(runs, [], [])
    correction = Correction("forms", Interval(OUTAGE, OUTAGE + MINUTE), "<i>Ada</i>", "probe & account", NOW - DAY)
    new_ledger.facts = Facts([correction.fact()])
    return new_ledger


def ledger_with_outage_limits() -> Ledger:
    """Return a ledger with an outage of 9 to 11 minutes five days ago, and limits of 10 minutes and of 4 hours in 30
    days.
    """
    limits = {"longest_outage": "10m", "total_outage": {"limit": "4h", "per": "30d"}}
    new_ledger = ledger_of(product("forms", agreement=limits))
    new_ledger.restore(
        history("forms/health", NOW - 31 * DAY, NOW, [(OUTAGE, OUTAGE + 9 * MINUTE, "deadline")]), [], []
    )
    return new_ledger


async def test_counted_degraded_time_is_shown_on_pages_and_in_the_api(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(product("forms", agreement={"degraded": "counts", "longest_outage": "10m"}))
    ledger.restore([run("forms/health", GOOD, NOW - 40 * DAY, NOW, "slow")], [], [])
    site = await publish(ledger)
    page = (await site.get("/products/forms")).text
    assert "The agreement counts this as downtime in the contractual figure" in page
    assert "30d of the contractual downtime of 30d was degraded time, 100.0% of it, between 30d and 30d." in page
    assert "<dt>Contractual budget left</dt>" in page
    assert "left of the raw budget" in page
    assert "the raw budget lasts" in page
    assert ", contractual</span>" in (await site.get("/")).text
    answer = await (await site.get(CONTRACTUAL_PATH)).json()
    month = dict.fromkeys(("low", "point", "high"), 30 * DAY / SECOND)
    assert answer["degraded_seconds"] == answer["downtime_seconds"] == month
    assert answer["outage_limits"][0]["outage_seconds"] == month
    raw = await (await site.get("/api/v1/products/forms/availability")).json()
    assert raw["downtime_seconds"]["high"] == 0
    assert "degraded_seconds" not in raw


async def test_outage_limits_have_bounds_and_a_verdict(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """The limits appear in the API of the contractual figure and of the product, and on the product's page.

    Without excluded time the contractual budget equals the raw one, and no budget is called contractual.
    """
    server = await publish(ledger_with_outage_limits())
    assert "<dt>Budget left</dt>" in (await server.get("/products/forms")).text
    assert ", contractual</span>" not in (await server.get("/")).text
    body = await (await server.get(CONTRACTUAL_PATH)).json()
    outage_bounds = {"low": 540.0, "point": 600.0, "high": 660.0}
    assert body["outage_limits"] == [
        {
            "promise": "longest_outage",
            "limit_seconds": 600.0,
            "per_seconds": None,
            "outage_seconds": outage_bounds,
            "verdict": "undecided",
        },
        {
            "promise": "total_outage",
            "limit_seconds": 14_400.0,
            "per_seconds": 2_592_000.0,
            "outage_seconds": outage_bounds,
            "verdict": "met",
        },
    ]
    assert (await (await server.get("/api/v1/products/forms")).json())["contractual"] == body
    jsonschema.validate(body, SCHEMAS["Contractual"] | {"components": {"schemas": SCHEMAS}})
    text = (await server.get("/products/forms")).text
    assert "<dt>No outage over 10m</dt>" in text
    assert "between 9m and 11m; undecided" in text
    assert "<dt>At most 4h down within any 30d</dt>" in text


@pytest.fixture
async def server(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(ledger_with_exclusions())


async def test_contractual_figure_lists_its_exclusions(server: RunningServer) -> None:
    """Each excluded interval is listed once, with all its causes. The raw figure is the default."""
    body = await (await server.get(CONTRACTUAL_PATH)).json()
    exclusions = body.pop("exclusions")
    assert (body.pop("outage_limits"), body.pop("maintenance_not_excluded")) == ([], [])
    assert body == server.ledger.contractual("forms", Interval(NOW - 30 * DAY, NOW)).as_json(product="forms")
    assert [[c["cause"] for c in exclusion["causes"]] for exclusion in exclusions] == [
        ["maintenance"],
        ["maintenance", "correction"],
        ["maintenance"],
    ]
    assert sum(exclusion["seconds"] for exclusion in exclusions) == body["excluded_seconds"] == 7_200
    cause = exclusions[1]["causes"][1]
    assert (cause["author"], cause["made"]) == ("<i>Ada</i>", format_instant(NOW - DAY))
    raw = await (await server.get("/api/v1/products/forms/availability?figure=raw")).json()
    assert raw == await (await server.get("/api/v1/products/forms/availability")).json()
    assert (raw["excluded_seconds"], raw["downtime_seconds"]["point"]) == (0.0, 600.0)


async def test_product_has_both_figures_and_matches_the_schema(server: RunningServer) -> None:
    """The contractual figure covers its own window."""
    body = await (await server.get("/api/v1/products/forms")).json()
    assert body["contractual"] == await (await server.get(CONTRACTUAL_PATH)).json()
    assert body["availability"]["point"] < body["contractual"]["availability"]["point"] == 1.0
    schema = SCHEMAS["Contractual"] | {"components": {"schemas": SCHEMAS}}
    jsonschema.validate(body["contractual"], schema)


@pytest.mark.parametrize("window", ["day", "week", "month", "quarter", "year", "fiscal-year"])
async def test_calendar_windows_use_the_portfolios_time_zone(server: RunningServer, window: str) -> None:
    body = await (await server.get(f"/api/v1/products/css/availability?window={window}")).json()
    assert body["window"]["end"] == format_instant(NOW)
    assert body["window"]["start"][11:] in ("07:00:00Z", "08:00:00Z")


async def test_current_month_has_the_budget_of_the_full_month(server: RunningServer) -> None:
    """Both figures: 0.1 % of 30 days, give or take an hour, is 2,592 s."""
    for figure in ("raw", "contractual"):
        body = await (await server.get(f"/api/v1/products/css/availability?window=month&figure={figure}")).json()
        assert body["budget"]["allowed_seconds"] == pytest.approx(2_592, abs=100)
        assert body["window"]["end"] == format_instant(NOW)


async def test_window_may_be_given_as_start_and_end(server: RunningServer) -> None:
    """The time after now is unknown."""
    window = f"{format_instant(NOW - DAY)}/{format_instant(NOW + DAY)}"
    body = await (await server.get(f"/api/v1/products/css/availability?window={window}")).json()
    assert body["window"]["end"] == format_instant(NOW + DAY)
    assert body["unknown_seconds"] > 86_000


@pytest.mark.parametrize(
    ("query", "expected_text"),
    [
        ("figure=contractual&window=401d", "a year at a time"),
        ("figure=net", "unknown figure"),
        ("window=fortnight", "fiscal-year"),
        ("window=2999-01-01T00:00:00Z/2999-02-01T00:00:00Z", "future"),
        ("window=1990-01-01/2026-01-01", "ten years"),
        ("window=1960-01-01/1961-01-01", "before 1970"),
        ("window=0001-01-01/0001-01-02", "window"),
        ("window=2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "ends before it starts"),
        ("window=9999-12-31/9999-12-31T23:59", "window"),
    ],
)
async def test_invalid_query_is_rejected_with_a_remedy(server: RunningServer, query: str, expected_text: str) -> None:
    response = await server.get(f"/api/v1/products/css/availability?{query}")
    body = await response.json()
    assert (response.status, set(body)) == (400, {"error", "remedy"})
    assert expected_text in body["error"] + body["remedy"]


async def test_page_shows_both_figures_and_escaped_exclusions(server: RunningServer) -> None:
    page = await outline(server, "/products/forms")
    assert "Contractual 100.000% between" in page.text
    assert "2h excluded" in page.text
    assert "maintenance planned: new <b>database</b>" in page.text
    assert "probe & account (<i>Ada</i>, " in page.text
    assert not page.attributes_of("b") or "database" not in str(page.attributes_of("b"))


async def test_page_without_exclusions_shows_no_time_excluded(server: RunningServer) -> None:
    page = await outline(server, "/products/css")
    assert "Contractual 100.000% no time excluded" in page.text
    assert "Excluded time" not in page.text


async def test_portfolio_shows_a_contractual_figure_that_differs_from_the_raw_one(server: RunningServer) -> None:
    page = await outline(server, "/")
    assert page.text.count(" contractual") == 2  # availability and budget


async def test_long_list_of_exclusions_shows_the_newest_and_a_link(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    maintenance = {
        "start": "2026-01-01T02:00",
        "end": "2026-01-01T02:10",
        "rrule": "FREQ=DAILY",
        "reason": "backup",
        "zone": "UTC",
    }
    server = await publish(ledger_of(product("forms", maintenance=[maintenance])))
    page = await outline(server, "/products/forms")
    assert page.text.count("FREQ=DAILY: backup") == SHOWN_EXCLUSIONS
    assert f"Newest {SHOWN_EXCLUSIONS} of 30" in page.text
    assert {"href": CONTRACTUAL_PATH} in page.attributes_of("a")


async def test_maintenance_that_is_not_excluded_is_listed_with_the_reason(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """The API, the product page and the report list it; the contractual figure contains the downtime."""
    planned = {
        "start": format_instant(OUTAGE - HOUR),
        "end": format_instant(OUTAGE + HOUR),
        "reason": "new <b>disk</b>",
    }
    agreed = {"maintenance": {"notice": "5d"}}
    ledger = ledger_of(product("forms", maintenance=[planned], agreement=agreed))
    bad = [(OUTAGE, OUTAGE + 9 * MINUTE, "http_status")]
    ledger.restore(history("forms/health", NOW - 31 * DAY, NOW, bad), [], [])
    plans = list(added_plans(ledger.portfolio, ledger.facts, lambda _: None, OUTAGE - DAY))
    ledger.facts = Facts([plan.fact("x") for plan in plans])
    server = await publish(ledger)
    body = await (await server.get(CONTRACTUAL_PATH)).json()
    (kept,) = body["maintenance_not_excluded"]
    jsonschema.validate(kept, SCHEMAS["NotExcluded"] | {"components": {"schemas": SCHEMAS}})
    assert (kept["start"], kept["seconds"]) == (format_instant(OUTAGE - HOUR), 7200)
    reason = "announced 23h before its start; 5d of notice are required"
    assert kept["because"] == [reason]
    assert (body["excluded_seconds"], body["exclusions"]) == (0, [])
    page = (await server.get("/products/forms")).text
    assert "Maintenance not excluded" in page
    assert reason in page
    assert "<b>disk" not in page
    window = Window("30d", Interval(NOW - 30 * DAY, NOW), Interval(NOW - 30 * DAY, NOW))
    report = portfolio_report(ledger, [ledger.products["forms"]], window, NOW)
    assert report.as_json()["products"][0]["maintenance_not_excluded"] == [kept]
    (section,) = (s for s in report.document().parts[0].sections if s.id == "maintenance-not-excluded")
    assert section.table is not None
    assert reason in [cell.text for cell in section.table.rows[0]]
