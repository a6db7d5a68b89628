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
    from monitor.delivery_status import DeliveryStatus, VantageLink
    from monitor.vantage_status import ReferenceStatus, VantageStatus
    from sla.vantage import ClockOffset

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
    link={
        "anyOf": [
            object_of(
                last_request=INSTANT,
                version=TEXT,
                same_checks=_FLAG,
                clock_offset_seconds=MAYBE_NUMBER,
                clock_error_seconds=MAYBE_NUMBER,
            ),
            {"type": "null"},
        ]
    },
)
_CENTRE: Final = object_of(
    url=MAYBE_TEXT,
    last_response=MAYBE_INSTANT,
    frames_waiting={"type": "integer"},
    oldest_frame=MAYBE_INSTANT,
    frames_dropped={"type": "integer"},
    clock_offset_seconds=MAYBE_NUMBER,
    clock_error_seconds=MAYBE_NUMBER,
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
    ),
    "/api/v1/centre": (
        "Whether the centre of this vantage receives its observations; null if this daemon sends them to no centre",
        {"anyOf": [_CENTRE, {"type": "null"}]},
        {},
    ),
}


@routes.get("/api/v1/vantages")
@role(Role.READ)
async def vantages(request: web.Request) -> web.Response:
    """List the vantages. `blind` is null for a family while that is undecided."""
    check_query(request)
    health = request.app[CONTEXT].health
    return as_json([*map(_vantage, health.vantages), *map(_other_vantage, health.deliveries.vantages)])


@routes.get("/api/v1/centre")
@role(Role.READ)
async def centre(request: web.Request) -> web.Response:
    """Describe the delivery of this vantage's observations to its centre."""
    check_query(request)
    health = request.app[CONTEXT].health
    if (status := health.shipping) is None:
        return as_json(None)
    return as_json(
        {
            "url": status.url or None,
            "last_response": _instant(status.delivered_at),
            "frames_waiting": status.waiting,
            "oldest_frame": _instant(status.oldest),
            "frames_dropped": health.frames_dropped,
            **_clock(status.clock),
            "problem": status.problem,
        }
    )


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
        "link": None if status.link is None else _link(status.link),
    }
    blind = status.state is DeliveryState.BLIND
    network: dict[str, Any] = {"via": None, "families": [], "references": []}
    return {"id": status.id, "blind": blind, "since": since, **network, "delivery": delivery}


def _link(link: VantageLink) -> dict[str, Any]:
    return {
        "last_request": format_instant(link.received),
        "version": link.version,
        "same_checks": link.same_checks,
        **_clock(link.clock),
    }


def _clock(clock: ClockOffset | None) -> dict[str, float | None]:
    """Return the time by which the vantage's clock is ahead of the centre's, negative if it is behind."""
    return {
        "clock_offset_seconds": None if clock is None else -clock.offset / SECOND,
        "clock_error_seconds": None if clock is None else clock.error / SECOND,
    }


def _instant(at: int | None) -> str | None:
    return None if at is None else format_instant(at)


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
