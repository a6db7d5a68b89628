"""The OpenAPI description of /api/v1, as tables that a test compares with the routes and responses."""

from __future__ import annotations

import re
from typing import Any, Final

from monitor.web.admissions import PATHS as ADMISSION_PATHS
from monitor.web.admissions import SCHEMAS as ADMISSION_SCHEMAS
from monitor.web.changes import PATHS as CHANGE_PATHS
from monitor.web.changes import SCHEMAS as CHANGE_SCHEMAS
from monitor.web.incident_notes import OPERATIONS as NOTE_OPERATIONS
from monitor.web.incident_notes import PATHS as NOTE_PATHS
from monitor.web.incident_notes import SCHEMAS as NOTE_SCHEMAS
from monitor.web.latency import PATHS as LATENCY_PATHS
from monitor.web.latency import SCHEMAS as LATENCY_SCHEMAS
from monitor.web.openapi_alerts import OPERATIONS, Operation
from monitor.web.openapi_alerts import SCHEMAS as ALERT_SCHEMAS
from monitor.web.openapi_analysis import SCHEMAS as ANALYSIS_SCHEMAS
from monitor.web.openapi_continuity import PATHS as CONTINUITY_PATHS
from monitor.web.openapi_continuity import SCHEMAS as CONTINUITY_SCHEMAS
from monitor.web.openapi_drills import OPERATIONS as DRILL_OPERATIONS
from monitor.web.openapi_drills import PATHS as DRILL_PATHS
from monitor.web.openapi_drills import SCHEMAS as DRILL_SCHEMAS
from monitor.web.openapi_maintenance import OPERATIONS as MAINTENANCE_OPERATIONS
from monitor.web.openapi_maintenance import PATHS as MAINTENANCE_PATHS
from monitor.web.openapi_maintenance import SCHEMAS as MAINTENANCE_SCHEMAS
from monitor.web.openapi_schemas import (
    GATE_ANSWER,
    INSTANT,
    MAYBE_INSTANT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    SCHEMAS,
    SECONDS,
    TEXT,
    list_of,
    object_of,
    ref,
)
from monitor.web.openapi_sites import PATHS as SITE_PATHS
from monitor.web.openapi_sites import SCHEMAS as SITE_SCHEMAS
from monitor.web.openapi_status_pages import OPERATIONS as STATUS_PAGE_OPERATIONS
from monitor.web.openapi_status_pages import PATHS as STATUS_PAGE_PATHS
from monitor.web.openapi_status_pages import SCHEMAS as STATUS_PAGE_SCHEMAS
from monitor.web.reviews import OPERATIONS as REVIEW_OPERATIONS
from monitor.web.reviews import PATHS as REVIEW_PATHS
from monitor.web.reviews import SCHEMAS as REVIEW_SCHEMAS
from monitor.web.service_credits import PATHS as CREDIT_PATHS
from monitor.web.service_credits import SCHEMAS as CREDIT_SCHEMAS
from monitor.web.session_api import PATHS as SESSION_PATHS
from monitor.web.sessions import HOST_COOKIE
from monitor.web.vantages import PATHS as VANTAGE_PATHS

