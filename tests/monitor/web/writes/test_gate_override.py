"""Overrides of the release gate over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.access.scopes import Scope
from sla.interval import HOUR
from sla.window import format_instant

if TYPE_CHECKING:
    from tests.support.writable_server import WritableServer


async def test_gate_is_overridden_and_the_override_ended_with_author_and_reason(server: WritableServer) -> None:
    token, path = server.token(Scope.GATE_WRITE, name="release"), "/api/v1/products/forms/gate"
    body = {"answer": "hold", "for": "4h", "reason": "holiday freeze"}
    created = await server.ask("POST", f"{path}/override", token, json=body)
    assert (created.status, created.body["author"], created.body["product"]) == (201, "release", "forms")
    assert created.body["until"] == format_instant(server.clock.now() + 4 * HOUR)
    gate_body = (await server.ask("GET", path)).body
    assert (gate_body["gate"], gate_body["override"]) == (
        "hold",
        {k: v for k, v in created.body.items() if k != "product"},
    )
    server.clock.jump(1)
    result = await server.ask("POST", f"{path}/override/end", token, json={"reason": "over"})
    assert (result.status, result.body["id"], result.body["until"]) == (
        200,
        created.body["id"],
        format_instant(server.clock.now()),
    )
    assert (await server.ask("GET", path)).body["override"] is None
    assert (await server.ask("POST", f"{path}/override/end", token, json={"reason": "again"})).status == 404
    assert {(fact.kind, fact.author) for fact in server.journal} == {
        ("gate_override", "release"),
        ("gate_override_end", "release"),
    }


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"answer": "perhaps"}, 400),
        ({"answer": None}, 400),
        ({"answer": ["go"]}, 400),
        ({"reason": " "}, 400),
        ({"for": None}, 400),
        ({"until": "2026-12-01T00:00:00Z"}, 400),
        ({"author": "root"}, 400),
    ],
)
async def test_invalid_gate_override_is_rejected(server: WritableServer, change: dict[str, Any], status: int) -> None:
    token, body = server.token(Scope.GATE_WRITE), {"answer": "go", "for": "4h", "reason": "x", **change}
    response = await server.ask("POST", "/api/v1/products/forms/gate/override", token, json=body)
    assert (response.status, set(response.body)) == (status, {"error", "remedy"})
    assert server.journal == []


async def test_gate_of_another_product_is_not_overridden(server: WritableServer) -> None:
    body = {"answer": "go", "for": "4h", "reason": "x"}
    limited = server.token(Scope.GATE_WRITE, products=("sso",))
    facts = server.token(Scope.FACTS_WRITE, name="facts")
    path = "/api/v1/products/{}/gate/override"
    statuses = [
        (await server.ask("POST", path.format(product), token, json=body)).status
        for product, token in (("forms", limited), ("nothing", limited), ("forms", facts), ("sso", limited))
    ]
    assert statuses == [403, 404, 403, 201]
