"""Tests of the what-if analysis in the API and on the product's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.facts.fact_index import Facts
from monitor.web.openapi_analysis import SCHEMAS
from sla.evidence import deployment_fact
from sla.interval import DAY, HOUR, MINUTE
from sla.window import format_instant
from tests.support.ledgers import NOW, history, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

START = NOW - 3 * DAY
DEPLOYED = START + 20 * HOUR - 5 * MINUTE
WHATIF = "/api/v1/products/chefs/whatif"


def outage(offset: int, minutes: int) -> tuple[int, int, str]:
    first = START + offset
    return first, first + (minutes - 1) * MINUTE, "deadline"


def ledger_with_outages() -> Ledger:
    """Return a ledger where CHEFS was down for 20 minutes with Keycloak, an hour alone, and 5 minutes deploying."""
    costs = {"decouple/keycloak": 8000, "failover": 50000}
    ledger = ledger_of(
        product(
            "chefs",
            depends_on=("keycloak",),
            value_per_hour={"amount": 1200, "basis": "made up"},
            plan={"expected": "99.9%", "chance": "40%", "costs": costs},
        ),
        product("keycloak", name="Sign-on <b>"),
    )
    outages = {
        "chefs": [outage(HOUR, 20), outage(20 * HOUR, 60), outage(50 * HOUR, 5)],
        "keycloak": [outage(HOUR, 20)],
    }
    runs = [run for name, spans in outages.items() for run in history(f"{name}/health", START, NOW, spans)]
    ledger.restore(runs, [], [])
    deployed = START + 50 * HOUR - 2 * MINUTE
    ledger.facts = Facts([deployment_fact(deployed, "ci", "chefs", deployed, "1.2")])
    return ledger


@pytest.fixture
async def server(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(ledger_with_outages())


async def test_changes_are_ranked_with_bounds_cost_and_assumptions(server: RunningServer) -> None:
    body = await (await server.get(f"{WHATIF}?window=7d")).json()
    jsonschema.validate(body, SCHEMAS["WhatIf"])
    changes = {change["id"]: change for change in body["changes"]}
    assert list(changes) == ["decouple/keycloak", "failover/15m", "zero-downtime", "replica"]
    decoupled = changes["decouple/keycloak"]
    assert decoupled["saved_seconds"] == {"low": 19 * 60, "point": 20 * 60, "high": 21 * 60}
    assert (decoupled["cost_per_year"], decoupled["saved_cost"]["point"]) == (8000.0, 400.0)
    assert changes["failover/15m"]["saved_seconds"] == {"low": 44 * 60, "point": 45 * 60, "high": 47 * 60}
    assert changes["zero-downtime"]["saved_seconds"] == {"low": 4 * 60, "point": 5 * 60, "high": 6 * 60}
    assert changes["replica"]["saved_seconds"]["point"] is None
    assert all(change["assumptions"] for change in body["changes"])
    assert body["plan"] == {"expected": 0.999, "chance": 0.4}
    measured = await (await server.get("/api/v1/products/chefs/availability?window=7d")).json()
    assert body["downtime_seconds"]["point"] == measured["downtime_seconds"]["point"] == 85 * 60
    assert body["replayed"]["start"] == measured["watched"]["since"]


async def test_outage_after_a_deployment_before_the_window_counts_in_the_maximum(server: RunningServer) -> None:
    """The window begins after the settling time of 15 minutes, in the outage of an hour that may have begun in it."""
    server.ledger.facts = Facts([deployment_fact(DEPLOYED, "ci", "chefs", DEPLOYED, "1.1")])
    window = f"{format_instant(DEPLOYED + 20 * MINUTE)}/{format_instant(NOW)}"
    body = await (await server.get(f"{WHATIF}?window={window}&change=zero-downtime")).json()
    (change,) = body["changes"]
    assert change["saved_seconds"] == {"low": 0.0, "point": 0.0, "high": 45 * 60.0}
    assert "0 in the window are marked" in change["assumptions"][0]


async def test_one_change_is_replayed_also_if_it_would_not_have_helped(server: RunningServer) -> None:
    body = await (await server.get(f"{WHATIF}?window=7d&change=failover/2h")).json()
    (change,) = body["changes"]
    assert (change["id"], change["saved_seconds"]) == ("failover/2h", {"low": 0.0, "point": 0.0, "high": 0.0})
    (before,) = (await (await server.get(f"{WHATIF}?change=decouple/keycloak&window=1h")).json())["changes"]
    assert before["saved_seconds"]["point"] == 0.0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("chefs/whatif?change=magic", 400),
        ("chefs/whatif?change=decouple/mail", 400),
        ("chefs/whatif?window=x", 400),
        ("chefs/whatif?figure=raw", 400),
        ("none/whatif", 404),
    ],
)
async def test_invalid_query_is_rejected(path: str, status: int, server: RunningServer) -> None:
    answer = await server.get(f"/api/v1/products/{path}")
    assert (answer.status, set(await answer.json())) == (status, {"error", "remedy"})


async def test_page_shows_ranked_changes_with_escaped_names(server: RunningServer) -> None:
    text = (await server.get("/products/chefs")).text
    assert "What would have helped?" in text
    assert "Decouple from Sign-on &lt;b&gt;" in text
    assert "8,000.00 CAD per year" in text
    assert "between 19m and 21m" in text
    assert "no estimate" in text
    assert "99.9% expected" in text
    assert text.index("Decouple from") < text.index("Fail over to a second site within 15m")


async def test_page_of_a_product_without_downtime_has_no_such_section(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    ledger = ledger_of(product("calm", window="1d"))
    ledger.restore([*history("calm/health", START, NOW, [])], [], [])
    server = await publish(ledger)
    assert "What would have helped?" not in (await server.get("/products/calm")).text