# path -> (summary, schema of the response, query parameters with their meaning)
PATHS: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "/api/v1/products": ("Every product with its figures over its own window", list_of(ref("Summary")), {}),
    "/api/v1/products/{id}": ("One product: every window, its checks, its open incidents", ref("Product"), {}),
    "/api/v1/products/{id}/availability": (
        "One product measured over a window",
        {"anyOf": [ref("Contractual"), ref("Measured")]},
        {
            "window": "30d, 1h30m, day, week, month, quarter, year, fiscal-year or START/END; default: its own",
            "at": "report as of this RFC 3339 instant; rolling windows end at it; default: now",
            "figure": "raw (default), or contractual: without the excluded time of the agreement, which is listed",
        },
    ),
    "/api/v1/products/{id}/blame": (
        "Downtime of one product, split by the dependencies that were down at the same time",
        ref("Blame"),
        {
            "window": "30d, 1h30m, day, week, month, quarter, year, fiscal-year or START/END; default: its own",
            "at": "report as of this RFC 3339 instant; rolling windows end at it; default: now",
        },
    ),
    "/api/v1/products/{id}/whatif": (
        "The downtime that changes would have saved one product, with bounds and cost, ranked",
        ref("WhatIf"),
        {
            "change": "decouple/ID, failover/15m, zero-downtime, replica, or all (default)",
            "window": '"last 13 months", 30d, 1h30m, month, fiscal-year, START/END and so on; default: its own',
            "at": "report as of this RFC 3339 instant; rolling windows end at it; default: now",
        },
    ),
    "/api/v1/products/{id}/history": (
        "Definitions, corrections and other facts recorded about a product, oldest first",
        list_of(ref("Fact")),
        {"since": "only facts recorded since this RFC 3339 instant"},
    ),
    "/api/v1/products/{id}/readiness": (
        "The product's readiness checklist with its evidence, the claim ceiling, and what can be promised",
        object_of(
            product=TEXT,
            objective=NUMBER,
            ceiling=MAYBE_NUMBER,
            items=list_of(ref("ReadinessItem")),
            limit=MAYBE_TEXT,
            promise=ref("Promise"),
        ),
        {"at": "state as of this RFC 3339 instant; default: now"},
    ),
    "/api/v1/products/{id}/gate": (
        "Whether the product may be changed now by its budget policy: go, hold or unknown, with the reason",
        object_of(
            product=TEXT,
            at=INSTANT,
            gate=GATE_ANSWER,
            reason=TEXT,
            decided_by=MAYBE_TEXT,
            computed=GATE_ANSWER,
            computed_reason=TEXT,
            policy=TEXT,
            spent={"anyOf": [SECONDS, {"type": "null"}]},
            step={"anyOf": [ref("BudgetStep"), {"type": "null"}]},
            steps=list_of(ref("BudgetStep")),
            override={"anyOf": [ref("GateOverride"), {"type": "null"}]},
        ),
        {},
    ),
    "/api/v1/heads": (
        "Chain heads of the record's closed days, in order: SHA-256 of the day's data and of the previous head",
        list_of(ref("Head")),
        {"from": "only heads from this number on", "limit": "at most 1000"},
    ),
    "/api/v1/witnessed/{id}": (
        "Heads of another ninewatch, kept by this one as a witness (`witness_for`)",
        list_of(
            object_of(number={"type": "integer"}, day={"type": "string", "format": "date"}, head=TEXT, seen=INSTANT)
        ),
        {"from": "only heads from this number on", "limit": "at most 1000"},
    ),
    "/api/v1/incidents": (
        "Incidents, newest first",
        list_of({"anyOf": [ref("Incident"), ref("IncidentOfWindow")]}),
        {
            "product": "only incidents of this product",
            "state": "open or resolved",
            "window": "only incidents in this window, with downtime_in_window_seconds: 30d, month, START/END",
            "limit": "at most 1000",
        },
    ),
    "/api/v1/product-incidents": (
        "Outages of whole products, newest first, each with the ids of the incidents of its checks",
        list_of(
            object_of(
                id=TEXT,
                product=TEXT,
                opened=INSTANT,
                resolved=MAYBE_INSTANT,
                severity={"enum": ["page", "ticket", "note"]},
                incidents=list_of(TEXT),
            )
        ),
        {"product": "only product incidents of this product", "state": "open or resolved"},
    ),
    "/api/v1/configuration": (
        "The running configuration: its name, the digest of its files, and whether a later version was rejected",
        object_of(source=TEXT, digest=TEXT, loaded_at=MAYBE_INSTANT, reload_refused={"type": "boolean"}),
        {},
    ),
    "/api/v1/incidents/{id}": ("One incident and the clients it affected", ref("IncidentDetail"), {}),
}


