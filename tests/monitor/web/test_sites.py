"""The sites of a product on its page, in the API and on /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.facts.fact_index import Facts
from monitor.ledger.product_sites import site_histories
from monitor.web.openapi_sites import PATHS, SCHEMAS
from sla.failover_facts import site_change_fact
from sla.interval import MINUTE, Interval
from sla.sites import site_changes
from sla.window import format_instant
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, NOW, FakeCheck, ledger_of, probe_all, product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

PATH = "/api/v1/products/chefs/sites"


def site_of(name: str) -> dict[str, object]:
    return {"id": name, "name": f"<{name}>", "active": FakeCheck(id=name, interval="1m", timeout="10s")}


def move(ledger: Ledger, **css: object) -> None:
    """Let chefs run at gold until 20 minutes ago, then at dr, without downtime; record the change."""
    sites = [site_of("gold"), site_of("dr")]
    changed = product("chefs", 2, name="Forms <i>&", sites=sites, failover={"within": "15m"})
    ledger.reload(ledger_of(changed, product("css", objective="99.5%", **css)).portfolio)
    for name, before, after in (("gold", GOOD_RESULT, BAD_RESULT), ("dr", BAD_RESULT, GOOD_RESULT)):
        entry = ledger.site_entries[f"chefs/{name}"]
        probe_all(ledger, [entry], NOW - 60 * MINUTE, NOW - 21 * MINUTE, before)
        probe_all(ledger, [entry], NOW - 20 * MINUTE, NOW, after)
    (change,) = site_changes(site_histories(ledger, ledger.products["chefs"]), Interval(0, NOW))
    ledger.facts = Facts([site_change_fact(change, "chefs", NOW - 19 * MINUTE, "ninewatch")])


async def test_api_reports_sites_and_failovers_as_described(server: RunningServer) -> None:
    move(server.ledger)
    body = await (await server.get(PATH)).json()
    jsonschema.validate(body, PATHS["/api/v1/products/{id}/sites"][1] | {"components": {"schemas": SCHEMAS}})
    assert isinstance(body, dict)
    assert (body["state"], body["active"], body["on_primary"]) == ("one", "dr", False)
    (failover,) = body["failovers"]
    assert (failover["from"], failover["to"], failover["met"], failover["provisional"]) == ("gold", "dr", True, False)
    assert failover["duration_seconds"] == {"low": 0.0, "point": 0.0, "high": 60.0}


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/products/css/sites", 200), ("/api/v1/products/x/sites", 404), (f"{PATH}?z=1", 400)]
)
async def test_product_without_sites_has_an_unknown_active_site(server: RunningServer, path: str, status: int) -> None:
    response = await server.get(path)
    assert response.status == status
    assert status != 200 or '"state": "unknown"' in response.text.replace('":"', '": "')


async def test_page_shows_the_active_site_and_the_failovers(server: RunningServer) -> None:
    assert 'id="sites"' not in (await server.get("/products/chefs")).text
    move(server.ledger)
    text = (await server.get("/products/chefs")).text
    assert "&lt;dr&gt; is active (not the primary site)." in text
    assert "Promised failover time: 15m." in text
    assert "<td>gold to dr</td>" in text


async def test_metrics_have_the_sites_and_no_series_of_their_checks(server: RunningServer) -> None:
    move(server.ledger)
    text = (await server.get("/metrics")).text
    assert 'ninewatch_site_active{product="chefs",site="dr"} 1' in text
    assert 'ninewatch_failover_met{product="chefs",kind="failover"} 1' in text
    assert 'check="gold"' not in text


BY_DESIGN = {"down_by_design": {"failover_of": "chefs"}}


async def test_product_that_is_down_during_a_failover_of_another_is_down_by_design(server: RunningServer) -> None:
    """In this record, css is down at the end."""
    move(server.ledger, **BY_DESIGN)
    (change,) = server.ledger.facts.site_changes["chefs"]
    body = await (await server.get("/api/v1/products/css")).json()
    assert (body["state"], body["down_by_design"]) == (
        "down",
        {"failover_of": "chefs", "since": format_instant(change.point)},
    )
    assert 'ninewatch_product_down_by_design{product="css"} 1' in (await server.get("/metrics")).text
    page = (await server.get("/products/css")).text
    assert "Down by design</span>" in page
    assert "chefs runs at another site. The raw figures count this as downtime" in page
    assert "1 of 2 products is down by design" in (await server.get("/")).text
    server.ledger.facts = Facts()
    assert (await (await server.get("/api/v1/products/css")).json())["down_by_design"] is None
    assert 'ninewatch_product_down_by_design{product="css"} 0' in (await server.get("/metrics")).text
    assert "1 of 2 products is down</h1>" in (await server.get("/")).text
