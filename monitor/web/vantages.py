"""GET /api/v1/vantages: whether this vantage can observe, with the answers of its references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

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
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.vantage_status import ReferenceStatus, VantageStatus

routes = web.RouteTableDef()

_FLAG: Final = {"type": "boolean"}
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/vantages": (
        "This vantage, and one for each named network: whether it can observe, and its references",
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
    return as_json([_vantage(status) for status in request.app[CONTEXT].health.vantages])


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
    }


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
