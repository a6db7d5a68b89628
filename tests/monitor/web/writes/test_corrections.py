"""Corrections over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.access.scopes import Scope
from sla.window import format_instant

if TYPE_CHECKING:
    from tests.support.writable_server import WritableServer


async def test_correction_is_added_and_revoked_with_its_author(server: WritableServer) -> None:
    token = server.token(Scope.FACTS_WRITE, name="audit")
    body = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "probe account locked"}
    created = await server.ask("POST", "/api/v1/products/forms/corrections", token, json=body)
    assert (created.status, created.body["author"], created.body["reason"]) == (201, "audit", "probe account locked")
    (actual,) = server.harness.ledger.facts.corrections.of("forms")
    assert (format_instant(actual.interval.start), actual.author) == (body["start"], "audit")
    path = f"/api/v1/corrections/{created.body['id']}/revoke"
    assert (await server.ask("POST", path, token, json={})).status == 400
    limited = server.token(Scope.FACTS_WRITE, name="limited", products=("sso",))
    assert (await server.ask("POST", path, limited, json={"reason": "x"})).status == 403
    result = await server.ask("POST", path, token, json={"reason": "it was the service"})
    assert (result.status, result.body["revokes"]) == (200, created.body["id"])
    assert server.harness.ledger.facts.corrections.of("forms") == ()
    assert (await server.ask("POST", path, token, json={"reason": "again"})).status == 409
    assert {fact.kind for fact in server.journal} == {"correction", "revocation"}


@pytest.mark.parametrize(
    "change",
    [
        {"start": "2026-09-01T02:00:00Z"},
        {"start": "2026-09-01T01:00:00Z"},
        {"end": "2999-01-01T00:00:00Z"},
        {"start": "1960-01-01T00:00:00Z"},
        {"start": "2026-09-01T00:00:00"},
        {"start": None},
        {"end": 7},
        {"reason": ""},
    ],
)
async def test_invalid_correction_is_rejected(server: WritableServer, change: dict[str, Any]) -> None:
    token = server.token(Scope.FACTS_WRITE)
    body = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "x", **change}
    assert (await server.ask("POST", "/api/v1/products/forms/corrections", token, json=body)).status == 400
    good = {**body, "start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z", "reason": "x"}
    assert (await server.ask("POST", "/api/v1/products/nobody/corrections", token, json=good)).status == 404
    assert server.journal == []