_ALL_PATHS = (
    PATHS
    | ADMISSION_PATHS
    | LATENCY_PATHS
    | DRILL_PATHS
    | CONTINUITY_PATHS
    | SITE_PATHS
    | VANTAGE_PATHS
    | MAINTENANCE_PATHS
    | SESSION_PATHS
    | CHANGE_PATHS
    | STATUS_PAGE_PATHS
    | REVIEW_PATHS
    | NOTE_PATHS
    | CREDIT_PATHS
)
_ALL_SCHEMAS = (
    SCHEMAS
    | ANALYSIS_SCHEMAS
    | ALERT_SCHEMAS
    | DRILL_SCHEMAS
    | CONTINUITY_SCHEMAS
    | SITE_SCHEMAS
    | ADMISSION_SCHEMAS
    | LATENCY_SCHEMAS
    | MAINTENANCE_SCHEMAS
    | CHANGE_SCHEMAS
    | STATUS_PAGE_SCHEMAS
    | REVIEW_SCHEMAS
    | NOTE_SCHEMAS
    | CREDIT_SCHEMAS
)


def description() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {path: {"get": _operation(path, *row)} for path, row in _ALL_PATHS.items()}
    written = (
        *OPERATIONS,
        *DRILL_OPERATIONS,
        *MAINTENANCE_OPERATIONS,
        *STATUS_PAGE_OPERATIONS,
        *REVIEW_OPERATIONS,
        *NOTE_OPERATIONS,
    )
    for operation in written:
        paths.setdefault(operation.path, {})[operation.method] = _operation_with_token(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ninewatch",
            "version": "1",
            "description": "Measured availability with bounds. Durations are in seconds; null means no figure.",
        },
        "paths": paths,
        "components": {
            "schemas": _ALL_SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": _TOKENS},
                "session": {"type": "apiKey", "in": "cookie", "name": HOST_COOKIE, "description": _SESSIONS},
            },
        },
    }


def _operation(path: str, summary: str, schema: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
    parameters = _parameters(path, query)
    responses = {"200": {"description": summary, "content": _json(schema)}, "default": _ERROR}
    return {"summary": summary, "parameters": parameters, "responses": responses}


def _operation_with_token(operation: Operation) -> dict[str, Any]:
    """Return the object of an operation with its token, request body and examples."""
    content = _json(operation.response, operation.example)
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": _parameters(operation.path, operation.query),
        "responses": {str(operation.status): {"description": operation.summary, "content": content}, "default": _ERROR},
    }
    if operation.request is not None:
        described["requestBody"] = {"content": _json(operation.request, operation.request_example)}
    if operation.scope is not None:
        described["security"] = [{"token": [operation.scope.value]}, {"session": []}]
    return described


def _parameters(path: str, query: dict[str, str]) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", path)
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": TEXT} for name in names
    ]
    return parameters + [
        {"name": name, "in": "query", "description": text, "schema": _query_schema(path, name)}
        for name, text in query.items()
    ]


def _query_schema(path: str, name: str) -> dict[str, Any]:
    """Return the schema of a query parameter. Windows and instants are texts: no schema has their grammar."""
    if name == "state":
        return {"enum": ["waiting", "delivered"] if path == "/api/v1/notifications" else ["open", "resolved"]}
    return _QUERY_SCHEMAS.get(name, TEXT)


_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_QUERY_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "limit": _COUNT,
    "from": _COUNT,
    "figure": {"enum": ["raw", "contractual"]},
}


def _json(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    media = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"application/json": media}


_TOKENS = "An API token with the scope of the operation, created by `ninewatch token create`"
_SESSIONS = "The session of a person whose role includes the scope; changes must come from a page of this server"
_ERROR = {"description": "The error and its remedy", "content": _json(ref("Error"))}
