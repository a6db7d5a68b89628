"""Reviews of objectives over HTTP and on pages: cycles, overdue reviews, and the figures that a review saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.views.reviews import overdue_reviews
from monitor.web.openapi import description
from monitor.web.reviews import OPERATIONS
from sla.interval import DAY, SECOND
from tests.support.alerting import GOOD, ledger_with_receivers
from tests.support.ledgers import product
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATH = "/api/v1/products/forms/reviews"
KEEP = {"decision": "keep", "reason": "clients need no more"}


@pytest.fixture
async def reviewed(tmp_path: Path) -> AsyncIterator[WritableServer]:
    cycles = ({"every": "90d", "owner": "Service Manager"}, {"every": "365d", "owner": "Platform team"})
    products = [product(name, review=cycle) for name, cycle in zip(("forms", "sso"), cycles, strict=True)]
    async with writable(ledger_with_receivers(*products, product("other"), receivers=[]), tmp_path) as server:
        yield server


async def test_review_records_decision_reason_author_and_the_figures_it_saw(reviewed: WritableServer) -> None:
    reviewed.harness.observe(GOOD, GOOD, GOOD, key="forms/health")
    shown = (await reviewed.ask("GET", "/api/v1/products/forms/availability?figure=contractual")).body
    created = await reviewed.ask("POST", PATH, reviewed.token(Scope.FACTS_WRITE, name="Ana"), json=KEEP)
    assert (created.status, created.body["author"], created.body["decision"]) == (201, "Ana", "keep")
    seen = created.body["figures"]["contractual"]
    assert seen["availability"] == shown["availability"]
    assert seen["up_seconds"] == shown["up_seconds"] > 0
    assert {"raw", "promise"} <= set(created.body["figures"])
    (fact,) = reviewed.journal
    assert (fact.kind, fact.product, fact.content()["figures"]) == (
        "objective_review",
        "forms",
        created.body["figures"],
    )
    (entry,) = (await reviewed.ask("GET", "/api/v1/products/forms/history")).body
    assert entry["changes"] == ["objectives reviewed, keep the objectives: clients need no more"]


async def test_overdue_reviews_are_listed_longest_overdue_first_until_they_are_done(reviewed: WritableServer) -> None:
    ledger, token = reviewed.harness.ledger, reviewed.token(Scope.FACTS_WRITE)
    assert (await reviewed.ask("POST", PATH, token, json=KEEP)).status == 201
    first = reviewed.clock.now()
    assert overdue_reviews(ledger, first + 90 * DAY) == []
    (cycle,) = overdue_reviews(ledger, first + 91 * DAY)
    assert (cycle.product, cycle.owner, cycle.overdue) == ("forms", "Service Manager", DAY)
    reviewed.clock.jump(91 * DAY / SECOND)
    rows = (await reviewed.ask("GET", "/api/v1/reviews?overdue=true")).body
    assert [(row["product"], row["last"]["reason"]) for row in rows] == [("forms", "clients need no more")]
    attention = "review of the objectives overdue for 1d, by Service Manager"
    assert attention in (await reviewed.page("GET", "/")).text
    assert "<strong>Overdue since" in (await reviewed.page("GET", "/products/forms")).text
    assert (await reviewed.ask("POST", PATH, token, json=KEEP)).status == 201
    assert (await reviewed.ask("GET", "/api/v1/reviews?overdue=true")).body == []
    assert attention not in (await reviewed.page("GET", "/")).text
    assert "Next review due" in (await reviewed.page("GET", "/products/forms")).text
    every = (await reviewed.ask("GET", "/api/v1/reviews")).body
    assert [(row["product"], row["overdue"]) for row in every] == [("forms", False), ("sso", False)]
    assert 'id="review"' not in (await reviewed.page("GET", "/products/other")).text


@pytest.mark.parametrize(
    ("change", "status"),
    [({"decision": "perhaps"}, 400), ({"decision": ["keep"]}, 400), ({"reason": " "}, 400), ({"author": "root"}, 400)],
)
async def test_invalid_review_is_rejected(reviewed: WritableServer, change: dict[str, Any], status: int) -> None:
    answer = await reviewed.ask("POST", PATH, reviewed.token(Scope.FACTS_WRITE), json={**KEEP, **change})
    assert (answer.status, set(answer.body)) == (status, {"error", "remedy"})
    assert reviewed.journal == []


async def test_only_known_products_and_values_are_accepted(reviewed: WritableServer) -> None:
    token = reviewed.token(Scope.FACTS_WRITE, products=("sso",))
    assert (await reviewed.ask("POST", PATH, token, json=KEEP)).status == 403
    token = reviewed.token(Scope.FACTS_WRITE)
    assert (await reviewed.ask("POST", PATH.replace("forms", "none"), token, json=KEEP)).status == 404
    assert (await reviewed.ask("GET", "/api/v1/reviews?overdue=maybe")).status == 400


async def test_responses_match_the_openapi_description(reviewed: WritableServer) -> None:
    described = description()
    components = {"components": described["components"]}
    (operation,) = OPERATIONS
    created = await reviewed.ask("POST", PATH, reviewed.token(Scope.FACTS_WRITE), json=operation.request_example)
    for body in (created.body, operation.example):
        jsonschema.validate(body, operation.response | components)
    listed = described["paths"]["/api/v1/reviews"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    rows = (await reviewed.ask("GET", "/api/v1/reviews")).body
    jsonschema.validate(rows, listed | components)
    assert [row["last"] is None for row in rows] == [False, True]
