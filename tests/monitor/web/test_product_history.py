"""/api/v1/products/ID/history: definitions as differences, corrections, and facts of kinds that are not known yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.facts.definitions import definition_of
from monitor.facts.known_facts import Facts
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
def told(site: RunningServer) -> RunningServer:
    """Give the ledger two definitions of css, a correction and a note; the product `gone` is in the record only."""
    first = definition_of(site.ledger.products["css"], "UTC", NOW - 5 * HOUR)
    second = replace(first, made=NOW - 3 * HOUR, objective=Objective.parse("99.9%"))
    made = [
        first.fact("ninewatch.yaml"),
        Correction("css", Interval(0, HOUR), "Ana", "account locked", NOW - 4 * HOUR).fact(),
        second.fact("ninewatch.yaml"),
        Fact.of(NOW - HOUR, "Ben", "note", "css", {"text": "moved"}),
        Fact.of(NOW - HOUR, "Ben", "note", "gone", {}),
    ]
    site.ledger.facts = Facts(made)
    return site


async def answered(site: RunningServer, path: str) -> list[dict[str, Any]]:
    answer = await site.get(f"/api/v1/products/{path}")
    found = await answer.json()
    assert answer.status == 200, found
    schema = PATHS["/api/v1/products/{id}/history"][1]
    jsonschema.validate(found, schema | {"components": {"schemas": SCHEMAS}})
    return found  # type: ignore[return-value]


async def test_facts_are_listed_by_when_they_were_made(told: RunningServer) -> None:
    found = await answered(told, "css/history")
    assert [(each["kind"], each["author"]) for each in found] == [
        ("definition", "configuration"),
        ("correction", "Ana"),
        ("definition", "configuration"),
        ("note", "Ben"),
    ]
    assert found[0]["changes"] == ["defined: all of health; objective 99.5% over 30d"]
    assert found[2]["changes"] == ["objective 99.5% -> 99.9%"]
    assert found[3]["body"] == {"text": "moved"}
    assert found[2]["made"] == format_instant(NOW - 3 * HOUR)


async def test_since_takes_nothing_from_the_differences(told: RunningServer) -> None:
    found = await answered(told, f"css/history?since={format_instant(NOW - 3 * HOUR)}")
    assert [each["changes"] for each in found] == [["objective 99.5% -> 99.9%"], ['{"text":"moved"}']]
    assert await answered(told, f"css/history?since={format_instant(NOW)}") == []


async def test_a_product_that_left_the_configuration_keeps_its_history(told: RunningServer) -> None:
    assert [each["kind"] for each in await answered(told, "gone/history")] == ["note"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("nobody/history", 404, "unknown product"),
        ("css/history?since=yesterday", 400, "since is not an RFC 3339 instant"),
        ("css/history?since=2026-01-01T00:00:00", 400, "since is not an RFC 3339 instant"),
        ("css/history?until=2026-01-01T00:00:00Z", 400, "unknown parameter"),
    ],
)
async def test_a_bad_question_is_answered_with_what_to_write(
    told: RunningServer, path: str, status: int, says: str
) -> None:
    answer = await told.get(f"/api/v1/products/{path}")
    body: Any = await answer.json()
    assert answer.status == status
    assert says in body["error"]
