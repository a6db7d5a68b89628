"""The OpenAPI description of alerts and of changes: operations of which most need a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from monitor.access.scopes import Scope

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_INSTANT = {"type": "string", "format": "date-time"}
_SEVERITY = {"enum": ["page", "ticket", "note"]}
_EVENT = {"enum": ["opened", "escalated", "reminder", "acknowledged", "resolved", "test", "heartbeat"]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _optional(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


_ACKNOWLEDGEMENT: Final = _object(
    key=_TEXT, product=_MAYBE_TEXT, incident=_MAYBE_TEXT, at=_INSTANT, by=_TEXT, via=_TEXT, author=_TEXT
)
_SILENCE: Final = _object(
    id=_TEXT, product=_MAYBE_TEXT, key=_MAYBE_TEXT, until=_INSTANT, reason=_TEXT, author=_TEXT, made=_INSTANT
)

_RESPONSE: Final = _object(
    started=_INSTANT,
    severity=_SEVERITY,
    priority=_MAYBE_TEXT,
    target_seconds={"type": ["number", "null"]},
    acknowledged={"anyOf": [_object(by=_TEXT, via=_TEXT, seconds={"type": "number"}), {"type": "null"}]},
    next_escalation={"type": ["string", "null"], "format": "date-time"},
    escalations={"type": "array", "items": _object(id=_TEXT, step={"type": "integer"}, person=_MAYBE_TEXT)},
)

SCHEMAS: Final[dict[str, Any]] = {
    "Acknowledgement": _ACKNOWLEDGEMENT,
    "Alert": _object(
        key=_TEXT,
        product=_MAYBE_TEXT,
        severity=_SEVERITY,
        opened=_INSTANT,
        summary=_TEXT,
        acknowledged={"anyOf": [{"$ref": "#/components/schemas/Acknowledgement"}, {"type": "null"}]},
        response={"anyOf": [{"$ref": "#/components/schemas/Response"}, {"type": "null"}]},
    ),
    "Response": _RESPONSE,
    "Silence": _SILENCE,
    "Notification": _object(
        key=_TEXT,
        event=_EVENT,
        receiver=_TEXT,
        severity=_SEVERITY,
        product=_TEXT,
        decided=_INSTANT,
        due=_INSTANT,
        attempts={"type": "integer"},
        delivered={"type": ["string", "null"], "format": "date-time"},
        error=_TEXT,
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
_PAST_EXAMPLE: Final = {"start": "2026-11-03T17:10:00Z", "end": "2026-11-03T17:25:00Z"}
_STATED_EXAMPLE: Final = {"author": "pipeline", "reason": "probe account locked", "made": "2026-11-03T17:31:12Z"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `scope` is what its token needs, None if it needs none beyond reading."""

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


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "get",
        "/api/v1/alerts",
        "Open alerts, oldest first, with the latest acknowledgement of each",
        None,
        _list("Alert"),
        [_ALERT_EXAMPLE],
        query={"product": "only alerts about this product"},
    ),
    Operation(
        "post",
        "/api/v1/alerts/{key}/acknowledge",
        "Acknowledge an open alert; `by` is the person, the name of the token unless specified",
        Scope.ALERTS_WRITE,
        _ref("Acknowledgement"),
        _ACKNOWLEDGED_EXAMPLE,
        request=_optional(by=_TEXT),
        request_example={"by": "Ana Ng"},
    ),
    Operation(
        "get",
        "/api/v1/silences",
        "Silences in force, those that end first come first",
        None,
        _list("Silence"),
        [_SILENCE_EXAMPLE],
        query={"product": "only silences that cover this product"},
    ),
    Operation(
        "post",
        "/api/v1/silences",
        "Silence a product, one alert, or all alerts until an instant; the author is the name of the token",
        Scope.ALERTS_WRITE,
        _ref("Silence"),
        _SILENCE_EXAMPLE,
        status=201,
        request=_optional(product=_TEXT, key=_TEXT, all={"const": True}, reason=_TEXT, until=_INSTANT, **{"for": _TEXT})
        | {"required": ["reason"]},
        request_example={"product": "forms", "for": "2h", "reason": "load test"},
    ),
    Operation(
        "delete",
        "/api/v1/silences/{id}",
        "End a silence now",
        Scope.ALERTS_WRITE,
        _ref("Silence"),
        _SILENCE_EXAMPLE | {"until": "2026-11-29T09:30:00Z"},
    ),
    Operation(
        "get",
        "/api/v1/notifications",
        "Notifications: those that wait with their last error, then the latest delivered ones, newest first",
        Scope.ALERTS_READ,
        _list("Notification"),
        [_NOTIFICATION_EXAMPLE],
        query={
            "state": "waiting or delivered",
            "receiver": "only those of this receiver",
            "product": "only those about this product",
            "limit": "at most 1000; default: 100",
        },
    ),
    Operation(
        "post",
        "/api/v1/notifications/retry",
        "Send again now what could not be delivered, to all receivers or to one; `waiting` is how many wait",
        Scope.ALERTS_WRITE,
        _object(receiver=_MAYBE_TEXT, waiting={"type": "integer"}),
        {"receiver": "ops", "waiting": 1},
        status=202,
        request=_optional(receiver=_MAYBE_TEXT),
        request_example={"receiver": "ops"},
    ),
    Operation(
        "post",
        "/api/v1/receivers/{id}/test",
        "Send a test message to a receiver; 502 with the reason if it was not confirmed",
        Scope.ALERTS_WRITE,
        _object(receiver=_TEXT, delivered={"const": True}),
        {"receiver": "ops", "delivered": True},
    ),
    Operation(
        "post",
        "/api/v1/products/{id}/corrections",
        "Exclude past time from the contractual figures of a product; the author is the name of the token",
        Scope.FACTS_WRITE,
        _object(id=_TEXT, product=_TEXT, start=_INSTANT, end=_INSTANT, author=_TEXT, reason=_TEXT, made=_INSTANT),
        {"id": "3f9a0c51d2e4", "product": "forms", **_PAST_EXAMPLE, **_STATED_EXAMPLE},
        status=201,
        request=_object(start=_INSTANT, end=_INSTANT, reason=_TEXT),
        request_example={**_PAST_EXAMPLE, "reason": "probe account locked"},
    ),
    Operation(
        "post",
        "/api/v1/corrections/{id}/revoke",
        "Revoke a correction; both stay in the record",
        Scope.FACTS_WRITE,
        _object(revokes=_TEXT, author=_TEXT, reason=_TEXT, made=_INSTANT),
        {"revokes": "3f9a0c51d2e4", **_STATED_EXAMPLE, "reason": "it was the service after all"},
        request=_object(reason=_TEXT),
        request_example={"reason": "it was the service after all"},
    ),
)
