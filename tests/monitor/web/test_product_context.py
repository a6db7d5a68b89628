"""What is behind the figures, as published: fit, what a product rests on, whom an incident reached, what it cost."""

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


def ledger() -> Ledger:
    """Grants rest on forms and these on login, which was down for ten minutes; forms were so for the last six."""
    owners = {"name": "Form <b>owners", "count": 3, "risk": "low"}
    recent = {"name": "Newcomers", "risk": "low", "since": "2999-01-01"}
    price = {"amount": 600, "basis": "ten clerks & a <i>queue"}
    made = ledger_of(
        product("grants", component="bundle", parts=["forms"], clients=[{"name": "Officers", "risk": "high"}]),
        product("forms", depends_on=["login"], clients=[owners, recent], value_per_hour=price),
        product("login", objective="99.999%", stage="pilot"),
    )
    outages = {"login": [(LOGIN, LOGIN + 9 * MINUTE, "connect")], "forms": [(FORMS, FORMS + 5 * MINUTE, "http_status")]}
    runs, incidents = [], []
    for name in sorted(made.products):
        key = f"{name}/health"
        runs += history(key, NOW - 61 * DAY, NOW, outages.get(name, []))
        incidents += resolved_incidents(key, outages.get(name, []))
    made.restore(runs, [], incidents)
    return made


@pytest.fixture
async def site(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(ledger())


async def detail(site: RunningServer, name: str) -> dict[str, object]:
    (listed,) = await (await site.get(f"/api/v1/incidents?product={name}")).json()
    body = await (await site.get(f"/api/v1/incidents/{listed['id']}")).json()
    assert {key: body[key] for key in listed} == listed
    return body


async def test_an_incident_names_whom_it_reached_with_the_way_and_what_was_seen(site: RunningServer) -> None:
    """Of the product that they use, while it lasted. Who comes only later is not named."""
    body = await detail(site, "login")
    told = [(each["client"], each["path"], each["product_downtime_seconds"]) for each in body["affected"]]
    assert told == [
        ("Form <b>owners", ["login", "forms"], 360.0),
        ("Officers", ["login", "forms", "grants"], 0.0),
    ]
    assert body["affected_count"] == 4
    assert [each["client"] for each in (await detail(site, "forms"))["affected"]] == ["Form <b>owners", "Officers"]


async def test_the_list_of_incidents_keeps_its_shape(site: RunningServer) -> None:
    listed = await (await site.get("/api/v1/incidents")).json()
    assert {"affected", "affected_count"}.isdisjoint(listed[0])


async def test_an_incident_that_goes_on_reaches_up_to_now(site: RunningServer) -> None:
    from sla.incident import Incident, Opened

    going = Incident.open("login", "login/health", NOW - HOUR, "connect")
    site.ledger.decide(Opened(going))
    body = await (await site.get(f"/api/v1/incidents/{going.id}")).json()
    assert (body["resolved"], body["opened"], body["affected_count"]) == (None, format_instant(NOW - HOUR), 4)


@pytest.mark.parametrize("name", ["0123456789ab", "x"])
async def test_an_incident_that_is_not_there_is_404_with_where_to_look(site: RunningServer, name: str) -> None:
    answer = await site.get(f"/api/v1/incidents/{name}")
    assert (answer.status, (await answer.json())["remedy"]) == (404, "GET /api/v1/incidents lists them")


async def test_a_product_tells_what_is_behind_it_in_the_promised_shape(site: RunningServer) -> None:
    schema = SCHEMAS["Product"] | {"components": {"schemas": SCHEMAS}}
    bodies = {name: await (await site.get(f"/api/v1/products/{name}")).json() for name in site.ledger.products}
    for body in bodies.values():
        jsonschema.validate(body, schema)
    assert [(each["product"], each["part"], each["path"]) for each in bodies["grants"]["dependencies"]] == [
        ("forms", True, ["grants", "forms"]),
        ("login", True, ["grants", "forms", "login"]),
    ]
    assert [each["about"] for each in bodies["login"]["misfits"]] == ["stage", "clients"]
    assert [each["client"] for each in bodies["login"]["clients"]] == ["Form <b>owners", "Newcomers", "Officers"]
    assert bodies["grants"]["value"] is None


async def test_downtime_is_worth_its_price_beside_the_assumption(site: RunningServer) -> None:
    """Six minutes of 600 an hour, of 43.2 that 99.9 % of 30 days allow; none in the 30 days before."""
    body = (await (await site.get("/api/v1/products/forms")).json())["value"]
    assert body["downtime_cost"]["point"] == 60.0
    assert body["avoided_against_objective"]["point"] == pytest.approx(432.0 - 60.0, abs=0.05)
    assert body["avoided_against_previous"]["point"] == -60.0
    assert "ten clerks & a <i>queue" in body["assumptions"][0]


async def test_the_product_page_says_all_of_it_in_words(site: RunningServer) -> None:
    """And what people wrote is text on it."""
    login = await outline(site, "/products/login")
    assert "99.999% for a pilot: at most 99.5% may be promised" in login.text
    assert "clients of high risk depend on a pilot" in login.text
    assert "affected: Form <b>owners (3) via forms (down 6m" in login.text
    forms = await outline(site, "/products/forms")
    for words in ("Dependencies", "Clients", "Cost of downtime", "60.00 CAD", "a <i>queue"):
        assert words in forms.text
    grants = await outline(site, "/products/grants")
    assert " part " in grants.text
    assert "bundle" in grants.text
    assert "Cost of downtime" not in grants.text


async def test_what_nobody_watched_has_no_price(site: RunningServer) -> None:
    """Not 0.00, which would read as a good month."""
    site.clock.jump(400 * 86_400)
    assert "No data for this window" in (await outline(site, "/products/forms")).text
    assert (await (await site.get("/api/v1/products/forms")).json())["value"]["downtime_cost"] is None
