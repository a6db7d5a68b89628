"""/api/v1/pauses: list, add and end pauses, as `ninewatch pause` and `ninewatch resume` do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from monitor.views.pauses import pause_json
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, end_of, one_line, principal_for_change, record_fact
from sla.pause import Pause, pause_end

routes = web.RouteTableDef()


@routes.get("/api/v1/pauses")
@role(Role.READ)
async def list_pauses(request: web.Request) -> web.Response:
    """List the pauses in force, in the order in which they were made."""
    check_query(request, "product")
    product = request.query.get("product")
    return as_json([pause_json(pause) for pause in in_force(request) if product in (None, pause.product)])


@routes.post("/api/v1/pauses")
@role(Role.FACTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Pause a check, or all checks of a product."""
    check_query(request)
    client, body = (
        principal_for_change(request),
        await json_object(request, "product", "check", "for", "until", "reason"),
    )
    product, check = _subject(request, body)
    check_product(client, product)
    now = request.app[CONTEXT].clock.now()
    reason = one_line(body.get("reason"), "reason")
    pause = Pause(product, check, now, end_of(body, now), client.name, reason)
    await record_fact(request, pause.fact())
    return as_json(pause_json(pause), status=201)


@routes.post("/api/v1/pauses/{id}/end")
@role(Role.FACTS_WRITE, body=True)
async def end(request: web.Request) -> web.Response:
    """End a pause now."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "reason")
    name, now = request.match_info["id"], request.app[CONTEXT].clock.now()
    pause = next((pause for pause in in_force(request) if pause.id == name), None)
    if pause is None:
        raise Refusal(404, "no pause with this id is in force", "GET /api/v1/pauses lists them")
    check_product(client, pause.product)
    if pause.configured:
        raise Refusal(409, "the configuration pauses it", "remove `enabled: false` from the configuration")
    await record_fact(request, pause_end(pause, now, client.name, one_line(body.get("reason"), "reason")))
    return as_json(pause_json(replace(pause, ended=now)))


def in_force(request: web.Request) -> list[Pause]:
    """Return the pauses that are in force now, in the order in which they were made."""
    context = request.app[CONTEXT]
    now = context.clock.now()
    return [pause for pause in context.ledger.facts.all_pauses if pause.interval.start <= now < pause.interval.end]


def _subject(request: web.Request, body: dict[str, Any]) -> tuple[str, str]:
    """Return the product and the key of the check to pause; the key is empty for all checks."""
    product, check, ledger = body.get("product"), body.get("check"), request.app[CONTEXT].ledger
    if not isinstance(product, str) or product not in ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    if check is None:
        return product, ""
    if not isinstance(check, str) or ledger.entry(f"{product}/{check}") is None:
        raise Refusal(404, "unknown check", f"GET /api/v1/products/{product} lists them")
    return product, f"{product}/{check}"
