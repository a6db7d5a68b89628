"""Drills over HTTP: permissions, rejected requests, and the same figures in API, page and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.web.openapi_drills import OPERATIONS, SCHEMAS
from monitor.web.openapi_schemas import SCHEMAS as SHARED_SCHEMAS
from sla.interval import MINUTE, SECOND
from tests.support.ledgers import BAD_RESULT, GOOD_RESULT, ledger_of, observe, product
from tests.support.writable_server import WritableServer, writable

if TYPE_CHECKING:
    from pathlib import Path

FAILOVER = {"kind": "failover", "rto": "15m", "rpo": "0s", "scenario": "Gold is lost", "participants": ["Ana Ng"]}
COMPONENTS = {"components": {"schemas": SHARED_SCHEMAS | SCHEMAS}}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    async with writable(ledger_of(product("forms"), product("sso")), tmp_path) as served:
        yield served


def probe(server: WritableServer, results: str, step: int = 10 * SECOND) -> None:
    """Probe the product every 10 s: `+` is good, `-` bad; the clock follows."""
    ledger = server.facts._ledger
    for result in results:
        server.clock.jump(step / SECOND)
        observe(
            ledger, ledger.entries["forms/health"], server.clock.now(), GOOD_RESULT if result == "+" else BAD_RESULT
        )


async def start_drill(server: WritableServer, token: str, **changes: Any) -> dict[str, Any]:
    response = await server.ask("POST", "/api/v1/products/forms/drills", token, json=FAILOVER | changes)
    assert response.status == 201, response.text
    body: dict[str, Any] = response.body
    return body


async def test_drill_is_started_measured_and_signed_off_over_the_api(server: WritableServer) -> None:
    """Good, then three bad probes 10 s apart, then good: down for 20 to 40 s."""
    token = server.token(Scope.DRILLS_WRITE)
    probe(server, "++")
    name = (await start_drill(server, token))["id"]
    probe(server, "+---+++")
    path = f"/api/v1/drills/{name}"
    assert (await server.ask("POST", f"{path}/end", token, json={})).status == 200
    probe(server, "+")
    lost = await server.ask("POST", f"{path}/recovery-points", token, json={"lost": "0s", "source": "ledger"})
    assert (lost.status, lost.body["rpa_seconds"]) == (201, 0.0)
    finding = {"text": "step 4 is wrong", "owner": "Cy", "due": "2020-01-31"}
    assert (await server.ask("POST", f"{path}/findings", token, json=finding)).status == 201
    signed = await server.ask("POST", f"{path}/sign-off", token, json={"note": "accepted"})
    response = await server.ask("GET", path)
    assert response.body | {"at": ""} == signed.body | {"at": ""}
    assert (response.body["met"], response.body["rta_seconds"]) == (True, {"low": 20.0, "point": 30.0, "high": 40.0})
    assert (response.body["by"], response.body["sign_offs"][0]["note"]) == ("pipeline", "accepted")
    assert (await server.ask("GET", "/api/v1/drills?product=forms")).body == [response.body]
    assert (await server.ask("GET", "/api/v1/drills?product=sso")).body == []
    jsonschema.validate(response.body, SCHEMAS["Drill"] | COMPONENTS)
    metrics = (await server.ask("GET", "/metrics")).text
    labels = 'product="forms",kind="failover"'
    assert f"ninewatch_drill_met{{{labels}}} 1" in metrics
    assert f'ninewatch_drill_recovery_time_seconds{{{labels},bound="high"}} 40.0' in metrics
    assert f"ninewatch_drill_recovery_point_seconds{{{labels}}} 0.0" in metrics
    assert f"ninewatch_last_drill_age_seconds{{{labels}}} 10.0" in metrics
    assert f"ninewatch_drill_active{{{labels}}} 0" in metrics
    assert 'ninewatch_drill_findings_overdue{product="forms"} 1' in metrics
    page = (await server.ask("GET", "/products/forms")).text
    assert "step 4 is wrong" in page
    assert "30s (20s to 40s)" in page
    revoke = await server.ask(
        "POST", f"/api/v1/evidence/{name}/revoke", server.token(Scope.FACTS_WRITE), json={"reason": "a mistake"}
    )
    assert revoke.status == 200
    revoked = (await server.ask("GET", path)).body
    assert (revoked["met"], revoked["reason"]) == (None, "the drill was revoked: a mistake")
    metrics = (await server.ask("GET", "/metrics")).text
    assert "ninewatch_last_drill_age_seconds{" not in metrics  # so that the drill is due again
    assert 'ninewatch_drill_findings_overdue{product="forms"} 0' in metrics


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("products/nope/drills", {"kind": "deploy"}, 404, "unknown product"),
        ("products/forms/drills", {"kind": "party"}, 400, "unknown kind of drill"),
        ("products/forms/drills", {"kind": "deploy", "rto": "soon"}, 400, "rto is not a duration"),
        (
            "products/forms/drills",
            {"kind": "deploy", "participants": "Ana"},
            400,
            "participants is not a list of names",
        ),
        ("products/forms/drills", {"kind": "deploy"}, 409, "a drill of the product is in progress"),
        ("drills/nope/end", {}, 404, "unknown drill"),
        ("drills/ID/sign-off", {"note": "x"}, 409, "the drill is in progress"),
        ("drills/ID/findings", {"text": "x", "owner": "y", "due": "soon"}, 400, "due is not a date"),
        ("drills/ID/recovery-points", {"lost": "much", "source": "x"}, 400, "lost is not a duration"),
    ],
)
async def test_mistake_is_rejected_with_a_remedy(
    server: WritableServer, path: str, body: dict[str, Any], status: int, error: str
) -> None:
    token = server.token(Scope.DRILLS_WRITE)
    name = (await start_drill(server, token))["id"]
    response = await server.ask("POST", f"/api/v1/{path.replace('ID', name)}", token, json=body)
    assert (response.status, response.body["error"]) == (status, error)


async def test_token_without_scope_or_product_is_rejected_and_drill_ends_once(server: WritableServer) -> None:
    path = "/api/v1/products/forms/drills"
    assert (await server.ask("POST", path, server.token(Scope.FACTS_WRITE), json=FAILOVER)).status == 403
    other = server.token(Scope.DRILLS_WRITE, name="other", products=("sso",))
    assert (await server.ask("POST", path, other, json=FAILOVER)).status == 403
    token = server.token(Scope.DRILLS_WRITE, name="third")
    name = (await start_drill(server, token))["id"]
    end = f"/api/v1/drills/{name}/end"
    assert [(await server.ask("POST", end, token, json={})).status for _ in range(2)] == [200, 409]


async def test_drill_is_rejected_while_a_stop_condition_applies(server: WritableServer) -> None:
    probe(server, "-" * 60, MINUTE)
    token = server.token(Scope.DRILLS_WRITE)
    response = await server.ask("POST", "/api/v1/products/forms/drills", token, json=FAILOVER)
    assert response.status == 409
    assert response.body["error"].startswith("no drill may start: ")
    tabletop = await server.ask("POST", "/api/v1/products/forms/drills", token, json={"kind": "tabletop"})
    assert (tabletop.status, tabletop.body["met"]) == (201, None)


@pytest.mark.parametrize("query", ["at=noon", "at=2200-01-01T00:00:00Z", "when=now"])
async def test_future_instant_of_a_drill_is_rejected(server: WritableServer, query: str) -> None:
    name = (await start_drill(server, server.token(Scope.DRILLS_WRITE)))["id"]
    assert (await server.ask("GET", f"/api/v1/drills/{name}?{query}")).status == 400


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.path)
def test_every_example_matches_its_schema(operation: Any) -> None:
    jsonschema.validate(operation.example, operation.response | COMPONENTS)
    jsonschema.validate(operation.request_example, operation.request | COMPONENTS)


async def test_finding_is_closed_once(server: WritableServer) -> None:
    token = server.token(Scope.DRILLS_WRITE, name="ana")
    drill = (await server.ask("POST", "/api/v1/products/forms/drills", token, json={"kind": "tabletop"})).body["id"]
    finding = {"text": "step 4 is wrong", "owner": "Ana Ng", "due": "2027-01-31"}
    created = (await server.ask("POST", f"/api/v1/drills/{drill}/findings", token, json=finding)).body["findings"][0]
    path, body = f"/api/v1/drills/{drill}/findings/{created['id']}/close", {"reason": "corrected"}
    assert (await server.ask("POST", path, token, json={})).status == 400
    closed = await server.ask("POST", path, token, json=body)
    assert closed.status == 200
    assert closed.body["findings"][0]["closed"]
    assert (await server.ask("POST", path, token, json=body)).status == 409
    unknown = f"/api/v1/drills/{drill}/findings/none/close"
    assert (await server.ask("POST", unknown, token, json=body)).status == 404
