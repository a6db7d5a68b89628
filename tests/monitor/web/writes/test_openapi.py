"""The description of the writing API agrees with its responses."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from monitor.access.scopes import Scope
from monitor.web.openapi import description
from monitor.web.openapi_alerts import OPERATIONS
from monitor.web.openapi_alerts import SCHEMAS as ALERT_SCHEMAS
from monitor.web.openapi_analysis import SCHEMAS as ANALYSIS_SCHEMAS
from monitor.web.openapi_schemas import SCHEMAS
from tests.support.writable_server import WritableServer, open_alert


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_examples_match_their_schemas(operation: Any) -> None:
    components = {"components": {"schemas": SCHEMAS | ANALYSIS_SCHEMAS | ALERT_SCHEMAS}}
    jsonschema.validate(operation.example, operation.response | components)
    if operation.request is not None:
        jsonschema.validate(operation.request_example, operation.request | components)


async def test_responses_match_the_openapi_description(server: WritableServer) -> None:
    key, token = await open_alert(server), server.token(Scope.ALERTS_WRITE, Scope.FACTS_WRITE, Scope.GATE_WRITE)
    past = {"start": "2026-09-01T00:00:00Z", "end": "2026-09-01T01:00:00Z"}
    correction = (
        await server.ask("POST", "/api/v1/products/forms/corrections", token, json={**past, "reason": "x"})
    ).body
    silence = (await server.ask("POST", "/api/v1/silences", token, json={"all": True, "for": "1h", "reason": "x"})).body
    deployed = await server.ask("POST", "/api/v1/products/forms/deployments", token, json={"version": "1"})
    query = {"/api/v1/notifications": "?state=waiting"}
    for operation in OPERATIONS:
        server.clock.jump(2)  # a token may make one change per second
        names = {"receivers": "ops", "silences": silence["id"], "products": "forms", "corrections": correction["id"]}
        names["evidence"] = deployed.body["id"]
        path = operation.path.format(
            key=key, id=names[operation.path.split("/")[3]] if "{id}" in operation.path else ""
        )
        body = operation.request_example if operation.request is not None else None
        body = {**body, **past} if body is not None and "start" in body else body
        options = {} if body is None else {"json": body}
        response = await server.ask(operation.method.upper(), path + query.get(operation.path, ""), token, **options)
        assert response.status == operation.status, operation.path
        described = description()["paths"][operation.path][operation.method]["responses"][str(operation.status)]
        schema = described["content"]["application/json"]["schema"]
        jsonschema.validate(response.body, schema | {"components": description()["components"]})
