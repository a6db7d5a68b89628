"""The context of a product's figures: stage, dependencies, clients affected by an incident, and cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.web.openapi_schemas import SCHEMAS
from sla.interval import DAY, HOUR, MINUTE
from sla.window import format_instant
from tests.monitor.web.test_pages import outline
from tests.support.ledgers import NOW, history, ledger_of, product, resolved_incidents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

LOGIN = NOW - 5 * DAY
FORMS = LOGIN + 4 * MINUTE


def ledger_with_dependencies() -> Ledger:
    """Return a ledger where grants depend on forms and forms on login.

    Login was down for ten minutes, forms for the last six of these.
    """
    owners = {"name": "Form <b>owners", "count": 3, "risk": "low"}
    recent = {"name": "Newcomers", "risk": "low", "since": "2999-01-01"}
    price = {"amount": 600, "basis": "ten clerks & a <i>queue"}
    new_ledger = ledger_of(
        product("grants", component="bundle", parts=["forms"], clients=[{"name": "Officers", "risk": "high"}]),
        product("forms", depends_on=["login"], clients=[owners, recent], value_per_hour=price),
        product("login", objective="99.999%", stage="pilot"),
    )
    outages = {"login": [(LOGIN, LOGIN + 9 * MINUTE, "connect")], "forms": [(FORMS, FORMS + 5 * MINUTE, "http_status")]}
    runs, incidents = [], []
    for name in sorted(new_ledger.products):
        key = f"{name}/health"
        runs += history(key, NOW - 61 * DAY, NOW, outages.get(name, []))
        incidents += resolved_incidents(key, outages.get(name, []))
    new_ledger.restore(runs, [], incidents)
    return new_ledger


@pytest.fixture
async def server(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(ledger_with_dependencies())


async def detail(server: RunningServer, name: str) -> dict[str, object]:
    (summary,) = await (await server.get(f"/api/v1/incidents?product={name}")).json()
    body = await (await server.get(f"/api/v1/incidents/{summary['id']}")).json()
    assert {key: body[key] for key in summary} == summary
    return body


async def test_incident_lists_affected_clients_with_path_and_downtime(server: RunningServer) -> None:
    """The downtime is that of the client's product during the incident. A client that starts later is not listed."""
    body = await detail(server, "login")
    affected = [(client["client"], client["path"], client["product_downtime_seconds"]) for client in body["affected"]]
    assert affected == [
        ("Form <b>owners", ["login", "forms"], 360.0),
        ("Officers", ["login", "forms", "grants"], 0.0),
    ]
    assert body["affected_count"] == 4
    assert [client["client"] for client in (await detail(server, "forms"))["affected"]] == [
        "Form <b>owners",
        "Officers",
    ]


async def test_incident_list_has_no_affected_clients(server: RunningServer) -> None:
    incidents = await (await server.get("/api/v1/incidents")).json()
    assert {"affected", "affected_count"}.isdisjoint(incidents[0])


async def test_open_incident_affects_clients_up_to_now(server: RunningServer) -> None:
    from sla.incident import Incident, Opened

    open_incident = Incident.open("login", "login/health", NOW - HOUR, "connect")
    server.ledger.apply(Opened(open_incident))
    body = await (await server.get(f"/api/v1/incidents/{open_incident.id}")).json()
    assert (body["resolved"], body["opened"], body["affected_count"]) == (None, format_instant(NOW - HOUR), 4)


@pytest.mark.parametrize("name", ["0123456789ab", "x"])
async def test_unknown_incident_is_404_with_a_remedy(server: RunningServer, name: str) -> None:
    response = await server.get(f"/api/v1/incidents/{name}")
    assert (response.status, (await response.json())["remedy"]) == (404, "GET /api/v1/incidents lists them")


async def test_product_context_matches_the_schema(server: RunningServer) -> None:
    schema = SCHEMAS["Product"] | {"components": {"schemas": SCHEMAS}}
    bodies = {name: await (await server.get(f"/api/v1/products/{name}")).json() for name in server.ledger.products}
    for body in bodies.values():
        jsonschema.validate(body, schema)
    assert [
        (dependency["product"], dependency["part"], dependency["path"])
        for dependency in bodies["grants"]["dependencies"]
    ] == [
        ("forms", True, ["grants", "forms"]),
        ("login", True, ["grants", "forms", "login"]),
    ]
    assert [violation["about"] for violation in bodies["login"]["misfits"]] == ["stage", "clients"]
    assert [client["client"] for client in bodies["login"]["clients"]] == ["Form <b>owners", "Newcomers", "Officers"]
    assert bodies["grants"]["value"] is None


async def test_downtime_cost_is_given_with_its_assumptions(server: RunningServer) -> None:
    """The downtime is six minutes at 600 per hour.

    The objective of 99.9 % permits 43.2 minutes in 30 days. The 30 days before had none.
    """
    body = (await (await server.get("/api/v1/products/forms")).json())["value"]
    assert body["downtime_cost"]["point"] == 60.0
    assert body["avoided_against_objective"]["point"] == pytest.approx(432.0 - 60.0, abs=0.05)
    assert body["avoided_against_previous"]["point"] == -60.0
    assert "ten clerks & a <i>queue" in body["assumptions"][0]


async def test_product_page_shows_the_context_with_escaped_text(server: RunningServer) -> None:
    login = await outline(server, "/products/login")
    assert "99.999% for a pilot: at most 99.5% may be promised" in login.text
    assert "high-risk clients depend on a pilot" in login.text
    assert "affected: Form <b>owners (3) via forms (down 6m" in login.text
    forms = await outline(server, "/products/forms")
    for text in ("Dependencies", "Clients", "Cost of downtime", "60.00 CAD", "a <i>queue"):
        assert text in forms.text
    grants = await outline(server, "/products/grants")
    assert " part " in grants.text
    assert "bundle" in grants.text
    assert "Cost of downtime" not in grants.text


async def test_unknown_window_has_no_downtime_cost(server: RunningServer) -> None:
    """A cost of 0.00 would look like a month without downtime."""
    server.clock.jump(400 * 86_400)
    assert "No data for this window" in (await outline(server, "/products/forms")).text
    assert (await (await server.get("/api/v1/products/forms")).json())["value"]["downtime_cost"] is None
