"""/api/v1/maintenance: list, add, change, approve and end planned maintenance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from monitor.views.planned_maintenance import MAX_AHEAD, upcoming, window_json
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, end_of, one_line, principal_for_change, record_fact
from sla.interval import Interval
from sla.maintenance_window import (
    Approval,
    MaintenanceWindow,
    approval_obstacle,
    maintenance_approval,
    maintenance_window_end,
    maintenance_windows,
)
from sla.window import format_instant, parse_duration, parse_instant

routes = web.RouteTableDef()


@routes.get("/api/v1/maintenance")
@role(Role.READ)
async def list_maintenance(request: web.Request) -> web.Response:
    """List the maintenance of the next 30 days, or of `ahead`, by start: of the configuration and added windows."""
    check_query(request, "product", "ahead")
    context, product = request.app[CONTEXT], request.query.get("product")
    if product is not None and product not in context.ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    rows = upcoming(context.ledger.facts, context.ledger.portfolio, context.clock.now(), _ahead(request))
    return as_json([row.as_json() for row in rows if product in (None, row.product)])


@routes.post("/api/v1/maintenance")
@role(Role.FACTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Plan maintenance of a product or of all products."""
    check_query(request)
    client = principal_for_change(request)
    body = await json_object(request, "product", "all", "start", "for", "until", "reason")
    product = _subject(request, body)
    check_product(client, product or None)
    now = request.app[CONTEXT].clock.now()
    reason = one_line(body.get("reason"), "reason")
    window = MaintenanceWindow(product, _interval(body, now), client.name, reason, now)
    await record_fact(request, window.fact())
    return as_json(window_json(window), status=201)


@routes.post("/api/v1/maintenance/{id}/change")
@role(Role.FACTS_WRITE, body=True)
async def change(request: web.Request) -> web.Response:
    """Replace an added window by one with another time or reason. An approval does not apply to the new one."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "start", "for", "until", "reason")
    window, now = window_of_path(request), request.app[CONTEXT].clock.now()
    check_product(client, request.app[CONTEXT].ledger.former_ids.product(window.product) or None)
    if window.ended is not None or window.interval.end <= now:
        raise Refusal(409, "the maintenance window has already ended", "add another one")
    interval = _interval(_former_times(window, now, body) | body, now)
    reason = one_line(body.get("reason", window.reason), "reason")
    changed = MaintenanceWindow(window.product, interval, client.name, reason, now)
    await record_fact(request, changed.fact())
    end_fact = maintenance_window_end(window, now, client.name, f"replaced by {changed.id}", changed.id)
    await record_fact(request, end_fact)
    return as_json(window_json(changed), status=201)


def _former_times(window: MaintenanceWindow, now: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return the start of the window, or now if it has started; and its end, unless the body has another one."""
    times = {"start": format_instant(max(window.interval.start, now))}
    has_end = body.get("for") is not None or body.get("until") is not None
    return times if has_end else times | {"until": format_instant(window.interval.end)}


@routes.post("/api/v1/maintenance/{id}/approve")
@role(Role.FACTS_WRITE, body=True)
async def approve(request: web.Request) -> web.Response:
    """Approve an added window of another author before its start."""
    check_query(request)
    client, window, now = principal_for_change(request), window_of_path(request), request.app[CONTEXT].clock.now()
    await json_object(request)
    check_product(client, request.app[CONTEXT].ledger.former_ids.product(window.product) or None)
    if (obstacle := approval_obstacle(window, client.name, now)) is not None:
        raise Refusal(409, *obstacle)
    await record_fact(request, maintenance_approval(window, now, client.name))
    return as_json(window_json(replace(window, approval=Approval(now, client.name))))


@routes.post("/api/v1/maintenance/{id}/end")
@role(Role.FACTS_WRITE, body=True)
async def end(request: web.Request) -> web.Response:
    """End an added window now; a window that has not started is cancelled."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "reason")
    window, now = window_of_path(request), request.app[CONTEXT].clock.now()
    check_product(client, request.app[CONTEXT].ledger.former_ids.product(window.product) or None)
    if window.ended is not None or window.interval.end <= now:
        raise Refusal(409, "the maintenance window has already ended", "there is nothing to end")
    await record_fact(request, maintenance_window_end(window, now, client.name, one_line(body.get("reason"), "reason")))
    return as_json(window_json(replace(window, ended=now)))


def window_of_path(request: web.Request) -> MaintenanceWindow:
    """Return the added window with the id of the path.

    Raises:
        Refusal: there is none.
    """
    facts, name = request.app[CONTEXT].ledger.facts.all, request.match_info["id"]
    window = next((window for window in maintenance_windows(facts) if window.id == name), None)
    if window is None:
        raise Refusal(404, "unknown maintenance window", "GET /api/v1/maintenance lists the ids of added windows")
    return window


def _ahead(request: web.Request) -> int:
    """Return how far ahead the list reaches, microseconds."""
    try:
        length = parse_duration(request.query.get("ahead", "30d")[:64])
    except (ValueError, OverflowError):
        length = 0
    if not 0 < length <= MAX_AHEAD:
        raise Refusal(400, "ahead is not a duration of at most 400d", "use ahead=90d")
    return length


def _subject(request: web.Request, body: dict[str, Any]) -> str:
    """Return the product of the body; empty for all products."""
    product, every = body.get("product"), body.get("all")
    if (product is None) == (every is None) or every not in (None, True):
        raise Refusal(400, "exactly one of product and all is needed", 'use "product": "forms", or "all": true')
    if product is not None and (not isinstance(product, str) or product not in request.app[CONTEXT].ledger.products):
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    return product or ""


def _interval(body: dict[str, Any], now: int) -> Interval:
    """Return the time of the window. It starts now by default."""
    start = now
    if body.get("start") is not None:
        try:
            start = parse_instant(str(body["start"])[:64])
        except (ValueError, OverflowError):
            remedy = 'use "start": "2026-11-20T18:00:00Z"'
            raise Refusal(400, "start is not an RFC 3339 instant", remedy) from None
    if start < now:
        remedy = "exclude past time with POST /api/v1/products/ID/corrections"
        raise Refusal(400, "the start is in the past", remedy)
    end = end_of(body, now if body.get("for") is None else start)
    if end <= start:
        raise Refusal(400, "the end is not later than the start", "use a later end")
    return Interval(start, end)
