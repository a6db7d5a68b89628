"""The OpenAPI description of drills."""

from __future__ import annotations

from typing import Any, Final

from monitor.access.scopes import Scope
from monitor.web.openapi_alerts import Operation
from monitor.web.openapi_schemas import (
    BOUNDS,
    INSTANT,
    MAYBE_FLAG,
    MAYBE_INSTANT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    TEXT,
    body_of,
    list_of,
    object_of,
    ref,
)

_KINDS: Final = {"enum": ["failover", "failback", "restore", "deploy", "tabletop", "isolated"]}

SCHEMAS: Final[dict[str, Any]] = {
    "Drill": object_of(
        id=TEXT,
        product=TEXT,
        kind=_KINDS,
        started=INSTANT,
        ended=MAYBE_INSTANT,
        rto_seconds=MAYBE_NUMBER,
        rta_seconds=BOUNDS,
        rpo_seconds=MAYBE_NUMBER,
        rpa_seconds=MAYBE_NUMBER,
        downtime_seconds=BOUNDS,
        detected_seconds=MAYBE_NUMBER,
        met=MAYBE_FLAG,
        reason=TEXT,
        at=INSTANT,
        provisional={"type": "boolean"},
        failed=MAYBE_INSTANT,
        recovered=MAYBE_FLAG,
        by=TEXT,
        source={"enum": ["stated", "window", "site_change"]},
        scenario=TEXT,
        participants=list_of(TEXT),
        end={"anyOf": [object_of(at=INSTANT, by=TEXT, reason=TEXT), {"type": "null"}]},
        recovery_points=list_of(object_of(seconds={"type": "number"}, source=TEXT, by=TEXT, made=INSTANT)),
        findings=list_of(
            object_of(
                id=TEXT,
                text=TEXT,
                owner=TEXT,
                due={"type": "string", "format": "date"},
                by=TEXT,
                made=INSTANT,
                closed=MAYBE_TEXT,
                overdue={"type": "boolean"},
            )
        ),
        sign_offs=list_of(object_of(made=INSTANT, by=TEXT, note=TEXT)),
    )
}

PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/drills": (
        "Drills with their measured results, oldest first",
        list_of(ref("Drill")),
        {"product": "only drills of this product"},
    ),
    "/api/v1/drills/{id}": (
        "One drill with its measured result",
        ref("Drill"),
        {"at": "as known at this RFC 3339 instant; default: now"},
    ),
}

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "5b1f0a9c3d7e",
    "product": "forms",
    "kind": "failover",
    "started": "2026-11-29T18:00:00Z",
    "ended": "2026-11-29T18:20:00Z",
    "rto_seconds": 900.0,
    "rta_seconds": {"low": 610.0, "point": 611.0, "high": 612.0},
    "rpo_seconds": 0.0,
    "rpa_seconds": None,
    "downtime_seconds": {"low": 610.0, "point": 611.0, "high": 612.0},
    "detected_seconds": 2.5,
    "met": None,
    "reason": "the recovery point was not measured",
    "at": "2026-11-29T19:00:00Z",
    "provisional": False,
    "failed": "2026-11-29T18:02:10Z",
    "recovered": True,
    "by": "pipeline",
    "source": "stated",
    "scenario": "Gold is lost",
    "participants": ["Ana Ng"],
    "end": {"at": "2026-11-29T18:20:00Z", "by": "pipeline", "reason": ""},
    "recovery_points": [],
    "findings": [],
    "sign_offs": [],
}


def _on(path: str, summary: str, request: dict[str, Any], example: dict[str, Any], status: int = 200) -> Operation:
    return Operation(
        "post",
        path,
        summary,
        Scope.DRILLS_WRITE,
        ref("Drill"),
        _EXAMPLE,
        status=status,
        request=request,
        request_example=example,
    )


OPERATIONS: Final = (
    _on(
        "/api/v1/products/{id}/drills",
        "Start a drill; durations as `15m`; the author is the name of the token",
        body_of("kind", kind=_KINDS, rto=TEXT, rpo=TEXT, scenario=TEXT, participants=list_of(TEXT)),
        {"kind": "failover", "rto": "15m", "rpo": "0s", "scenario": "Gold is lost", "participants": ["Ana Ng"]},
        201,
    ),
    _on("/api/v1/drills/{id}/end", "End a drill now", body_of(reason=TEXT), {"reason": "restored early"}),
    _on(
        "/api/v1/drills/{id}/recovery-points",
        "State a measured recovery point; the largest one of a drill counts",
        object_of(lost=TEXT, source=TEXT),
        {"lost": "0s", "source": "comparison of the ledgers"},
        201,
    ),
    _on(
        "/api/v1/drills/{id}/findings",
        "Add a finding, overdue from the day after its due day",
        object_of(text=TEXT, owner=TEXT, due={"type": "string", "format": "date"}),
        {"text": "step 4 of the runbook is wrong", "owner": "Ana Ng", "due": "2027-01-31"},
        201,
    ),
    _on(
        "/api/v1/drills/{id}/findings/{finding}/close",
        "Close a finding",
        object_of(reason=TEXT),
        {"reason": "the runbook is corrected"},
    ),
    _on(
        "/api/v1/drills/{id}/sign-off",
        "Accept the result of an ended drill",
        object_of(note=TEXT),
        {"note": "accepted"},
    ),
)
