"""Planned maintenance over HTTP: windows are added, listed, applied and ended with the permissions of tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.alerting.mutes import in_maintenance
from monitor.web.openapi import description
from monitor.web.openapi_maintenance import OPERATIONS
from sla.interval import HOUR
from sla.window import format_instant
from tests.support.ledgers import ledger_of, product
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/api/v1/maintenance"
BODY = {"product": "forms", "for": "2h", "reason": "upgrade"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    weekly = {"start": "2026-09-06T02:00", "end": "2026-09-06T04:00", "rrule": "FREQ=WEEKLY", "reason": "patches"}
    async with writable(ledger_of(product("forms"), product("sso", maintenance=[weekly])), tmp_path) as served:
        yield served


def matches(body: Any, path: str, method: str = "post", status: int = 200) -> None:
    """Validate the response with the OpenAPI description."""
    document = description()
    operation = document["paths"][path][method]["responses"][str(status)]
    jsonschema.validate(body, operation["content"]["application/json"]["schema"] | document)


async def test_window_is_added_listed_applied_and_ended_early(server: WritableServer) -> None:
    token, ledger, now = server.token(Scope.FACTS_WRITE, name="deploy"), server.harness.ledger, server.clock.now()
    created = await server.ask("POST", PATH, token, json=BODY)
    matches(created.body, PATH, status=201)
    assert (created.status, created.body["author"], created.body["product"]) == (201, "deploy", "forms")
    assert (created.body["start"], created.body["end"]) == (format_instant(now), format_instant(now + 2 * HOUR))
    assert in_maintenance(ledger, "forms", now)
    assert not in_maintenance(ledger, "sso", now)
    server.clock.jump(1800)
    result = await server.ask("POST", f"{PATH}/{created.body['id']}/end", token, json={"reason": "finished"})
    matches(result.body, f"{PATH}/{{id}}/end")
    assert (result.status, result.body["ended"]) == (200, format_instant(server.clock.now()))
    (exclusion,) = ledger.facts.windows("forms")
    assert (exclusion.interval.start, exclusion.interval.end) == (now, server.clock.now())
    assert not in_maintenance(ledger, "forms", server.clock.now())
    assert (await server.ask("POST", f"{PATH}/{created.body['id']}/end", token, json={"reason": "x"})).status == 409
    assert [fact.author for fact in server.journal] == ["deploy", "deploy"]


async def test_list_has_the_maintenance_of_the_configuration_and_added_windows(server: WritableServer) -> None:
    await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE), json=BODY)
    listed = await server.ask("GET", PATH)
    matches(listed.body, PATH, "get")
    reasons = {(row["product"], row["reason"], row["id"] is None) for row in listed.body}
    assert reasons == {("forms", "upgrade", False), ("sso", "patches", True)}
    assert {row["product"] for row in (await server.ask("GET", f"{PATH}?product=sso")).body} == {"sso"}
    assert (await server.ask("GET", f"{PATH}?product=nope")).status == 404
    assert (await server.ask("GET", f"{PATH}?produkt=sso")).status == 400


async def test_window_of_all_products_starts_later_and_is_cancelled(server: WritableServer) -> None:
    token, start = server.token(Scope.FACTS_WRITE), format_instant(server.clock.now() + 24 * HOUR)
    body = {"all": True, "start": start, "for": "1h", "reason": "data centre"}
    created = await server.ask("POST", PATH, token, json=body)
    assert (created.body["product"], created.body["start"]) == (None, start)
    assert {row["product"] for row in (await server.ask("GET", PATH)).body if row["id"]} == {"forms", "sso"}
    await server.ask("POST", f"{PATH}/{created.body['id']}/end", token, json={"reason": "postponed"})
    assert [row for row in (await server.ask("GET", PATH)).body if row["id"]] == []


async def test_token_of_another_product_is_rejected(server: WritableServer) -> None:
    token = server.token(Scope.FACTS_WRITE)
    limited = server.token(Scope.FACTS_WRITE, name="limited", products=("sso",))
    created = (await server.ask("POST", PATH, token, json=BODY)).body
    every = {"all": True, "for": "2h", "reason": "x"}
    end = f"{PATH}/{created['id']}/end"
    answers = [
        (await server.ask("POST", path, limited, json=body)).status for path, body in ((PATH, BODY), (PATH, every))
    ]
    assert [*answers, (await server.ask("POST", end, limited, json={"reason": "x"})).status] == [403, 403, 403]
    assert len(server.journal) == 1


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
async def test_change_needs_the_scope(server: WritableServer, operation: Any) -> None:
    tokens = "", "wrong", server.token(Scope.READ, Scope.ALERTS_WRITE, Scope.DRILLS_WRITE, Scope.GATE_WRITE)
    path = operation.path.format(id="x")
    body = operation.request_example
    assert [(await server.ask("POST", path, token, json=body)).status for token in tokens] == [401, 401, 403]
    assert server.journal == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"product": None}, 400),
        ({"all": True}, 400),
        ({"product": None, "all": False}, 400),
        ({"product": "nope"}, 404),
        ({"product": ["forms"]}, 404),
        ({"start": "tomorrow"}, 400),
        ({"start": "2020-01-01T00:00:00Z"}, 400),
        ({"until": "2254-01-01T00:00:00Z"}, 400),
        ({"for": None}, 400),
        ({"for": None, "start": "2254-01-02T00:00:00Z", "until": "2254-01-01T00:00:00Z"}, 400),
        ({"reason": ""}, 400),
        ({"author": "root"}, 400),
    ],
)
async def test_invalid_window_is_rejected_with_a_remedy(
    server: WritableServer, change: dict[str, Any], status: int
) -> None:
    body = {key: value for key, value in (BODY | change).items() if value is not None}
    response = await server.ask("POST", PATH, server.token(Scope.FACTS_WRITE), json=body)
    assert (response.status, set(response.body)) == (status, {"error", "remedy"})
    assert server.journal == []


async def test_window_is_approved_by_another_token_before_its_start(server: WritableServer) -> None:
    author, reviewer = server.token(Scope.FACTS_WRITE, name="deploy"), server.token(Scope.FACTS_WRITE, name="review")
    limited = server.token(Scope.FACTS_WRITE, name="limited", products=("sso",))
    body = BODY | {"start": format_instant(server.clock.now() + HOUR)}
    path = f"{PATH}/{(await server.ask('POST', PATH, author, json=body)).body['id']}/approve"
    refused = [(await server.ask("POST", path, token, json={})).status for token in (author, limited)]
    assert refused == [409, 403]
    result = await server.ask("POST", path, reviewer, json={})
    matches(result.body, f"{PATH}/{{id}}/approve")
    assert (result.status, result.body["approved_by"]) == (200, "review")
    assert result.body["approved"] == format_instant(server.clock.now())
    assert (await server.ask("POST", path, reviewer, json={"reason": "x"})).status == 400
    again = await server.ask("POST", path, server.token(Scope.FACTS_WRITE, name="third"), json={})
    assert (again.status, again.body["error"]) == (409, "the window is already approved by review")
    assert {fact.author for fact in server.journal} == {"deploy", "review"}


async def test_list_reaches_as_far_as_asked(server: WritableServer) -> None:
    weeks = [len((await server.ask("GET", f"{PATH}?product=sso&ahead={ahead}")).body) for ahead in ("7d", "70d")]
    assert weeks == [1, 10]
    statuses = [(await server.ask("GET", f"{PATH}?ahead={ahead}")).status for ahead in ("soon", "401d", "0s")]
    assert statuses == [400, 400, 400]


async def test_unknown_window_cannot_be_ended(server: WritableServer) -> None:
    token = server.token(Scope.FACTS_WRITE)
    assert (await server.ask("POST", f"{PATH}/nope/end", token, json={"reason": "x"})).status == 404


def test_examples_match_their_schemas() -> None:
    for operation in OPERATIONS:
        jsonschema.validate(operation.example, operation.response | description())
        jsonschema.validate(operation.request_example, operation.request)


async def test_changed_window_replaces_the_former_one_and_keeps_what_is_not_stated(server: WritableServer) -> None:
    token, ledger, now = server.token(Scope.FACTS_WRITE, name="deploy"), server.harness.ledger, server.clock.now()
    first = (await server.ask("POST", PATH, token, json=BODY | {"start": format_instant(now + HOUR)})).body
    server.clock.jump(60)
    answer = await server.ask("POST", f"{PATH}/{first['id']}/change", token, json={"for": "1h"})
    matches(answer.body, f"{PATH}/{{id}}/change", status=201)
    assert (answer.body["reason"], answer.body["start"]) == ("upgrade", first["start"])
    assert answer.body["end"] == format_instant(now + 2 * HOUR)
    assert [row.interval.length for row in ledger.facts.windows("forms")] == [HOUR]
    server.clock.jump(5400)
    later = await server.ask("POST", f"{PATH}/{answer.body['id']}/change", token, json={"reason": "slower"})
    assert (later.body["start"], later.body["end"]) == (format_instant(server.clock.now()), answer.body["end"])
    assert in_maintenance(ledger, "forms", server.clock.now())
    assert (await server.ask("POST", f"{PATH}/{first['id']}/change", token, json={})).status == 409
    assert (await server.ask("POST", f"{PATH}/none/change", token, json={})).status == 404
    limited = server.token(Scope.FACTS_WRITE, name="other", products=("sso",))
    assert (await server.ask("POST", f"{PATH}/{later.body['id']}/change", limited, json={})).status == 403
