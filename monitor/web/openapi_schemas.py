"""The OpenAPI schemas of products, checks and incidents in /api/v1."""

from __future__ import annotations

from typing import Any

from sla.outage import LimitKind
from sla.stage import Stage, ViolationKind

NUMBER = {"type": "number"}
MAYBE_NUMBER = {"type": ["number", "null"]}
TEXT = {"type": "string"}
MAYBE_TEXT = {"type": ["string", "null"]}
INSTANT = {"type": "string", "format": "date-time"}
MAYBE_INSTANT = {"type": ["string", "null"], "format": "date-time"}
MAYBE_FLAG = {"type": ["boolean", "null"]}
STATE = {"enum": ["up", "down", "unknown"]}
END = {"for": TEXT, "until": INSTANT}  # properties of a request that specifies an end


def object_of(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these properties, all required."""
    return {"type": "object", "required": list(properties), "properties": properties}


def closed_object_of(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these properties, all required, and no others."""
    return object_of(**properties) | {"additionalProperties": False}


def body_of(*required: str, **properties: Any) -> dict[str, Any]:
    """Return the schema of a request with these properties and no others. `required` are their names."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def _figures(**properties: Any) -> dict[str, Any]:
    """Return the schema of figures.

    `watched` (young record), `objectives` (changed objectives), `degraded_seconds` (counted as downtime) are optional.
    """
    schema = object_of(**properties)
    optional = {"watched": ref("Watched"), "objectives": list_of(ref("Promised")), "degraded_seconds": BOUNDS}
    return schema | {"properties": properties | optional}


def ref(name: str) -> dict[str, str]:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


BOUNDS = object_of(low=MAYBE_NUMBER, point=MAYBE_NUMBER, high=MAYBE_NUMBER)
SECONDS = object_of(low=NUMBER, point=NUMBER, high=NUMBER)
_WINDOW = object_of(start=INSTANT, end=INSTANT)
_BUDGET = object_of(allowed_seconds=MAYBE_NUMBER, spent_seconds=NUMBER, remaining_seconds=MAYBE_NUMBER)
_FORECAST: dict[str, Any] = object_of(pace_seconds=NUMBER, burn_rate=MAYBE_NUMBER, exhausted_at=MAYBE_INSTANT) | {
    "description": "When the budget runs out at the burn rate of the last pace_seconds; null if it lasts"
}
_BURN_ALERT = object_of(
    alert=TEXT,
    long_seconds=NUMBER,
    short_seconds=NUMBER,
    threshold=MAYBE_NUMBER,
    firing={"type": ["boolean", "null"]},
    cannot_fire=MAYBE_TEXT,
)
GATE_ANSWER = {"enum": ["go", "hold", "unknown"]}
_VERDICT = {"enum": ["met", "missed", "undecided", None]}

_SHARED: dict[str, Any] = {
    "window": _WINDOW,
    "availability": BOUNDS,
    "coverage": MAYBE_NUMBER,
    "downtime_seconds": SECONDS,
    "objective": MAYBE_NUMBER,
    "budget": _BUDGET,
    "verdict": _VERDICT,
}
_SUMMARY: dict[str, Any] = {
    "id": TEXT,
    "name": TEXT,
    "team": {"type": ["string", "null"]},
    "state": STATE,
    "down_by_design": {"anyOf": [ref("DownByDesign"), {"type": "null"}]},
    "degraded": list_of(ref("Degradation")),
    "rule": TEXT,
    "claim_ceiling": MAYBE_NUMBER,
    "incidents_open": {"type": "integer"},
    "alerts_that_cannot_fire": list_of(TEXT),
    "last_observed": MAYBE_INSTANT,
} | _SHARED

_MEASURED: dict[str, Any] = _SHARED | {
    "product": TEXT,
    "excluded_seconds": NUMBER,
    "up_seconds": NUMBER,
    "down_seconds": NUMBER,
    "doubt_seconds": NUMBER,
    "unknown_seconds": NUMBER,
    "guessed_seconds": object_of(up=NUMBER, down=NUMBER),
    "observations": object_of(good={"type": "integer"}, bad={"type": "integer"}, unknown={"type": "integer"}),
    "nines": object_of(observed=MAYBE_NUMBER, proven=MAYBE_NUMBER),
    "proven_availability": MAYBE_NUMBER,
    "point_meets_objective": {"type": ["boolean", "null"]},
    "resolvable": {"type": ["boolean", "null"]},
    "provisional": {"type": "boolean"},
}
_CAUSES = {"enum": ["maintenance", "correction", "service hours", "dependency", "down by design"]}

_COMPONENT = {"enum": ["simple", "complex", "bundle", None]}
_INCIDENT: dict[str, Any] = {
    "id": TEXT,
    "product": TEXT,
    "check": TEXT,
    "opened": INSTANT,
    "resolved": MAYBE_INSTANT,
    "reason": TEXT,
    "downtime_seconds": MAYBE_NUMBER,
    "first_failure": {"anyOf": [ref("Failure"), {"type": "null"}]},
    "last_failure": {"anyOf": [ref("Failure"), {"type": "null"}]},
}
_CLIENT: dict[str, Any] = {
    "client": TEXT,
    "count": {"type": "integer"},
    "risk": {"enum": ["low", "high"]},
    "since": {"type": ["string", "null"], "format": "date"},
    "product": TEXT,
    "path": list_of(TEXT),
}

SCHEMAS: dict[str, Any] = {
    "Error": object_of(error=TEXT, remedy=TEXT),
    "Measured": _figures(**_MEASURED),
    "Contractual": _figures(
        **_MEASURED,
        outage_limits=list_of(ref("OutageLimit")),
        exclusions=list_of(ref("Excluded")),
        maintenance_not_excluded=list_of(ref("NotExcluded")),
    ),
    "NotExcluded": object_of(
        start=INSTANT,
        end=INSTANT,
        seconds=NUMBER,
        label=TEXT,
        author=MAYBE_TEXT,
        reason=MAYBE_TEXT,
        made=MAYBE_INSTANT,
        because=list_of(TEXT),
    ),
    "OutageLimit": object_of(
        promise={"enum": [kind.value for kind in LimitKind]},
        limit_seconds=NUMBER,
        per_seconds=MAYBE_NUMBER,
        outage_seconds=SECONDS,
        verdict=_VERDICT,
    ),
    "DownByDesign": object_of(failover_of=TEXT, since=INSTANT),
    "Degradation": object_of(
        check=TEXT, cause={"enum": ["slow", "reported", "redundancy", "certificate"]}, detail=TEXT
    ),
    "Promised": object_of(**{"from": INSTANT}, objective=NUMBER, allowed_seconds=NUMBER),
    "Watched": object_of(since=INSTANT, availability=BOUNDS, proven=MAYBE_NUMBER, decidable_at=MAYBE_INSTANT),
    "Excluded": object_of(start=INSTANT, end=INSTANT, seconds=NUMBER, causes=list_of(ref("Cause"))),
    "Cause": object_of(cause=_CAUSES, label=TEXT, author=MAYBE_TEXT, reason=MAYBE_TEXT, made=MAYBE_INSTANT),
    "Incident": object_of(**_INCIDENT),
    "IncidentOfWindow": object_of(**_INCIDENT, downtime_in_window_seconds=MAYBE_NUMBER),
    "IncidentDetail": object_of(**_INCIDENT, affected=list_of(ref("Affected")), affected_count={"type": "integer"}),
    "Failure": object_of(
        at=INSTANT,
        reason=TEXT,
        status={"type": ["integer", "null"]},
        detail=TEXT,
        phases={"type": "object", "additionalProperties": NUMBER},
    ),
    "Fact": object_of(id=TEXT, made=INSTANT, author=TEXT, kind=TEXT, product=TEXT, changes=list_of(TEXT), body={}),
    "Head": object_of(
        number={"type": "integer"},
        day={"type": "string", "format": "date"},
        since={"type": ["string", "null"], "format": "date"},
        made=INSTANT,
        whole={"type": "boolean"},
        content=TEXT,
        previous=TEXT,
        head=TEXT,
    ),
    "Client": object_of(**_CLIENT),
    "Affected": object_of(**_CLIENT, product_downtime_seconds=NUMBER),
    "Dependency": object_of(
        product=TEXT,
        name=TEXT,
        component=_COMPONENT,
        part={"type": "boolean"},
        path=list_of(TEXT),
        state=STATE,
        objective=NUMBER,
        availability=BOUNDS,
    ),
    "Value": object_of(
        currency=TEXT,
        per_hour=NUMBER,
        downtime_cost={"anyOf": [SECONDS, {"type": "null"}]},
        avoided_against_objective={"anyOf": [SECONDS, {"type": "null"}]},
        avoided_against_previous={"anyOf": [SECONDS, {"type": "null"}]},
        assumptions=list_of(TEXT),
    ),
    "Probe": object_of(
        at=INSTANT,
        outcome={"enum": ["good", "bad", "unknown"]},
        reason=TEXT,
        status={"type": ["integer", "null"]},
        duration_seconds=NUMBER,
        phases={"type": "object", "additionalProperties": NUMBER},
        detail=TEXT,
        steps=list_of(ref("Step")),
    ),
    "Step": object_of(
        id=TEXT,
        outcome={"enum": ["good", "bad", "unknown", None]},
        reason=TEXT,
        status={"type": ["integer", "null"]},
        detail=TEXT,
        at_seconds=NUMBER,
        duration_seconds=NUMBER,
        phases={"type": "object", "additionalProperties": NUMBER},
    ),
    "Check": object_of(
        id=TEXT,
        kind=TEXT,
        target=TEXT,
        state=STATE,
        interval_seconds=NUMBER,
        paused={"anyOf": [ref("Pause"), {"type": "null"}]},
        availability={"anyOf": [BOUNDS, {"type": "null"}]},
        coverage=MAYBE_NUMBER,
        last={"anyOf": [ref("Probe"), {"type": "null"}]},
        quorum=MAYBE_TEXT,
        vantages=list_of(object_of(id=TEXT, state=STATE, last_observed=MAYBE_INSTANT, vote=MAYBE_TEXT)),
        vantages_disagree={"type": "boolean"},
    ),
    "Pause": object_of(
        id=TEXT,
        product=TEXT,
        check=MAYBE_TEXT,
        author=TEXT,
        reason=TEXT,
        made=INSTANT,
        until=MAYBE_INSTANT,
        ended=MAYBE_INSTANT,
    ),
    "Summary": _figures(**_SUMMARY),
    "Product": _figures(
        **_SUMMARY,
        depends_on=list_of(TEXT),
        checks=list_of(ref("Check")),
        windows={"type": "object", "additionalProperties": ref("Measured")},
        contractual=ref("Contractual"),
        burn_alerts=list_of(_BURN_ALERT),
        budget_forecast=_FORECAST,
        open_incidents=list_of(ref("Incident")),
        seeded_until=MAYBE_INSTANT,
        stage={"enum": [*(stage.value for stage in Stage), None]},
        misfits=list_of(object_of(about={"enum": [kind.value for kind in ViolationKind]}, text=TEXT)),
        component=_COMPONENT,
        parts=list_of(TEXT),
        dependencies=list_of(ref("Dependency")),
        clients=list_of(ref("Client")),
        value={"anyOf": [ref("Value"), {"type": "null"}]},
    ),
}
