"""The OpenAPI description of alerts and of changes. Most of these operations need a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from monitor.access.scopes import Scope
from monitor.web.openapi_schemas import END, INSTANT, MAYBE_TEXT, TEXT, body_of, closed_object_of, list_of, ref

_RATING = {"enum": ["useful", "noise"]}
_SEVERITY = {"enum": ["page", "ticket", "note"]}
_EVENT = {"enum": ["opened", "escalated", "reminder", "acknowledged", "resolved", "test", "heartbeat", "report"]}


_NAMES: Final = {"id": "a41c90c51d2e", "product": "forms", "by": "pipeline"}
_ACKNOWLEDGEMENT: Final = closed_object_of(
    key=TEXT, product=MAYBE_TEXT, incident=MAYBE_TEXT, at=INSTANT, by=TEXT, via=TEXT, author=TEXT
)
_SILENCE: Final = closed_object_of(
    id=TEXT, product=MAYBE_TEXT, key=MAYBE_TEXT, until=INSTANT, reason=TEXT, author=TEXT, made=INSTANT
)
_OVERRIDE: Final = closed_object_of(
    product=TEXT,
    id=TEXT,
    answer={"enum": ["go", "hold"]},
    author=TEXT,
    reason=TEXT,
    made=INSTANT,
    until=INSTANT,
)

_RESPONSE: Final = closed_object_of(
    started=INSTANT,
    severity=_SEVERITY,
    priority=MAYBE_TEXT,
    target_seconds={"type": ["number", "null"]},
    acknowledged={"anyOf": [closed_object_of(by=TEXT, via=TEXT, seconds={"type": "number"}), {"type": "null"}]},
    next_escalation={"type": ["string", "null"], "format": "date-time"},
    escalations={"type": "array", "items": closed_object_of(id=TEXT, step={"type": "integer"}, person=MAYBE_TEXT)},
)

SCHEMAS: Final[dict[str, Any]] = {
    "Acknowledgement": _ACKNOWLEDGEMENT,
    "Alert": closed_object_of(
        key=TEXT,
        product=MAYBE_TEXT,
        severity=_SEVERITY,
        opened=INSTANT,
        summary=TEXT,
        acknowledged={"anyOf": [ref("Acknowledgement"), {"type": "null"}]},
        response={"anyOf": [ref("Response"), {"type": "null"}]},
    ),
    "Response": _RESPONSE,
    "Silence": _SILENCE,
    "Notification": closed_object_of(
        key=TEXT,
        event=_EVENT,
        receiver=TEXT,
        severity=_SEVERITY,
        product=TEXT,
        decided=INSTANT,
        due=INSTANT,
        attempts={"type": "integer"},
        delivered={"type": ["string", "null"], "format": "date-time"},
        error=TEXT,
    ),
}

_ALERT_EXAMPLE: Final = {
    "key": "4f0c1d2e3a4b",
    "product": "forms",
    "severity": "page",
    "opened": "2026-11-29T09:10:00Z",
    "summary": "Common Forms is down",
    "acknowledged": None,
    "response": {
        "started": "2026-11-29T09:10:02Z",
        "severity": "page",
        "priority": "P1",
        "target_seconds": 900.0,
        "acknowledged": None,
        "next_escalation": "2026-11-29T09:25:02Z",
        "escalations": [{"id": "sso", "step": 1, "person": "A. Ng"}],
    },
}
_ACKNOWLEDGED_EXAMPLE: Final = {
    "key": "4f0c1d2e3a4b",
    "product": "forms",
    "incident": "4f0c1d2e3a4b",
    "at": "2026-11-29T09:12:30Z",
    "by": "Ana Ng",
    "via": "api",
    "author": "chat-bot",
}
_SILENCE_EXAMPLE: Final = {
    "id": "a1b2c3d4e5f6",
    "product": "forms",
    "key": None,
    "until": "2026-11-29T11:00:00Z",
    "reason": "load test",
    "author": "pipeline",
    "made": "2026-11-29T09:00:00Z",
}
_NOTIFICATION_EXAMPLE: Final = {
    "key": "4f0c1d2e3a4b",
    "event": "opened",
    "receiver": "ops",
    "severity": "page",
    "product": "forms",
    "decided": "2026-11-29T09:10:00Z",
    "due": "2026-11-29T09:10:04Z",
    "attempts": 1,
    "delivered": None,
    "error": 'status 503: "busy"',
}
_OVERRIDE_EXAMPLE: Final = {
    "product": "forms",
    "id": "9c1e5b7a2d40",
    "answer": "go",
    "author": "pipeline",
    "reason": "security fix",
    "made": "2026-11-29T09:00:00Z",
    "until": "2026-11-29T13:00:00Z",
}
_INTERVAL_EXAMPLE: Final = {"start": "2026-11-03T17:10:00Z", "end": "2026-11-03T17:25:00Z"}
_FACT_EXAMPLE: Final = {"author": "pipeline", "reason": "probe account locked", "made": "2026-11-03T17:31:12Z"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `scope` is the required scope of the token. None if read access is sufficient."""

    method: str
    path: str
    summary: str
    scope: Scope | None
    response: dict[str, Any]
    example: Any
    status: int = 200
    request: dict[str, Any] | None = None
    request_example: Any = None
    query: dict[str, str] = field(default_factory=dict)


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "get",
        "/api/v1/alerts",
        "Open alerts, oldest first, each with the latest acknowledgement that covers its severity",
        None,
        list_of(ref("Alert")),
        [_ALERT_EXAMPLE],
        query={"product": "only alerts about this product"},
    ),
    Operation(
        "post",
        "/api/v1/alerts/{key}/acknowledge",
        "Acknowledge an open alert; `by` is the name of the person (default: the name of the token)",
        Scope.ALERTS_WRITE,
        ref("Acknowledgement"),
        _ACKNOWLEDGED_EXAMPLE,
        request=body_of(by=TEXT),
        request_example={"by": "Ana Ng"},
    ),
    Operation(
        "post",
        "/api/v1/alerts/{key}/mark",
        "Mark the page of an open or recently resolved alert as useful or noise",
        Scope.ALERTS_WRITE,
        closed_object_of(key=TEXT, mark=_RATING, by=TEXT, at=INSTANT),
        {"key": "4f0c1d2e3a4b", "mark": "useful", "by": "Ana Ng", "at": "2026-11-29T09:12:30Z"},
        request=closed_object_of(mark=_RATING),
        request_example={"mark": "useful"},
    ),
    Operation(
        "get",
        "/api/v1/silences",
        "Silences in force, in the order of their ends",
        None,
        list_of(ref("Silence")),
        [_SILENCE_EXAMPLE],
        query={"product": "only silences that cover this product"},
    ),
    Operation(
        "post",
        "/api/v1/silences",
        "Silence a product, one alert, or all alerts until an instant; the author is the name of the token",
        Scope.ALERTS_WRITE,
        ref("Silence"),
        _SILENCE_EXAMPLE,
        status=201,
        request=body_of("reason", product=TEXT, key=TEXT, all={"const": True}, reason=TEXT, **END),
        request_example={"product": "forms", "for": "2h", "reason": "load test"},
    ),
    Operation(
        "delete",
        "/api/v1/silences/{id}",
        "End a silence now",
        Scope.ALERTS_WRITE,
        ref("Silence"),
        _SILENCE_EXAMPLE | {"until": "2026-11-29T09:30:00Z"},
    ),
    Operation(
        "get",
        "/api/v1/notifications",
        "Undelivered notifications with their last error, then the latest delivered ones, newest first",
        Scope.ALERTS_READ,
        list_of(ref("Notification")),
        [_NOTIFICATION_EXAMPLE],
        query={
            "state": "waiting or delivered",
            "receiver": "only notifications to this receiver",
            "product": "only notifications about this product",
            "limit": "at most 1000; default: 100",
        },
    ),
    Operation(
        "post",
        "/api/v1/notifications/retry",
        "Retry undelivered notifications now, to all receivers or to one; `waiting` is their number",
        Scope.ALERTS_WRITE,
        closed_object_of(receiver=MAYBE_TEXT, waiting={"type": "integer"}),
        {"receiver": "ops", "waiting": 1},
        status=202,
        request=body_of(receiver=MAYBE_TEXT),
        request_example={"receiver": "ops"},
    ),
    Operation(
        "post",
        "/api/v1/receivers/{id}/test",
        "Send a test message to a receiver; 502 with the reason if the receiver did not accept it",
        Scope.ALERTS_WRITE,
        closed_object_of(receiver=TEXT, delivered={"const": True}),
        {"receiver": "ops", "delivered": True},
    ),
    Operation(
        "post",
        "/api/v1/products/{id}/corrections",
        "Exclude past time from the contractual figures of a product; the author is the name of the token",
        Scope.FACTS_WRITE,
        closed_object_of(id=TEXT, product=TEXT, start=INSTANT, end=INSTANT, author=TEXT, reason=TEXT, made=INSTANT),
        {"id": "3f9a0c51d2e4", "product": "forms", **_INTERVAL_EXAMPLE, **_FACT_EXAMPLE},
        status=201,
        request=closed_object_of(start=INSTANT, end=INSTANT, reason=TEXT),
        request_example={**_INTERVAL_EXAMPLE, "reason": "probe account locked"},
    ),
    Operation(
        "post",
        "/api/v1/corrections/{id}/revoke",
        "Revoke a correction; both stay in the record",
        Scope.FACTS_WRITE,
        closed_object_of(revokes=TEXT, author=TEXT, reason=TEXT, made=INSTANT),
        {"revokes": "3f9a0c51d2e4", **_FACT_EXAMPLE, "reason": "the service was the cause"},
        request=closed_object_of(reason=TEXT),
        request_example={"reason": "the service was the cause"},
    ),
    Operation(
        "post",
        "/api/v1/products/{id}/deployments",
        "Mark a deployment of a product, for the downtime after it; the author is the name of the token",
        Scope.FACTS_WRITE,
        closed_object_of(id=TEXT, product=TEXT, at=INSTANT, by=TEXT),
        {**_NAMES, "at": "2026-11-20T18:00:00Z"},
        status=201,
        request=body_of(version=TEXT, at=INSTANT, link=TEXT),
        request_example={"version": "1.4.2"},
    ),
    Operation(
        "post",
        "/api/v1/products/{id}/attestations",
        "Attest an item of a product's readiness checklist",
        Scope.FACTS_WRITE,
        closed_object_of(id=TEXT, product=TEXT, item=TEXT, by=TEXT, until=INSTANT),
        {**_NAMES, "item": "ha-database", "until": "2027-11-20T18:00:00Z"},
        status=201,
        request=body_of(item=TEXT, by=TEXT, note=TEXT, link=TEXT, until=INSTANT),
        request_example={"item": "ha-database", "by": "Ana Ng", "note": "three replicas"},
    ),
    Operation(
        "post",
        "/api/v1/evidence/{id}/revoke",
        "Revoke an attestation, a deployment or a drill; both facts stay in the record",
        Scope.FACTS_WRITE,
        closed_object_of(id=TEXT, revokes=TEXT, by=TEXT),
        {"id": "b52d01d62e3f", "revokes": "a41c90c51d2e", "by": "pipeline"},
        request=closed_object_of(reason=TEXT),
        request_example={"reason": "rolled back before it was live"},
    ),
    Operation(
        "post",
        "/api/v1/products/{id}/gate/override",
        "Set the answer of the release gate of a product until an instant; the author is the name of the token",
        Scope.GATE_WRITE,
        _OVERRIDE,
        _OVERRIDE_EXAMPLE,
        status=201,
        request=body_of("answer", "reason", answer={"enum": ["go", "hold"]}, reason=TEXT, **END),
        request_example={"answer": "go", "for": "4h", "reason": "security fix"},
    ),
    Operation(
        "post",
        "/api/v1/products/{id}/gate/override/end",
        "End the override that is in force now; both stay in the record",
        Scope.GATE_WRITE,
        _OVERRIDE,
        _OVERRIDE_EXAMPLE | {"until": "2026-11-29T10:00:00Z"},
        request=closed_object_of(reason=TEXT),
        request_example={"reason": "deployed"},
    ),
)
