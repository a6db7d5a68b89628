"""The OpenAPI description of the continuity probe."""

from __future__ import annotations

from typing import Any, Final

from monitor.web.openapi_schemas import BOUNDS, INSTANT, MAYBE_INSTANT, NUMBER, TEXT, list_of, object_of, ref
from sla.continuity import TransactionState

_COUNT: Final = {"type": "integer"}
_COUNTS: Final = object_of(**{state.value: _COUNT for state in TransactionState})
_OUTCOME: Final = {"enum": ["acknowledged", "failed", "indeterminate"]}
_COPIES: Final = {"type": "object", "additionalProperties": _COUNT}

SCHEMAS: Final[dict[str, Any]] = {
    "ContinuityResult": object_of(
        product=TEXT,
        transaction=TEXT,
        failed={"anyOf": [object_of(low=INSTANT, point=INSTANT, high=INSTANT), {"type": "null"}]},
        until=INSTANT,
        counts=_COUNTS,
        rpa_seconds=BOUNDS,
        runs=list_of(TEXT),
    ),
    "ContinuityTransaction": object_of(
        product=TEXT,
        transaction=TEXT,
        kind={"enum": ["http", "postgres", "redis", "keycloak", "chefs"]},
        every_seconds=NUMBER,
        open_for_seconds=NUMBER,
        states=_COUNTS,
        possibly_left_behind=_COUNT,
        newest=list_of(
            object_of(
                run=TEXT,
                started=INSTANT,
                state={"enum": [state.value for state in TransactionState]},
                writes={"type": "object", "additionalProperties": _OUTCOME},
                copies={"anyOf": [_COPIES, {"type": "null"}]},
                closed=MAYBE_INSTANT,
            )
        ),
        results=list_of(ref("ContinuityResult")),
    ),
}

PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/products/{id}/continuity": (
        "Synthetic transactions of the product: their states, the newest ones first, and the results of failures",
        list_of(ref("ContinuityTransaction")),
        {},
    )
}
