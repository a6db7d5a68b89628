"""GET /api/v1/vantages: whether this vantage can observe, and what the other vantages deliver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from monitor.delivery_status import DeliveryState
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import check_query
from monitor.web.openapi_schemas import (
    INSTANT,
    MAYBE_FLAG,
    MAYBE_INSTANT,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    TEXT,
    list_of,
    object_of,
)
from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.delivery_status import DeliveryStatus
    from monitor.vantage_status import ReferenceStatus, VantageStatus

routes = web.RouteTableDef()

_FLAG: Final = {"type": "boolean"}
_DELIVERY: Final = object_of(
    state={"enum": [state.value for state in DeliveryState]},
    since=INSTANT,
    newest=MAYBE_INSTANT,
    checks={"type": "integer"},
    missing=list_of(TEXT),
    clock_ahead_seconds={"type": "number"},
    problem=TEXT,
)
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/vantages": (
        "This vantage, and one for each named network: whether it can observe, and its references. Then the other "
        "vantages: what they deliver",
        list_of(
            object_of(
                id=TEXT,
                via=MAYBE_TEXT,
                blind=_FLAG,
                since=INSTANT,
                families=list_of(object_of(family={"enum": ["ip4", "ip6"]}, blind=MAYBE_FLAG)),
                references=list_of(
                    object_of(
                        id=TEXT,
                        kind=TEXT,
                        target=TEXT,
                        near=_FLAG,
                        system=_FLAG,
                        good=MAYBE_FLAG,
                        at=MAYBE_INSTANT,
                        reason=TEXT,
                        detail=TEXT,
                        latency_seconds=MAYBE_NUMBER,
                    )
                ),
                delivery={"anyOf": [_DELIVERY, {"type": "null"}]},
            )
        ),
        {},
    )
}


@routes.get("/api/v1/vantages")
@role(Role.READ)
async def vantages(request: web.Request) -> web.Response:
    """List the vantages. `blind` is null for a family while that is undecided."""
    check_query(request)
    health = request.app[CONTEXT].health
    return as_json([*map(_vantage, health.vantages), *map(_other_vantage, health.deliveries.vantages)])


def _vantage(status: VantageStatus) -> dict[str, Any]:
    return {
        "id": status.id,
        "via": status.via,
        "blind": bool(status.blind),
        "since": format_instant(status.since),
        "families": [
            {"family": family, "blind": None if sees is None else not sees} for family, sees in status.sees.items()
        ],
        "references": [_reference(reference) for reference in status.references],
        "delivery": None,
    }


def _other_vantage(status: DeliveryStatus) -> dict[str, Any]:
    since = format_instant(status.since)
    delivery = {
        "state": status.state.value,
        "since": since,
        "newest": None if status.newest is None else format_instant(status.newest),
        "checks": status.checks,
        "missing": list(status.missing),
        "clock_ahead_seconds": status.ahead / SECOND,
        "problem": status.problem,
    }
    blind = status.state is DeliveryState.BLIND
    network: dict[str, Any] = {"via": None, "families": [], "references": []}
    return {"id": status.id, "blind": blind, "since": since, **network, "delivery": delivery}


def _reference(reference: ReferenceStatus) -> dict[str, Any]:
    return {
        "id": reference.id,
        "kind": reference.kind,
        "target": reference.target,
        "near": reference.near,
        "system": reference.system,
        "good": reference.good,
        "at": None if reference.at is None else format_instant(reference.at),
        "reason": reference.reason,
        "detail": reference.detail,
        "latency_seconds": reference.latency,
    }
