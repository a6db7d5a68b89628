"""The OpenAPI description of planned maintenance and of pauses."""

from __future__ import annotations

from typing import Any, Final

from monitor.access.scopes import Scope
from monitor.web.openapi_alerts import Operation
from monitor.web.openapi_schemas import (
    END,
    INSTANT,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    TEXT,
    body_of,
    list_of,
    object_of,
    ref,
)

Example = dict[str, Any]

PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/maintenance": (
        "Planned maintenance of the next 30 days, by start; id and author are null for that of the configuration",
        list_of(ref("PlannedMaintenance")),
        {"product": "only maintenance of this product", "ahead": "how far ahead instead of 30 days: 90d, at most 400d"},
    ),
    "/api/v1/pauses": (
        "Pauses in force, in the order in which they were made; check is null if all checks of the product are paused",
        list_of(ref("Pause")),
        {"product": "only pauses of this product and its checks"},
    ),
}

SCHEMAS: Final[dict[str, Any]] = {
    "PlannedMaintenance": object_of(
        product=TEXT,
        start=INSTANT,
        end=INSTANT,
        id=MAYBE_TEXT,
        author=MAYBE_TEXT,
        reason=MAYBE_TEXT,
        not_excluded=list_of(ref("NotExcluded")),
    ),
    "MaintenanceWindow": object_of(
        id=TEXT,
        product=MAYBE_TEXT,
        start=INSTANT,
        end=INSTANT,
        author=TEXT,
        reason=TEXT,
        made=INSTANT,
        ended=MAYBE_INSTANT,
        approved=MAYBE_INSTANT,
        approved_by=MAYBE_TEXT,
    ),
}

_WINDOW: Final = {
    "id": "3f9a0c51d2e4",
    "product": "forms",
    "start": "2026-11-20T18:00:00Z",
    "end": "2026-11-20T20:00:00Z",
    "author": "pipeline",
    "reason": "upgrade",
    "made": "2026-11-14T18:00:00Z",
    "ended": None,
    "approved": None,
    "approved_by": None,
}

_PAUSE: Final = {
    "id": "9d1e0c51d2e4",
    "product": "forms",
    "check": "health",
    "author": "pipeline",
    "reason": "moved to another cluster",
    "made": "2026-11-20T18:00:00Z",
    "until": "2026-11-20T20:00:00Z",
    "ended": None,
}


def _add(
    path: str, summary: str, schema: str, example: Example, request: Example, request_example: Example
) -> Operation:
    return Operation(
        "post",
        path,
        summary,
        Scope.FACTS_WRITE,
        ref(schema),
        example,
        status=201,
        request=request,
        request_example=request_example,
    )


def _end(path: str, summary: str, schema: str, example: Example, reason: str) -> Operation:
    return Operation(
        "post",
        f"{path}/{{id}}/end",
        summary,
        Scope.FACTS_WRITE,
        ref(schema),
        example | {"ended": "2026-11-20T19:00:00Z"},
        request=object_of(reason=TEXT),
        request_example={"reason": reason},
    )


_MAINTENANCE, _PAUSES = PATHS

OPERATIONS: Final = (
    _add(
        _MAINTENANCE,
        "Plan maintenance of a product, or of all products; `start` is now by default",
        "MaintenanceWindow",
        _WINDOW,
        body_of(product=TEXT, all={"const": True}, start=INSTANT, reason=TEXT, **END),
        {"product": "forms", "for": "2h", "reason": "upgrade"},
    ),
    _end(
        _MAINTENANCE,
        "End an added window now; a window that has not started is cancelled",
        "MaintenanceWindow",
        _WINDOW,
        "finished early",
    ),
    Operation(
        "post",
        f"{_MAINTENANCE}/{{id}}/change",
        "Replace an added window by one with another time or reason, by default those it has; it needs a new approval",
        Scope.FACTS_WRITE,
        ref("MaintenanceWindow"),
        _WINDOW,
        status=201,
        request=body_of(start=INSTANT, reason=TEXT, **END),
        request_example={"start": "2026-11-20T18:00:00Z", "for": "2h"},
    ),
    Operation(
        "post",
        f"{_MAINTENANCE}/{{id}}/approve",
        "Approve an added window of another author before its start",
        Scope.FACTS_WRITE,
        ref("MaintenanceWindow"),
        _WINDOW | {"approved": "2026-11-15T18:00:00Z", "approved_by": "reviewer"},
        request=body_of(),
        request_example={},
    ),
    _add(
        _PAUSES,
        "Send no probes of a check, or of all checks of a product without `check`; the time is unknown",
        "Pause",
        _PAUSE,
        body_of("product", "reason", product=TEXT, check=TEXT, reason=TEXT, **END),
        {"product": "forms", "check": "health", "for": "2h", "reason": "moved to another cluster"},
    ),
    _end(_PAUSES, "End a pause now", "Pause", _PAUSE, "moved"),
)
