"""The OpenAPI description of /api/v1, as tables that a test compares with the routes and responses."""

from __future__ import annotations

import re
from typing import Any

from monitor.web.openapi_alerts import OPERATIONS, Operation
from monitor.web.openapi_alerts import SCHEMAS as ALERT_SCHEMAS
from sla.outage import LimitKind
from sla.stage import MisfitKind, Stage

_NUMBER = {"type": "number"}
_MAYBE = {"type": ["number", "null"]}
_TEXT = {"type": "string"}
_INSTANT = {"type": "string", "format": "date-time"}
_MAYBE_INSTANT = {"type": ["string", "null"], "format": "date-time"}
_STATE = {"enum": ["up", "down", "unknown"]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _figures(**properties: Any) -> dict[str, Any]:
    """Return an object of figures, optionally with `watched` (young record) and `objectives` (changed objectives)."""
    found = _object(**properties)
    return found | {"properties": properties | {"watched": _ref("Watched"), "objectives": _list(_ref("Promised"))}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_BOUNDS = _object(low=_MAYBE, point=_MAYBE, high=_MAYBE)
_SECONDS = _object(low=_NUMBER, point=_NUMBER, high=_NUMBER)
_WINDOW = _object(start=_INSTANT, end=_INSTANT)
_BUDGET = _object(allowed_seconds=_MAYBE, spent_seconds=_NUMBER, remaining_seconds=_MAYBE)
_FORECAST: dict[str, Any] = _object(pace_seconds=_NUMBER, burn_rate=_MAYBE, exhausted_at=_MAYBE_INSTANT) | {
    "description": "When the budget runs out at the burn rate of the last pace_seconds; null if it lasts"
}
_MAYBE_TEXT = {"type": ["string", "null"]}
_BURN_ALERT = _object(
    alert=_TEXT,
    long_seconds=_NUMBER,
    short_seconds=_NUMBER,
    threshold=_MAYBE,
    firing={"type": ["boolean", "null"]},
    cannot_fire=_MAYBE_TEXT,
)
_ANSWER = {"enum": ["go", "hold", "unknown"]}
_VERDICT = {"enum": ["met", "missed", "undecided", None]}

_SHARED: dict[str, Any] = {
    "window": _WINDOW,
    "availability": _BOUNDS,
    "coverage": _MAYBE,
    "downtime_seconds": _SECONDS,
    "objective": _MAYBE,
    "budget": _BUDGET,
    "verdict": _VERDICT,
}
_SUMMARY: dict[str, Any] = {
    "id": _TEXT,
    "name": _TEXT,
    "team": {"type": ["string", "null"]},
    "state": _STATE,
    "rule": _TEXT,
    "claim_ceiling": _MAYBE,
    "incidents_open": {"type": "integer"},
    "alerts_that_cannot_fire": _list(_TEXT),
    "last_observed": _MAYBE_INSTANT,
} | _SHARED

_MEASURED: dict[str, Any] = _SHARED | {
    "product": _TEXT,
    "excluded_seconds": _NUMBER,
    "up_seconds": _NUMBER,
    "down_seconds": _NUMBER,
    "doubt_seconds": _NUMBER,
    "unknown_seconds": _NUMBER,
    "guessed_seconds": _object(up=_NUMBER, down=_NUMBER),
    "observations": _object(good={"type": "integer"}, bad={"type": "integer"}, unknown={"type": "integer"}),
    "nines": _object(observed=_MAYBE, proven=_MAYBE),
    "proven_availability": _MAYBE,
    "point_meets_objective": {"type": ["boolean", "null"]},
    "resolvable": {"type": ["boolean", "null"]},
    "provisional": {"type": "boolean"},
}
_CAUSES = {"enum": ["maintenance", "correction", "service hours", "dependency"]}

_COMPONENT = {"enum": ["simple", "complex", "bundle", None]}
_INCIDENT: dict[str, Any] = {
    "id": _TEXT,
    "product": _TEXT,
    "check": _TEXT,
    "opened": _INSTANT,
    "resolved": _MAYBE_INSTANT,
    "reason": _TEXT,
    "downtime_seconds": _MAYBE,
    "first_failure": {"anyOf": [_ref("Failure"), {"type": "null"}]},
    "last_failure": {"anyOf": [_ref("Failure"), {"type": "null"}]},
}
_CLIENT: dict[str, Any] = {
    "client": _TEXT,
    "count": {"type": "integer"},
    "risk": {"enum": ["low", "high"]},
    "since": {"type": ["string", "null"], "format": "date"},
    "product": _TEXT,
    "path": _list(_TEXT),
}

SCHEMAS: dict[str, Any] = {
    "Error": _object(error=_TEXT, remedy=_TEXT),
    "Measured": _figures(**_MEASURED),
    "Contractual": _figures(**_MEASURED, outage_limits=_list(_ref("OutageLimit")), exclusions=_list(_ref("Excluded"))),
    "OutageLimit": _object(
        promise={"enum": [kind.value for kind in LimitKind]},
        limit_seconds=_NUMBER,
        per_seconds=_MAYBE,
        outage_seconds=_SECONDS,
        verdict=_VERDICT,
    ),
    "Promised": _object(**{"from": _INSTANT}, objective=_NUMBER, allowed_seconds=_NUMBER),
    "Watched": _object(since=_INSTANT, availability=_BOUNDS, proven=_MAYBE, decidable_at=_MAYBE_INSTANT),
    "Excluded": _object(start=_INSTANT, end=_INSTANT, seconds=_NUMBER, causes=_list(_ref("Cause"))),
    "Cause": _object(cause=_CAUSES, label=_TEXT, author=_MAYBE_TEXT, reason=_MAYBE_TEXT, made=_MAYBE_INSTANT),
    "Incident": _object(**_INCIDENT),
    "IncidentOfWindow": _object(**_INCIDENT, downtime_in_window_seconds=_MAYBE),
    "IncidentDetail": _object(**_INCIDENT, affected=_list(_ref("Affected")), affected_count={"type": "integer"}),
    "Failure": _object(
        at=_INSTANT,
        reason=_TEXT,
        status={"type": ["integer", "null"]},
        detail=_TEXT,
        phases={"type": "object", "additionalProperties": _NUMBER},
    ),
    "Fact": _object(id=_TEXT, made=_INSTANT, author=_TEXT, kind=_TEXT, product=_TEXT, changes=_list(_TEXT), body={}),
    "BudgetStep": _object(
        spent=_NUMBER,
        gate={"enum": ["go", "hold"]},
        consequence=_TEXT,
        owner=_TEXT,
        reached={"type": ["boolean", "null"]},
    ),
    "GateOverride": _object(
        id=_TEXT, answer={"enum": ["go", "hold"]}, author=_TEXT, reason=_TEXT, made=_INSTANT, until=_INSTANT
    ),
    "Head": _object(
        number={"type": "integer"},
        day={"type": "string", "format": "date"},
        since={"type": ["string", "null"], "format": "date"},
        made=_INSTANT,
        whole={"type": "boolean"},
        content=_TEXT,
        previous=_TEXT,
        head=_TEXT,
    ),
    "Client": _object(**_CLIENT),
    "Affected": _object(**_CLIENT, product_downtime_seconds=_NUMBER),
    "Dependency": _object(
        product=_TEXT,
        name=_TEXT,
        component=_COMPONENT,
        part={"type": "boolean"},
        path=_list(_TEXT),
        state=_STATE,
        objective=_NUMBER,
        availability=_BOUNDS,
    ),
    "Value": _object(
        currency=_TEXT,
        per_hour=_NUMBER,
        downtime_cost={"anyOf": [_SECONDS, {"type": "null"}]},
        avoided_against_objective={"anyOf": [_SECONDS, {"type": "null"}]},
        avoided_against_previous={"anyOf": [_SECONDS, {"type": "null"}]},
        assumptions=_list(_TEXT),
    ),
    "Probe": _object(
        at=_INSTANT,
        outcome={"enum": ["good", "bad", "unknown"]},
        reason=_TEXT,
        status={"type": ["integer", "null"]},
        duration_seconds=_NUMBER,
        phases={"type": "object", "additionalProperties": _NUMBER},
        detail=_TEXT,
    ),
    "Check": _object(
        id=_TEXT,
        kind=_TEXT,
        target=_TEXT,
        state=_STATE,
        interval_seconds=_NUMBER,
        last={"anyOf": [_ref("Probe"), {"type": "null"}]},
    ),
    "Blame": _object(
        product=_TEXT,
        window=_WINDOW,
        downtime_seconds=_NUMBER,
        own_seconds=_NUMBER,
        unclear_seconds=_NUMBER,
        shared=_list(_object(dependencies=_list(_TEXT), seconds=_NUMBER)),
        dependencies=_list(
            _object(id=_TEXT, downtime_seconds=_NUMBER, shared_seconds=_NUMBER, shared_if_independent_seconds=_MAYBE)
        ),
        together=_BOUNDS,
        together_if_independent=_MAYBE,
    ),
    "Summary": _figures(**_SUMMARY),
    "Product": _figures(
        **_SUMMARY,
        depends_on=_list(_TEXT),
        checks=_list(_ref("Check")),
        windows={"type": "object", "additionalProperties": _ref("Measured")},
        contractual=_ref("Contractual"),
        burn_alerts=_list(_BURN_ALERT),
        budget_forecast=_FORECAST,
        open_incidents=_list(_ref("Incident")),
        seeded_until=_MAYBE_INSTANT,
        stage={"enum": [*(stage.value for stage in Stage), None]},
        misfits=_list(_object(about={"enum": [about.value for about in MisfitKind]}, text=_TEXT)),
        component=_COMPONENT,
        parts=_list(_TEXT),
        dependencies=_list(_ref("Dependency")),
        clients=_list(_ref("Client")),
        value={"anyOf": [_ref("Value"), {"type": "null"}]},
    ),
}

# path -> (summary, schema of the response, query parameters with their meaning)
PATHS: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "/api/v1/products": ("Every product with its figures over its own window", _list(_ref("Summary")), {}),
    "/api/v1/products/{id}": ("One product: every window, its checks, its open incidents", _ref("Product"), {}),
    "/api/v1/products/{id}/availability": (
        "One product measured over a window",
        {"anyOf": [_ref("Contractual"), _ref("Measured")]},
        {
            "window": "30d, 1h30m, day, week, month, quarter, year, fiscal-year or START/END; default: its own",
            "at": "report as of this RFC 3339 instant; rolling windows end at it; default: now",
            "figure": "raw (default), or contractual: without the time that the agreement excludes, which is listed",
        },
    ),
    "/api/v1/products/{id}/blame": (
        "One product's downtime, split by the dependencies that were down at the same time",
        _ref("Blame"),
        {
            "window": "30d, 1h30m, day, week, month, quarter, year, fiscal-year or START/END; default: its own",
            "at": "report as of this RFC 3339 instant; rolling windows end at it; default: now",
        },
    ),
    "/api/v1/products/{id}/history": (
        "Definitions, corrections and other facts recorded about a product, oldest first",
        _list(_ref("Fact")),
        {"since": "only facts recorded since this RFC 3339 instant"},
    ),
    "/api/v1/products/{id}/gate": (
        "Whether the product may be changed now by its budget policy: go, hold or unknown, with the reason",
        _object(
            product=_TEXT,
            at=_INSTANT,
            gate=_ANSWER,
            reason=_TEXT,
            decided_by=_MAYBE_TEXT,
            computed=_ANSWER,
            computed_reason=_TEXT,
            policy=_TEXT,
            spent={"anyOf": [_SECONDS, {"type": "null"}]},
            step={"anyOf": [_ref("BudgetStep"), {"type": "null"}]},
            steps=_list(_ref("BudgetStep")),
            override={"anyOf": [_ref("GateOverride"), {"type": "null"}]},
        ),
        {},
    ),
    "/api/v1/heads": (
        "Chain heads of the record's closed days, in order: SHA-256 of the day's data and of the previous head",
        _list(_ref("Head")),
        {"from": "only heads from this number", "limit": "at most 1000"},
    ),
    "/api/v1/witnessed/{id}": (
        "Heads of another ninewatch that this one keeps as a witness (`witness_for`)",
        _list(_object(number={"type": "integer"}, day={"type": "string", "format": "date"}, head=_TEXT, seen=_INSTANT)),
        {"from": "only heads from this number on", "limit": "at most 1000"},
    ),
    "/api/v1/incidents": (
        "Incidents, newest first",
        _list({"anyOf": [_ref("Incident"), _ref("IncidentOfWindow")]}),
        {
            "product": "only incidents of this product",
            "state": "open or resolved",
            "window": "only incidents that overlap it, each with downtime_in_window_seconds: 30d, month, START/END",
            "limit": "at most 1000",
        },
    ),
    "/api/v1/product-incidents": (
        "Outages of whole products, newest first, each with the ids of the incidents of its checks",
        _list(
            _object(
                id=_TEXT,
                product=_TEXT,
                opened=_INSTANT,
                resolved=_MAYBE_INSTANT,
                severity={"enum": ["page", "ticket", "note"]},
                incidents=_list(_TEXT),
            )
        ),
        {"product": "only those of this product", "state": "open or resolved"},
    ),
    "/api/v1/configuration": (
        "The running configuration: its name, the digest of its files, and whether a later version was rejected",
        _object(source=_TEXT, digest=_TEXT, loaded_at=_MAYBE_INSTANT, reload_refused={"type": "boolean"}),
        {},
    ),
    "/api/v1/incidents/{id}": ("One incident and the clients it affected", _ref("IncidentDetail"), {}),
}


def description() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {path: {"get": _operation(path, *row)} for path, row in PATHS.items()}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _described(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ninewatch",
            "version": "1",
            "description": "Measured availability with bounds. Durations are in seconds; null means no figure.",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS | ALERT_SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _TOKENS}},
        },
    }


def _operation(path: str, summary: str, schema: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    parameters = _parameters(path, query)
    answers = {"200": {"description": summary, "content": _json(schema)}, "default": _ERROR}
    return {"summary": summary, "parameters": parameters, "responses": answers}


def _described(operation: Operation) -> dict[str, Any]:
    """Return an operation with its token, its request body and its examples."""
    content = _json(operation.response, operation.example)
    found: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": _parameters(operation.path, operation.query),
        "responses": {str(operation.status): {"description": operation.summary, "content": content}, "default": _ERROR},
    }
    if operation.request is not None:
        found["requestBody"] = {"content": _json(operation.request, operation.request_example)}
    if operation.scope is not None:
        found["security"] = [{"token": [operation.scope.value]}]
    return found


def _parameters(path: str, query: dict[str, str]) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", path)
    found: list[dict[str, Any]] = [{"name": n, "in": "path", "required": True, "schema": _TEXT} for n in names]
    return found + [{"name": n, "in": "query", "description": text, "schema": _TEXT} for n, text in query.items()]


def _json(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    media = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"application/json": media}


_TOKENS = "An API token with the scope that the operation lists, made by `ninewatch token create`"
_ERROR = {"description": "The error and its remedy", "content": _json(_ref("Error"))}
