"""The OpenAPI description of sites and failovers."""

from __future__ import annotations

from typing import Any, Final

from monitor.web.openapi_schemas import INSTANT, MAYBE_INSTANT, MAYBE_TEXT, TEXT, list_of, object_of, ref

_MAYBE_SECONDS: Final = {"type": ["number", "null"]}
_MAYBE_FLAG: Final = {"type": ["boolean", "null"]}
_BOUNDS: Final = object_of(low=_MAYBE_SECONDS, point=_MAYBE_SECONDS, high=_MAYBE_SECONDS)

SCHEMAS: Final[dict[str, Any]] = {
    "Sites": object_of(
        product=TEXT,
        at=INSTANT,
        state={"enum": ["one", "several", "none", "unknown"]},
        active=MAYBE_TEXT,
        on_primary=_MAYBE_FLAG,
        failover_within_seconds=_MAYBE_SECONDS,
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
        duration_seconds=_BOUNDS,
        downtime_seconds=_BOUNDS,
        met=_MAYBE_FLAG,
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
