"""The OpenAPI description of sites and failovers."""

from __future__ import annotations

from typing import Any, Final

from monitor.web.openapi_schemas import (
    BOUNDS,
    INSTANT,
    MAYBE_FLAG,
    MAYBE_INSTANT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    TEXT,
    list_of,
    object_of,
    ref,
)

SCHEMAS: Final[dict[str, Any]] = {
    "Sites": object_of(
        product=TEXT,
        at=INSTANT,
        state={"enum": ["one", "several", "none", "unknown"]},
        active=MAYBE_TEXT,
        on_primary=MAYBE_FLAG,
        failover_within_seconds=MAYBE_NUMBER,
        sites=list_of(object_of(id=TEXT, name=TEXT, direct={"enum": ["up", "down", "unknown", None]})),
        failovers=list_of(ref("Failover")),
    ),
    "Failover": object_of(
        id=TEXT,
        kind={"enum": ["failover", "failback"]},
        **{"from": TEXT},
        to=TEXT,
        left=INSTANT,
        arrived=INSTANT,
        started=INSTANT,
        ended=MAYBE_INSTANT,
        duration_seconds=BOUNDS,
        downtime_seconds=BOUNDS,
        met=MAYBE_FLAG,
        reason=TEXT,
        provisional={"type": "boolean"},
    ),
}

PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/products/{id}/sites": (
        "The sites of a product, which of them is active, and its failovers, oldest first",
        ref("Sites"),
        {"at": "report as of this RFC 3339 instant; default: now"},
    ),
}
