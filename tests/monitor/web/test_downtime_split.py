"""The downtime of a product by cause, in the API and on its page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.web.openapi_analysis import SCHEMAS
from sla.interval import DAY, HOUR, MINUTE
from tests.support.ledgers import NOW, history, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

START = NOW - 3 * DAY


def outage(offset: int, minutes: int) -> tuple[int, int, str]:
    first = START + offset
    return first, first + (minutes - 1) * MINUTE, "deadline"


def ledger_with_outages() -> Ledger:
    """Return a ledger where CHEFS was down for an hour with Keycloak, half an hour alone, and 20 minutes with both
    dependencies.
    """
    ledger = ledger_of(
        product("chefs", depends_on=("keycloak", "mail")),
        product("keycloak", name="Sign-on <b>"),
        product("mail", name="E-mail"),
    )
    outages = {
        "chefs": [outage(HOUR, 60), outage(20 * HOUR, 30), outage(50 * HOUR, 20)],
        "keycloak": [outage(HOUR, 60), outage(50 * HOUR, 20)],
        "mail": [outage(50 * HOUR, 20)],
    }
    runs = [run for name, outage in outages.items() for run in history(f"{name}/health", START, NOW, outage)]
    ledger.restore(runs, [], [])
    return ledger


@pytest.fixture
async def server(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(ledger_with_outages())


async def test_downtime_parts_add_up_to_the_measured_downtime(server: RunningServer) -> None:
    body = await (await server.get("/api/v1/products/chefs/blame?window=7d")).json()
    jsonschema.validate(body, SCHEMAS["Blame"])
    assert body["shared"] == [
        {"dependencies": ["keycloak"], "seconds": 3600.0},
        {"dependencies": ["keycloak", "mail"], "seconds": 1200.0},
    ]
    assert (body["own_seconds"], body["unclear_seconds"]) == (1800.0, 0.0)
    measured = await (await server.get("/api/v1/products/chefs/availability?window=7d")).json()
    shared_seconds = sum(share["seconds"] for share in body["shared"])
    assert body["own_seconds"] + shared_seconds == body["downtime_seconds"] == measured["downtime_seconds"]["point"]
    assert body["window"] == measured["window"]


async def test_joint_availability_is_given_with_the_value_for_independent_failures(server: RunningServer) -> None:
    """CHEFS and Keycloak fail together, so they are up together for longer than independent products would be."""
    body = await (await server.get("/api/v1/products/chefs/blame")).json()
    assert body["together"]["point"] > body["together_if_independent"]
    keycloak, mail = body["dependencies"]
    assert (keycloak["id"], keycloak["shared_seconds"], keycloak["downtime_seconds"]) == ("keycloak", 4800.0, 4800.0)
    assert keycloak["shared_if_independent_seconds"] == pytest.approx(6600 * 4800 / (3 * 86_400), rel=0.01)
    assert mail["shared_seconds"] == 1200.0


async def test_product_without_dependencies_has_only_its_own_downtime(server: RunningServer) -> None:
    body = await (await server.get("/api/v1/products/mail/blame?window=7d")).json()
    assert (body["own_seconds"], body["shared"], body["dependencies"]) == (1200.0, [], [])


async def test_downtime_split_accepts_a_past_instant(server: RunningServer) -> None:
    body = await (await server.get(f"/api/v1/products/chefs/blame?window=1h&at={'2020-01-01T00:00:00Z'}")).json()
    assert (body["downtime_seconds"], body["together"]["point"]) == (0.0, None)


@pytest.mark.parametrize(
    ("path", "status"), [("chefs/blame?window=x", 400), ("chefs/blame?figure=raw", 400), ("nobody/blame", 404)]
)
async def test_invalid_query_is_rejected(path: str, status: int, server: RunningServer) -> None:
    response = await server.get(f"/api/v1/products/{path}")
    assert (response.status, set(await response.json())) == (status, {"error", "remedy"})


async def test_page_shows_causes_with_escaped_names(server: RunningServer) -> None:
    text = (await server.get("/products/chefs")).text
    assert "Downtime split by dependencies" in text
    assert "The rows add up to 1h 50m" in text
    assert "Sign-on &lt;b&gt; was down too" in text
    assert "Sign-on &lt;b&gt; and E-mail were down too" in text
    assert "The product itself (all dependencies were up)" in text
    assert "Downtime split by dependencies" not in (await server.get("/products/mail")).text


async def test_shares_on_the_page_add_up_to_100_percent(server: RunningServer) -> None:
    """The shares are 27.3 %, 54.5 % and 18.2 %; rounded down, their sum would be 99 %."""
    text = (await server.get("/products/chefs")).text
    assert re.findall(r'data-label="Share" class="num">(.*?)<', text) == ["27%", "55%", "18%"]
