"""The OpenAPI description of planned maintenance and of pauses."""

from __future__ import annotations

from typing import Any, Final

from monitor.access.scopes import Scope
from monitor.web.openapi_alerts import Operation
from monitor.web.openapi_schemas import INSTANT, MAYBE_INSTANT, MAYBE_TEXT, TEXT, list_of, object_of, ref

PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/maintenance": (
        "Planned maintenance of the next 30 days, by start; id and author are null for that of the configuration",
        list_of(ref("PlannedMaintenance")),
        {"product": "only maintenance of this product"},
    ),
    "/api/v1/pauses": (
        "Pauses in force, in the order in which they were made; check is null if all checks of the product are paused",
        list_of(ref("Pause")),
        {"product": "only pauses of this product and its checks"},
    ),
}

SCHEMAS: Final[dict[str, Any]] = {
    "PlannedMaintenance": object_of(
        product=TEXT, start=INSTANT, end=INSTANT, id=MAYBE_TEXT, author=MAYBE_TEXT, reason=MAYBE_TEXT
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

OPERATIONS: Final = (
    Operation(
        "post",
        "/api/v1/maintenance",
        "Plan maintenance of a product, or of all products; `start` is now by default",
        Scope.FACTS_WRITE,
        ref("MaintenanceWindow"),
        _WINDOW,
        status=201,
        request={
            "type": "object",
            "properties": {
                "product": TEXT,
                "all": {"const": True},
                "start": INSTANT,
                "for": TEXT,
                "until": INSTANT,
                "reason": TEXT,
            },
            "additionalProperties": False,
        },
        request_example={"product": "forms", "for": "2h", "reason": "upgrade"},
    ),
    Operation(
        "post",
        "/api/v1/maintenance/{id}/end",
        "End an added window now; a window that has not started is cancelled",
        Scope.FACTS_WRITE,
        ref("MaintenanceWindow"),
        _WINDOW | {"ended": "2026-11-20T19:00:00Z"},
        request=object_of(reason=TEXT),
        request_example={"reason": "finished early"},
    ),
    Operation(
        "post",
        "/api/v1/pauses",
        "Send no probes of a check, or of all checks of a product without `check`; the time is unknown",
        Scope.FACTS_WRITE,
        ref("Pause"),
        _PAUSE,
        status=201,
        request={
            "type": "object",
            "required": ["product", "reason"],
            "properties": {"product": TEXT, "check": TEXT, "for": TEXT, "until": INSTANT, "reason": TEXT},
            "additionalProperties": False,
        },
        request_example={"product": "forms", "check": "health", "for": "2h", "reason": "moved to another cluster"},
    ),
    Operation(
        "post",
        "/api/v1/pauses/{id}/end",
        "End a pause now",
        Scope.FACTS_WRITE,
        ref("Pause"),
        _PAUSE | {"ended": "2026-11-20T19:00:00Z"},
        request=object_of(reason=TEXT),
        request_example={"reason": "moved"},
    ),
)
