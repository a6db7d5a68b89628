"""Why a product was down, in the API and on its page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jsonschema
import pytest

from monitor.web.openapi_schemas import SCHEMAS
from sla.interval import DAY, HOUR, MINUTE
from tests.support.ledgers import NOW, history, ledger_of, product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

START = NOW - 3 * DAY


def outage(after: int, minutes: int) -> tuple[int, int, str]:
    first = START + after
    return first, first + (minutes - 1) * MINUTE, "deadline"


def troubled() -> Ledger:
    """CHEFS was down for an hour with Keycloak, half an hour by itself, and twenty minutes with both others."""
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
    runs = [run for name, each in outages.items() for run in history(f"{name}/health", START, NOW, each)]
    ledger.restore(runs, [], [])
    return ledger


@pytest.fixture
async def site(publish: Callable[..., Awaitable[RunningServer]]) -> RunningServer:
    return await publish(troubled())


async def test_the_split_adds_up_to_the_downtime_that_is_measured(site: RunningServer) -> None:
    found = await (await site.get("/api/v1/products/chefs/blame?window=7d")).json()
    jsonschema.validate(found, SCHEMAS["Blame"])
    assert found["shared"] == [
        {"dependencies": ["keycloak"], "seconds": 3600.0},
        {"dependencies": ["keycloak", "mail"], "seconds": 1200.0},
    ]
    assert (found["own_seconds"], found["unclear_seconds"]) == (1800.0, 0.0)
    measured = await (await site.get("/api/v1/products/chefs/availability?window=7d")).json()
    shared = sum(each["seconds"] for each in found["shared"])
    assert found["own_seconds"] + shared == found["downtime_seconds"] == measured["downtime_seconds"]["point"]
    assert found["window"] == measured["window"]


async def test_what_was_measured_together_stands_beside_what_independence_predicts(site: RunningServer) -> None:
    """CHEFS and Keycloak fail together, so that all of it was up for longer than chance would have it."""
    found = await (await site.get("/api/v1/products/chefs/blame")).json()
    assert found["together"]["point"] > found["together_if_independent"]
    keycloak, mail = found["dependencies"]
    assert (keycloak["id"], keycloak["shared_seconds"], keycloak["downtime_seconds"]) == ("keycloak", 4800.0, 4800.0)
    assert keycloak["shared_if_independent_seconds"] == pytest.approx(6600 * 4800 / (3 * 86_400), rel=0.01)
    assert mail["shared_seconds"] == 1200.0


async def test_a_product_that_depends_on_nothing_has_only_itself(site: RunningServer) -> None:
    found = await (await site.get("/api/v1/products/mail/blame?window=7d")).json()
    assert (found["own_seconds"], found["shared"], found["dependencies"]) == (1200.0, [], [])


async def test_an_instant_of_the_past_is_looked_from(site: RunningServer) -> None:
    found = await (await site.get(f"/api/v1/products/chefs/blame?window=1h&at={'2020-01-01T00:00:00Z'}")).json()
    assert (found["downtime_seconds"], found["together"]["point"]) == (0.0, None)


@pytest.mark.parametrize(
    ("path", "status"), [("chefs/blame?window=x", 400), ("chefs/blame?figure=raw", 400), ("nobody/blame", 404)]
)
async def test_a_bad_question_is_refused(path: str, status: int, site: RunningServer) -> None:
    answer = await site.get(f"/api/v1/products/{path}")
    assert (answer.status, set(await answer.json())) == (status, {"error", "remedy"})


async def test_the_page_tells_it_in_words_with_names_escaped(site: RunningServer) -> None:
    text = (await site.get("/products/chefs")).text
    assert "Downtime by cause" in text
    assert "The rows add up to 1h 50m" in text
    assert "Sign-on &lt;b&gt; was down too" in text
    assert "Sign-on &lt;b&gt; and E-mail were down too" in text
    assert "The product itself (all dependencies were up)" in text
    assert "Downtime by cause" not in (await site.get("/products/mail")).text


async def test_the_shares_on_the_page_add_up_to_all_of_it(site: RunningServer) -> None:
    """27.3 %, 54.5 % and 18.2 % of the downtime: floored, they would be 99 % together."""
    text = (await site.get("/products/chefs")).text
    assert re.findall(r'data-label="Share" class="num">(.*?)<', text) == ["27%", "55%", "18%"]
