"""Requests that are rejected: without the scope, from another site, too many, too long, or without a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitor.access.scopes import Scope
from monitor.web.openapi_alerts import OPERATIONS
from tests.monitor.web.writes.conftest import ledger_of_sink
from tests.support.writable_server import WritableServer, open_alert

if TYPE_CHECKING:
    from tests.support.sinks import Sink


async def test_too_long_body_is_rejected(server: WritableServer) -> None:
    response = await server.ask("POST", "/api/v1/silences", server.token(), data=b'{"reason": "' + b"x" * 100_000)
    assert (response.status, response.body["error"]) == (413, "the body is longer than 65536 bytes")


WRITES = [
    (operation.method.upper(), operation.path.format(key="k", id="ops"))
    for operation in OPERATIONS
    if operation.scope is not None
]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_operation_with_a_scope_is_rejected_without_it(server: WritableServer, method: str, path: str) -> None:
    key = await open_alert(server)
    path = path.replace("/k/", f"/{key}/")
    facts = any(name in path for name in ("corrections", "deployments", "attestations", "evidence"))
    other = Scope.ALERTS_WRITE if facts else Scope.FACTS_WRITE
    tokens = "", "wrong", server.token(Scope.READ, other)
    assert [(await server.ask(method, path, token)).status for token in tokens] == [401, 401, 403]
    assert server.journal == []


async def test_token_with_read_scope_cannot_change_anything(server: WritableServer) -> None:
    token = server.token(Scope.ALERTS_READ)
    assert (await server.ask("GET", "/api/v1/notifications?state=waiting", token)).status == 200
    statuses = {(await server.ask(method, path, token)).status for method, path in WRITES if method != "GET"}
    assert statuses == {403}


async def test_token_limited_to_products_changes_only_these_products(server: WritableServer) -> None:
    token = server.token(products=("sso",))
    forms, sso = await open_alert(server), await open_alert(server, "sso/health")
    everything = {"all": True, "for": "1h", "reason": "x"}
    for body in (everything, everything | {"all": None, "product": "forms"}, everything | {"all": None, "key": forms}):
        sent = {name: value for name, value in body.items() if value is not None}
        assert (await server.ask("POST", "/api/v1/silences", token, json=sent)).status == 403
    rejected = [
        ("POST", f"/api/v1/alerts/{forms}/acknowledge"),
        ("POST", "/api/v1/notifications/retry"),
        ("POST", "/api/v1/receivers/ops/test"),
    ]
    assert {(await server.ask(*request, token)).status for request in rejected} == {403}
    assert server.journal == []
    assert (await server.ask("POST", f"/api/v1/alerts/{sso}/acknowledge", token)).status == 200
    keyed = {"key": sso, "for": "1h", "reason": "x"}
    assert (await server.ask("POST", "/api/v1/silences", token, json=keyed)).status == 201
    response = (await server.ask("GET", "/api/v1/notifications?state=waiting", token)).body
    assert {notification["product"] for notification in response} == {"sso"}


async def test_changes_with_one_token_are_rate_limited(server: WritableServer) -> None:
    token, other = server.token(), server.token(name="other")
    body = {"all": True, "for": "1h", "reason": "x"}
    statuses = [(await server.ask("POST", "/api/v1/silences", token, json=body)).status for _ in range(12)]
    assert statuses == [201] * 10 + [429] * 2
    assert (await server.ask("POST", "/api/v1/silences", other, json=body)).status == 201


async def test_fact_that_cannot_be_written_is_rejected_and_has_no_effect(server: WritableServer) -> None:
    server.record.with_name("ninewatch.db.journal.jsonl").mkdir()
    body = {"all": True, "for": "1h", "reason": "x"}
    response = await server.ask("POST", "/api/v1/silences", server.token(), json=body)
    assert (response.status, response.body["error"]) == (503, "the record cannot be written")
    assert str(server.record.parent) not in response.text
    assert (await server.ask("GET", "/api/v1/silences")).body == []


async def test_page_of_another_site_cannot_write_through_a_browser(server: WritableServer) -> None:
    """A browser sends no `Authorization` by itself, and no response permits it for another origin."""
    body = '{"all": true, "for": "1h", "reason": "x"}'
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain", "Cookie": "a=b"}
    response = await server.ask("POST", "/api/v1/silences", headers=headers, data=body)
    assert (response.status, [name for name in response.headers if name.lower().startswith("access-control")]) == (
        401,
        [],
    )
    preflight = await server.ask("OPTIONS", "/api/v1/silences", headers=headers)
    assert (preflight.status, preflight.headers["Allow"]) == (405, "GET,HEAD,POST".replace(",", ", "))
    rebound = await server.ask("POST", "/api/v1/silences", server.token(), headers={"Host": "evil.example"}, data=body)
    assert rebound.status == 421


async def test_server_without_a_daemon_rejects_changes(tmp_path: Path, publish: Any, sink: Sink) -> None:
    from monitor.access.tokens import TokenFile, new_token

    served = await publish(ledger_of_sink(sink), record=tmp_path / "r.db")
    token, text = new_token("ci", "Ada", [Scope.ALERTS_WRITE], served.clock.now())
    TokenFile.of(tmp_path / "r.db").add(token)
    response = await served.get("/api/v1/silences", "POST", headers={"Authorization": f"Bearer {text}"}, json={})
    assert (response.status, (await response.json())["error"]) == (503, "this server accepts no changes")
