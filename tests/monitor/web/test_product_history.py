"""/api/v1/products/ID/history: definitions as differences, corrections, and facts of unknown kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.facts.definitions import definition_of
from monitor.facts.fact_index import Facts
from monitor.web.openapi import PATHS
from monitor.web.openapi_schemas import SCHEMAS
from sla.correction import Correction
from sla.fact import Fact
from sla.interval import HOUR, Interval
from sla.objective import Objective
from sla.window import format_instant
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from tests.monitor.web.conftest import RunningServer


@pytest.fixture
def site_with_facts(server: RunningServer) -> RunningServer:
    """Add two definitions of css, a correction and a note to the ledger; the product `gone` has facts only."""
    first = definition_of(server.ledger.products["css"], "UTC", NOW - 5 * HOUR)
    second = replace(first, made=NOW - 3 * HOUR, objective=Objective.parse("99.9%"))
    facts = [
        first.fact("ninewatch.yaml"),
        Correction("css", Interval(0, HOUR), "Ana", "account locked", NOW - 4 * HOUR).fact(),
        second.fact("ninewatch.yaml"),
        Fact.of(NOW - HOUR, "Ben", "note", "css", {"text": "moved"}),
        Fact.of(NOW - HOUR, "Ben", "note", "gone", {}),
    ]
    server.ledger.facts = Facts(facts)
    return server


async def get_history(server: RunningServer, path: str) -> list[dict[str, Any]]:
    response = await server.get(f"/api/v1/products/{path}")
    facts = await response.json()
    assert response.status == 200, facts
    schema = PATHS["/api/v1/products/{id}/history"][1]
    jsonschema.validate(facts, schema | {"components": {"schemas": SCHEMAS}})
    return facts  # type: ignore[return-value]


async def test_facts_are_listed_in_order_of_their_creation(site_with_facts: RunningServer) -> None:
    facts = await get_history(site_with_facts, "css/history")
    assert [(fact["kind"], fact["author"]) for fact in facts] == [
        ("definition", "configuration"),
        ("correction", "Ana"),
        ("definition", "configuration"),
        ("note", "Ben"),
    ]
    assert facts[0]["changes"] == ["defined: all of health; objective 99.5% over 30d"]
    assert facts[2]["changes"] == ["objective 99.5% -> 99.9%"]
    assert facts[3]["body"] == {"text": "moved"}
    assert facts[2]["made"] == format_instant(NOW - 3 * HOUR)


async def test_since_parameter_does_not_change_the_differences(site_with_facts: RunningServer) -> None:
    facts = await get_history(site_with_facts, f"css/history?since={format_instant(NOW - 3 * HOUR)}")
    assert [fact["changes"] for fact in facts] == [["objective 99.5% -> 99.9%"], ['{"text":"moved"}']]
    assert await get_history(site_with_facts, f"css/history?since={format_instant(NOW)}") == []


async def test_removed_product_keeps_its_history(site_with_facts: RunningServer) -> None:
    assert [change["kind"] for change in await get_history(site_with_facts, "gone/history")] == ["note"]


@pytest.mark.parametrize(
    ("path", "status", "expected_text"),
    [
        ("nobody/history", 404, "unknown product"),
        ("css/history?since=yesterday", 400, "since is not an RFC 3339 instant"),
        ("css/history?since=2026-01-01T00:00:00", 400, "since is not an RFC 3339 instant"),
        ("css/history?until=2026-01-01T00:00:00Z", 400, "unknown parameter"),
    ],
)
async def test_invalid_query_is_rejected(
    site_with_facts: RunningServer, path: str, status: int, expected_text: str
) -> None:
    response = await site_with_facts.get(f"/api/v1/products/{path}")
    body: Any = await response.json()
    assert response.status == status
    assert expected_text in body["error"]
