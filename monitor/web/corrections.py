"""/api/v1: add and revoke corrections, as `ninewatch correct` does."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from monitor.facts.journal import as_plain
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, only
from monitor.web.request_body import json_object
from monitor.web.writing import author, state, within_limit, words
from sla.correction import Correction, Revocation, revoked
from sla.interval import Interval
from sla.window import parse_instant

routes = web.RouteTableDef()


@routes.post("/api/v1/products/{id}/corrections")
@role(Role.FACTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Exclude past time from the contractual figures of a product."""
    only(request)
    token, body = author(request), await json_object(request, "start", "end", "reason")
    context, product = request.app[CONTEXT], request.match_info["id"]
    if product not in context.ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    within_limit(token, product)
    now = context.clock.now()
    made = Correction(product, _past(body, now), token.name, words(body.get("reason"), "reason"), now)
    await state(request, made.fact())
    return as_json(as_plain(made), status=201)


@routes.post("/api/v1/corrections/{id}/revoke")
@role(Role.FACTS_WRITE, body=True)
async def revoke(request: web.Request) -> web.Response:
    """Revoke a correction; both stay in the record."""
    only(request)
    token, body = author(request), await json_object(request, "reason")
    context, name = request.app[CONTEXT], request.match_info["id"]
    facts = context.ledger.facts.corrections.facts
    found = next((each for each in facts if isinstance(each, Correction) and each.id == name), None)
    if found is None:
        raise Refusal(404, "unknown correction", "GET /api/v1/products/ID/history lists them")
    within_limit(token, context.ledger.facts.former_ids.product(found.product))
    if name in revoked(facts):
        raise Refusal(409, "the correction is already revoked", "there is nothing to revoke")
    made = Revocation(name, token.name, words(body.get("reason"), "reason"), context.clock.now())
    await state(request, made.fact())
    return as_json(as_plain(made))


def _past(body: dict[str, Any], now: int) -> Interval:
    try:
        span = Interval(*(parse_instant(str(body.get(name))[:64]) for name in ("start", "end")))
    except (ValueError, OverflowError):
        remedy = 'write "start" and a later "end": "2026-11-20T18:00:00Z"'
        raise Refusal(400, "start and end are not two RFC 3339 instants in order", remedy) from None
    if not (0 <= span.start < span.end <= now):
        remedy = "configure planned work under `maintenance:`"
        raise Refusal(400, "a correction is of past time, and not empty", remedy)
    return span
