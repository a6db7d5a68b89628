"""/api/v1/products/ID/gate/override: override the release gate of a product, and end the override."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from monitor.ledger.release_gate import overrides_by_product
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, only
from monitor.web.request_body import json_object
from monitor.web.writing import author, end_of, state, within_limit, words
from sla.gate_override import ANSWERS, GateOverride, ending
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.access.tokens import Token

routes = web.RouteTableDef()


@routes.post("/api/v1/products/{id}/gate/override")
@role(Role.GATE_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Set the answer of the gate until an instant."""
    only(request)
    token, body = author(request), await json_object(request, "answer", "for", "until", "reason")
    product = _product(request, token)
    answer = body.get("answer")
    if answer not in ANSWERS:
        raise Refusal(400, "the answer is neither go nor hold", 'write {"answer": "go"} or {"answer": "hold"}')
    now = request.app[CONTEXT].clock.now()
    made = GateOverride(now, token.name, words(body.get("reason"), "reason"), product, answer, end_of(body, now))
    await state(request, made.fact())
    return as_json({"product": product, **made.as_json()}, status=201)


@routes.post("/api/v1/products/{id}/gate/override/end")
@role(Role.GATE_WRITE, body=True)
async def end(request: web.Request) -> web.Response:
    """End the override that is in force now."""
    only(request)
    token, body = author(request), await json_object(request, "reason")
    product, context = _product(request, token), request.app[CONTEXT]
    reason, now = words(body.get("reason"), "reason"), context.clock.now()
    found = overrides_by_product(context.ledger, now).get(product)
    if found is None:
        raise Refusal(404, "no override is in force", f"GET /api/v1/products/{product}/gate shows the answer")
    await state(request, ending(found, now, token.name, reason))
    return as_json({"product": product, **found.as_json(), "until": format_instant(now)})


def _product(request: web.Request, token: Token) -> str:
    product = request.match_info["id"]
    if product not in request.app[CONTEXT].ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    within_limit(token, product)
    return product
