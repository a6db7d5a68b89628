"""Pauses over HTTP: they are added, shown in the API, on the page and in the metrics, and ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.facts.pauses import added_pauses
from monitor.web.openapi import description
from sla.interval import HOUR
from sla.window import format_instant
from tests.support.ledgers import FakeCheck, ledger_of, probe_all, product
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/api/v1/pauses"
BODY = {"product": "forms", "check": "health", "for": "2h", "reason": "moved to another cluster"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    disabled = {**product("sso"), "checks": (FakeCheck(id="health", enabled=False),)}
    ledger = ledger_of(product("forms", 2), disabled)
    async with writable(ledger, tmp_path) as served:
        probe_all(ledger, ledger.entries_of("forms"), served.clock.now(), served.clock.now())
        served.facts.add(added_pauses(ledger.portfolio, ledger.facts, served.clock.now()))
        yield served


def matches(body: Any, path: str, method: str, status: int = 200) -> None:
    document = description()
    operation = document["paths"][path][method]["responses"][str(status)]
    jsonschema.validate(body, operation["content"]["application/json"]["schema"] | document)


async def test_pause_is_added_shown_and_ended(server: WritableServer) -> None:
    token, now = server.token(Scope.FACTS_WRITE, name="deploy"), server.clock.now()
    created = await server.ask("POST", PATH, token, json=BODY)
    matches(created.body, PATH, "post", 201)
    assert (created.status, created.body["author"], created.body["check"]) == (201, "deploy", "health")
    assert created.body["until"] == format_instant(now + 2 * HOUR)
    listed = await server.ask("GET", f"{PATH}?product=forms")
    matches(listed.body, PATH, "get")
    assert listed.body == [created.body]
    detail = (await server.ask("GET", "/api/v1/products/forms")).body
    matches(detail, "/api/v1/products/{id}", "get")
    assert [(check["state"], check["paused"]) for check in detail["checks"]] == [
        ("unknown", created.body),
        ("up", None),
    ]
    page = (await server.page("GET", "/products/forms")).text
    text = "paused until 2026-09-21 09:13:20 PDT by deploy: moved to another cluster"
    assert text in page
    assert f"<strong>Paused:</strong> health is {text}." in page
    metrics = (await server.ask("GET", "/metrics")).text
    assert 'ninewatch_check_paused{product="forms",check="health"} 1' in metrics
    assert 'ninewatch_check_paused{product="forms",check="check-1"}' not in metrics
    server.clock.jump(60)
    ended = await server.ask("POST", f"{PATH}/{created.body['id']}/end", token, json={"reason": "moved"})
    matches(ended.body, f"{PATH}/{{id}}/end", "post")
    assert (ended.status, ended.body["ended"]) == (200, format_instant(server.clock.now()))
    assert (await server.ask("GET", f"{PATH}?product=forms")).body == []
    assert (await server.ask("POST", f"{PATH}/{created.body['id']}/end", token, json={"reason": "x"})).status == 404
    assert [(fact.kind, fact.author) for fact in server.journal] == [("pause", "deploy"), ("pause_end", "deploy")]


async def test_pause_of_a_product_covers_its_checks(server: WritableServer) -> None:
    body = {key: value for key, value in BODY.items() if key != "check"}
    created = await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE), json=body)
    assert created.body["check"] is None
    checks = (await server.ask("GET", "/api/v1/products/forms")).body["checks"]
    assert [check["paused"]["id"] for check in checks] == [created.body["id"]] * 2
    assert ">paused</span>" in (await server.page("GET", "/")).text


async def test_page_of_a_paused_product_is_not_out_of_date(server: WritableServer) -> None:
    body = {key: value for key, value in BODY.items() if key != "check"}
    server.clock.jump(1_000)
    assert "may be out of date" in (await server.page("GET", "/products/forms")).text
    await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE), json=body)
    page = (await server.page("GET", "/products/forms")).text
    assert "may be out of date" not in page
    assert "<strong>Paused:</strong> until " in page


async def test_disabled_check_is_paused_by_the_configuration_and_cannot_be_resumed(server: WritableServer) -> None:
    (pause,) = (await server.ask("GET", PATH)).body
    assert (pause["author"], pause["until"], pause["reason"]) == ("configuration", None, "enabled: false")
    answer = await server.ask(
        "POST", f"{PATH}/{pause['id']}/end", server.token(Scope.FACTS_WRITE), json={"reason": "x"}
    )
    assert (answer.status, answer.body["remedy"]) == (409, "remove `enabled: false` from the configuration")
    assert "paused by configuration: enabled: false" in (await server.page("GET", "/products/sso")).text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"product": "nope"}, 404),
        ({"product": ["forms"]}, 404),
        ({"check": "nope"}, 404),
        ({"check": 7}, 404),
        ({"for": None}, 400),
        ({"until": "2254-01-01T00:00:00Z"}, 400),
        ({"reason": ""}, 400),
        ({"author": "root"}, 400),
    ],
)
async def test_invalid_pause_is_rejected_with_a_remedy(
    server: WritableServer, change: dict[str, Any], status: int
) -> None:
    response = await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE), json=BODY | change)
    assert (response.status, set(response.body)) == (status, {"error", "remedy"})
    assert server.journal == []


async def test_change_needs_the_scope_and_the_product(server: WritableServer) -> None:
    tokens = "", "wrong", server.token(Scope.READ, Scope.ALERTS_WRITE), server.token(
        Scope.FACTS_WRITE, name="limited", products=("sso",)
    )  # fmt: skip
    assert [(await server.ask("POST", PATH, token, json=BODY)).status for token in tokens] == [401, 401, 403, 403]
    created = (await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE, name="all"), json=BODY)).body
    path = f"{PATH}/{created['id']}/end"
    assert [(await server.ask("POST", path, token, json={"reason": "x"})).status for token in tokens] == [
        401,
        401,
        403,
        403,
    ]
