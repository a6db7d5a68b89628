"""Raw and contractual figures as published: side by side in API and page, with the audit between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.facts.known_facts import Facts
from monitor.views.agreement import SHOWN_EXCLUSIONS
from monitor.web.openapi_schemas import SCHEMAS
from sla.correction import Correction
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.window import format_instant
from tests.monitor.web.test_pages import outline
from tests.support.ledgers import NOW, history, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

OUTAGE = NOW - 5 * DAY
FIGURE = "/api/v1/products/forms/availability?figure=contractual"


def ledger() -> Ledger:
    """Ten bad probes five days ago, in maintenance that was announced, and corrected in part by a hostile hand."""
    planned = {
        "start": format_instant(OUTAGE - HOUR),
        "end": format_instant(OUTAGE + HOUR),
        "reason": "new <b>database</b>",
    }
    made = ledger_of(product("forms", maintenance=[planned]), product("css"))
    bad = [(OUTAGE, OUTAGE + 9 * MINUTE, "http_status")]
    runs = [*history("css/health", NOW - 31 * DAY, NOW, []), *history("forms/health", NOW - 31 * DAY, NOW, bad)]
    made.restore(runs, [], [])
    said = Correction("forms", Interval(OUTAGE, OUTAGE + MINUTE), "<i>Ada</i>", "probe & account", NOW - DAY)
    made.facts = Facts([said.fact()])
    return made


def promised() -> Ledger:
    """Ten bad probes five days ago: 9 to 11 minutes down, against a promise of 10 and of 4 hours in 30 days."""
    limits = {"longest_outage": "10m", "total_outage": {"limit": "4h", "per": "30d"}}
    made = ledger_of(product("forms", agreement=limits))
    made.restore(history("forms/health", NOW - 31 * DAY, NOW, [(OUTAGE, OUTAGE + 9 * MINUTE, "deadline")]), [], [])
    return made


async def test_limits_on_outages_have_bounds_and_a_verdict_of_their_own(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """In the API of the contractual figure and of the product, in the promised shape, and on the product's page."""
    site = await publish(promised())
    body = await (await site.get(FIGURE)).json()
    lengths = {"low": 540.0, "point": 600.0, "high": 660.0}
    assert body["outage_limits"] == [
        {
            "promise": "longest_outage",
            "limit_seconds": 600.0,
            "per_seconds": None,
            "outage_seconds": lengths,
            "verdict": "undecided",
        },
        {
            "promise": "total_outage",
            "limit_seconds": 14_400.0,
            "per_seconds": 2_592_000.0,
            "outage_seconds": lengths,
            "verdict": "met",
        },
    ]
    assert (await (await site.get("/api/v1/products/forms")).json())["contractual"] == body
    jsonschema.validate(body, SCHEMAS["Contractual"] | {"components": {"schemas": SCHEMAS}})
    text = (await site.get("/products/forms")).text
    assert "<dt>No outage over 10m</dt>" in text
    assert "between 9m and 11m; undecided" in text
    assert "<dt>At most 4h down within any 30d</dt>" in text


