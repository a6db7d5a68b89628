"""The OpenAPI schemas of analyses: readiness, promise, release gate, downtime split, what-if."""

from __future__ import annotations

from typing import Any, Final

from monitor.web.openapi_schemas import (
    BOUNDS,
    INSTANT,
    MAYBE_INSTANT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    list_of,
    object_of,
    ref,
)

_INTERVAL: Final = object_of(start=INSTANT, end=INSTANT)

SCHEMAS: Final[dict[str, Any]] = {
    "Evidence": object_of(
        kind={"enum": ["attestation", "deployments", "decoupling", "drill", "sites", "checks"]},
        by=TEXT,
        on=MAYBE_INSTANT,
        until=INSTANT,
        detail=TEXT,
    ),
    "ReadinessItem": object_of(
        id=TEXT,
        state={"enum": ["met", "unmet", "expired"]},
        cap=NUMBER,
        evidence=list_of(ref("Evidence")),
    ),
    "Promise": object_of(
        objective=NUMBER,
        measured=BOUNDS,
        proven=MAYBE_NUMBER,
        ceiling=MAYBE_NUMBER,
        plan={"anyOf": [object_of(expected=NUMBER, chance=NUMBER), {"type": "null"}]},
        supported=MAYBE_NUMBER,
        limited_by=list_of(TEXT),
    ),
    "BudgetStep": object_of(
        spent=NUMBER,
        gate={"enum": ["go", "hold"]},
        consequence=TEXT,
        owner=TEXT,
        reached={"type": ["boolean", "null"]},
    ),
    "GateOverride": object_of(
        id=TEXT, answer={"enum": ["go", "hold"]}, author=TEXT, reason=TEXT, made=INSTANT, until=INSTANT
    ),
    "Blame": object_of(
        product=TEXT,
        window=_INTERVAL,
        downtime_seconds=NUMBER,
        own_seconds=NUMBER,
        unclear_seconds=NUMBER,
        shared=list_of(object_of(dependencies=list_of(TEXT), seconds=NUMBER)),
        dependencies=list_of(
            object_of(
                id=TEXT, downtime_seconds=NUMBER, shared_seconds=NUMBER, shared_if_independent_seconds=MAYBE_NUMBER
            )
        ),
        together=BOUNDS,
        together_if_independent=MAYBE_NUMBER,
    ),
    "WhatIf": object_of(
        product=TEXT,
        window=_INTERVAL,
        replayed=_INTERVAL,
        availability=BOUNDS,
        downtime_seconds=BOUNDS,
        unknown_seconds=NUMBER,
        plan={"anyOf": [object_of(expected=NUMBER, chance=NUMBER), {"type": "null"}]},
        cost_currency=TEXT,
        saved_currency=MAYBE_TEXT,
        changes=list_of(
            object_of(
                id=TEXT,
                text=TEXT,
                saved_seconds=BOUNDS,
                saved_in_unknown_seconds=NUMBER,
                downtime_seconds=BOUNDS,
                availability=BOUNDS,
                cost_per_year=MAYBE_NUMBER,
                cost_per_hour_saved=MAYBE_NUMBER,
                saved_cost={"anyOf": [BOUNDS, {"type": "null"}]},
                assumptions=list_of(TEXT),
            )
        ),
        assumptions=list_of(TEXT),
    ),
}
