"""/api/v1: add and revoke corrections, as `ninewatch correct` does."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from monitor.facts.journal import as_plain
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, one_line, principal_for_change, record_fact
from sla.correction import Correction, Revocation, revoked
from sla.interval import Interval
from sla.window import parse_instant

routes = web.RouteTableDef()


@routes.post("/api/v1/products/{id}/corrections")
@role(Role.FACTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Exclude past time from the contractual figures of a product."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "start", "end", "reason")
    context, product = request.app[CONTEXT], request.match_info["id"]
    if product not in context.ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    check_product(client, product)
    now = context.clock.now()
    correction = Correction(product, _past(body, now), client.name, one_line(body.get("reason"), "reason"), now)
    await record_fact(request, correction.fact())
    return as_json(as_plain(correction), status=201)


@routes.post("/api/v1/corrections/{id}/revoke")
@role(Role.FACTS_WRITE, body=True)
async def revoke(request: web.Request) -> web.Response:
    """Revoke a correction; both stay in the record."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "reason")
    context, name = request.app[CONTEXT], request.match_info["id"]
    facts = context.ledger.facts.corrections.facts
    correction = next((fact for fact in facts if isinstance(fact, Correction) and fact.id == name), None)
    if correction is None:
        raise Refusal(404, "unknown correction", "GET /api/v1/products/ID/history lists them")
    check_product(client, context.ledger.facts.former_ids.product(correction.product))
    if name in revoked(facts):
        raise Refusal(409, "the correction is already revoked", "there is nothing to revoke")
    revocation = Revocation(name, client.name, one_line(body.get("reason"), "reason"), context.clock.now())
    await record_fact(request, revocation.fact())
    return as_json(as_plain(revocation))


def _past(body: dict[str, Any], now: int) -> Interval:
    try:
        span = Interval(*(parse_instant(str(body.get(name))[:64]) for name in ("start", "end")))
    except (ValueError, OverflowError):
        remedy = 'use "start" and a later "end": "2026-11-20T18:00:00Z"'
        raise Refusal(400, "start and end are not two RFC 3339 instants in order", remedy) from None
    if not (0 <= span.start < span.end <= now):
        remedy = "configure planned work under `maintenance:`"
        raise Refusal(400, "a correction must cover past time, from start to a later end", remedy)
    return span
