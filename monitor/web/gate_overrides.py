"""/api/v1/products/ID/gate/override: override the release gate of a product, and end the override."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from monitor.ledger.release_gate import overrides_by_product
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, end_of, one_line, principal_for_change, record_fact
from sla.gate_override import ANSWERS, GateOverride, gate_override_end
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.access.principal import Principal

routes = web.RouteTableDef()


@routes.post("/api/v1/products/{id}/gate/override")
@role(Role.GATE_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Set the answer of the gate until an instant."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "answer", "for", "until", "reason")
    product = _product(request, client)
    answer = body.get("answer")
    if answer not in ANSWERS:
        raise Refusal(400, "the answer is neither go nor hold", 'use {"answer": "go"} or {"answer": "hold"}')
    now = request.app[CONTEXT].clock.now()
    override = GateOverride(
        now, client.name, one_line(body.get("reason"), "reason"), product, answer, end_of(body, now)
    )
    await record_fact(request, override.fact())
    return as_json({"product": product, **override.as_json()}, status=201)


@routes.post("/api/v1/products/{id}/gate/override/end")
@role(Role.GATE_WRITE, body=True)
async def end(request: web.Request) -> web.Response:
    """End the override that is in force now."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "reason")
    product, context = _product(request, client), request.app[CONTEXT]
    reason, now = one_line(body.get("reason"), "reason"), context.clock.now()
    override = overrides_by_product(context.ledger, now).get(product)
    if override is None:
        raise Refusal(404, "no override is in force", f"GET /api/v1/products/{product}/gate shows the answer")
    await record_fact(request, gate_override_end(override, now, client.name, reason))
    return as_json({"product": product, **override.as_json(), "until": format_instant(now)})


def _product(request: web.Request, client: Principal) -> str:
    product = request.match_info["id"]
    if product not in request.app[CONTEXT].ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    check_product(client, product)
    return product
