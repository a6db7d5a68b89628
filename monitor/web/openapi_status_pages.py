"""The OpenAPI description of the incidents of public status pages."""

from __future__ import annotations

from typing import Any, Final

from monitor.access.scopes import Scope
from monitor.web.openapi_alerts import Operation
from monitor.web.openapi_schemas import (
    INSTANT,
    MAYBE_INSTANT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    TEXT,
    body_of,
    list_of,
    object_of,
    ref,
)

_INCIDENTS: Final = "/api/v1/status-pages/{page}/incidents"

PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    _INCIDENTS: (
        "Public incidents of a status page, newest first, with the time from detection to the first public update",
        list_of(ref("PublicIncident")),
        {},
    ),
    "/api/v1/status-pages/{page}/draft": (
        "The template of a phase, filled with facts; nothing is published",
        object_of(page=TEXT, phase=TEXT, text=TEXT),
        {
            "phase": "investigating (default), identified, monitoring or resolved",
            "components": "ids of components, separated by commas",
            "next_update": "when the next update is due: 30m, or an RFC 3339 instant",
        },
    ),
}

SCHEMAS: Final[dict[str, Any]] = {
    "PublicUpdate": object_of(made=INSTANT, author=TEXT, phase=TEXT, text=TEXT, next_update_due=MAYBE_INSTANT),
    "PublicIncident": object_of(
        id=TEXT,
        page=TEXT,
        title=TEXT,
        components=list_of(TEXT),
        impact=TEXT,
        phase=TEXT,
        product_incident=MAYBE_TEXT,
        detected=MAYBE_INSTANT,
        opened=INSTANT,
        resolved=MAYBE_INSTANT,
        next_update_due=MAYBE_INSTANT,
        time_to_first_word_seconds=MAYBE_NUMBER,
        updates=list_of(ref("PublicUpdate")),
    ),
}

_UPDATE: Final = {
    "made": "2026-11-20T18:05:00Z",
    "author": "Ana Ng",
    "phase": "investigating",
    "text": "We are investigating a problem with online forms.",
    "next_update_due": "2026-11-20T18:35:00Z",
}
_EXAMPLE: Final = {
    "id": "3f9a0c51d2e4",
    "page": "citizens",
    "title": "Online forms do not load",
    "components": ["forms"],
    "impact": "outage",
    "phase": "investigating",
    "product_incident": "4f0c1d2e3f4a",
    "detected": "2026-11-20T18:01:00Z",
    "opened": "2026-11-20T18:05:00Z",
    "resolved": None,
    "next_update_due": "2026-11-20T18:35:00Z",
    "time_to_first_word_seconds": 240.0,
    "updates": [_UPDATE],
}
_FIELDS: Final = {"phase": TEXT, "text": TEXT, "next_update": TEXT}

OPERATIONS: Final = (
    Operation(
        "post",
        _INCIDENTS,
        "Open a public incident with its first update; by default it is linked to the newest open product incident",
        Scope.FACTS_WRITE,
        ref("PublicIncident"),
        _EXAMPLE,
        status=201,
        request=body_of(
            "title", "components", "text", title=TEXT, components=list_of(TEXT), impact=TEXT, incident=TEXT, **_FIELDS
        ),
        request_example={
            "title": "Online forms do not load",
            "components": ["forms"],
            "impact": "outage",
            "text": "We are investigating a problem with online forms.",
            "next_update": "30m",
        },
    ),
    Operation(
        "post",
        f"{_INCIDENTS}/{{id}}/updates",
        "Publish an update of an open public incident; the phase `resolved` ends it",
        Scope.FACTS_WRITE,
        ref("PublicIncident"),
        {
            **_EXAMPLE,
            "phase": "resolved",
            "resolved": "2026-11-20T18:20:00Z",
            "next_update_due": None,
            "updates": [
                _UPDATE,
                {
                    "made": "2026-11-20T18:20:00Z",
                    "author": "Ana Ng",
                    "phase": "resolved",
                    "text": "Online forms work again.",
                    "next_update_due": None,
                },
            ],
        },
        status=201,
        request=body_of("text", **_FIELDS),
        request_example={"phase": "resolved", "text": "Online forms work again."},
    ),
)