@pytest.fixture
async def site(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(ledger())


async def test_the_contractual_figure_comes_with_its_audit(site: RunningServer) -> None:
    """Measured as the core does; each piece once, with all its causes; raw stays the default."""
    body = await (await site.get(FIGURE)).json()
    exclusions = body.pop("exclusions")
    assert body.pop("outage_limits") == []
    assert body == site.ledger.contractual("forms", Interval(NOW - 30 * DAY, NOW)).as_json(product="forms")
    assert [[c["cause"] for c in piece["causes"]] for piece in exclusions] == [
        ["maintenance"],
        ["maintenance", "correction"],
        ["maintenance"],
    ]
    assert sum(piece["seconds"] for piece in exclusions) == body["excluded_seconds"] == 7_200
    cause = exclusions[1]["causes"][1]
    assert (cause["author"], cause["made"]) == ("<i>Ada</i>", format_instant(NOW - DAY))
    raw = await (await site.get("/api/v1/products/forms/availability?figure=raw")).json()
    assert raw == await (await site.get("/api/v1/products/forms/availability")).json()
    assert (raw["excluded_seconds"], raw["downtime_seconds"]["point"]) == (0.0, 600.0)


async def test_a_product_tells_both_figures_in_the_promised_shape(site: RunningServer) -> None:
    """The contractual one over its own window."""
    body = await (await site.get("/api/v1/products/forms")).json()
    assert body["contractual"] == await (await site.get(FIGURE)).json()
    assert body["availability"]["point"] < body["contractual"]["availability"]["point"] == 1.0
    schema = SCHEMAS["Contractual"] | {"components": {"schemas": SCHEMAS}}
    jsonschema.validate(body["contractual"], schema)


@pytest.mark.parametrize("window", ["day", "week", "month", "quarter", "year", "fiscal-year"])
async def test_calendar_windows_are_those_of_the_portfolios_zone(site: RunningServer, window: str) -> None:
    """Measured up to now."""
    body = await (await site.get(f"/api/v1/products/css/availability?window={window}")).json()
    assert body["window"]["end"] == format_instant(NOW)
    assert body["window"]["start"][11:] in ("07:00:00Z", "08:00:00Z")


async def test_a_month_in_progress_has_the_budget_of_the_whole_month(site: RunningServer) -> None:
    """Both figures; 99.9 % of 30 days and an hour more or less are 2,592 s."""
    for figure in ("raw", "contractual"):
        body = await (await site.get(f"/api/v1/products/css/availability?window=month&figure={figure}")).json()
        assert body["budget"]["allowed_seconds"] == pytest.approx(2_592, abs=100)
        assert body["window"]["end"] == format_instant(NOW)


async def test_a_window_may_be_written_out(site: RunningServer) -> None:
    """Up to an end that is to come: what nobody has seen is unknown."""
    span = f"{format_instant(NOW - DAY)}/{format_instant(NOW + DAY)}"
    body = await (await site.get(f"/api/v1/products/css/availability?window={span}")).json()
    assert body["window"]["end"] == format_instant(NOW + DAY)
    assert body["unknown_seconds"] > 86_000


@pytest.mark.parametrize(
    ("query", "says"),
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
async def test_a_bad_question_is_answered_with_what_to_write(site: RunningServer, query: str, says: str) -> None:
    """And never with a traceback."""
    answer = await site.get(f"/api/v1/products/css/availability?{query}")
    body = await answer.json()
    assert (answer.status, set(body)) == (400, {"error", "remedy"})
    assert says in body["error"] + body["remedy"]


async def test_the_page_shows_both_figures_and_what_lies_between(site: RunningServer) -> None:
    """Escaped, whoever wrote it."""
    page = await outline(site, "/products/forms")
    assert "Contractual 100.000% between" in page.text
    assert "2h excluded" in page.text
    assert "maintenance planned: new <b>database</b>" in page.text
    assert "probe & account (<i>Ada</i>, " in page.text
    assert not page.named("b") or "database" not in str(page.named("b"))


async def test_where_nothing_is_left_out_the_page_says_so(site: RunningServer) -> None:
    """The figure stands there all the same."""
    page = await outline(site, "/products/css")
    assert "Contractual 100.000% no time excluded" in page.text
    assert "Excluded time" not in page.text


async def test_the_portfolio_shows_the_contractual_figure_where_it_differs(site: RunningServer) -> None:
    """Beside the raw one."""
    page = await outline(site, "/")
    assert page.text.count(" contractual") == 1


async def test_a_long_audit_shows_its_newest_pieces(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    """And where all of them are."""
    nightly = {
        "start": "2026-01-01T02:00",
        "end": "2026-01-01T02:10",
        "rrule": "FREQ=DAILY",
        "reason": "backup",
        "zone": "UTC",
    }
    site = await publish(ledger_of(product("forms", maintenance=[nightly])))
    page = await outline(site, "/products/forms")
    assert page.text.count("FREQ=DAILY: backup") == SHOWN_EXCLUSIONS
    assert f"Newest {SHOWN_EXCLUSIONS} of 30" in page.text
    assert {"href": FIGURE} in page.named("a")
