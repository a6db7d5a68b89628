"""/api/v1: the readiness and the promise of a product; attestations, deployments, and revocation of evidence."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from monitor.ledger.product_readiness import readiness_of
from monitor.views.readiness import promise_of
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.past_ledger import ledger_as_of
from monitor.web.query import product_of
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, one_line, principal_for_change, record_fact
from sla.evidence import REVOCABLE, EvidenceKind, attestation_fact, deployment_fact, revocation_fact, revocations
from sla.interval import DAY
from sla.measured_evidence import VALIDITY
from sla.window import format_instant, parse_instant

routes = web.RouteTableDef()

_EARLIEST_INSTANT = 3_660 * DAY  # 1980


@role(Role.READ)
async def product_readiness(request: web.Request) -> web.Response:
    """Return the state of the product's checklist with its evidence, and what can be promised, now or as of `at`."""
    check_query(request, "at")
    context, product = request.app[CONTEXT], product_of(request)
    now = context.clock.now()
    at = _instant(dict(request.query), "at", _EARLIEST_INSTANT, now) if "at" in request.query else now
    ledger = await ledger_as_of(context, product, at, now)
    readiness = readiness_of(ledger, product.id, at)
    measured = ledger.measured(product.id, ledger.own_window(product.id, at), at, now)
    data: dict[str, Any] = (
        {"product": product.id, "objective": float(product.objective.ratio), "ceiling": None, "items": []}
        if readiness is None
        else readiness.as_json(product.id, product.objective)
    )
    limit = None if readiness is None else readiness.limit_text(product.objective)
    return as_json(data | {"limit": limit, "promise": promise_of(product, measured, readiness).as_json()})


@routes.post("/api/v1/products/{id}/deployments")
@role(Role.FACTS_WRITE, body=True)
async def mark(request: web.Request) -> web.Response:
    """Mark a deployment of a product, as `ninewatch deploy mark` does."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "version", "at", "link")
    context, product = request.app[CONTEXT], product_of(request).id
    check_product(client, product)
    now = context.clock.now()
    at = now if body.get("at") is None else _instant(body, "at", 0, now)
    fact = deployment_fact(
        now, client.name, product, at, one_line(body.get("version"), "version"), _optional(body, "link")
    )
    await record_fact(request, fact)
    return as_json({"id": fact.id, "product": product, "at": format_instant(at), "by": client.name}, status=201)


@routes.post("/api/v1/products/{id}/attestations")
@role(Role.FACTS_WRITE, body=True)
async def attest(request: web.Request) -> web.Response:
    """Attest an item of the product's checklist, as `ninewatch attest` does."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "item", "by", "note", "link", "until")
    context, product = request.app[CONTEXT], product_of(request).id
    check_product(client, product)
    block, name = context.ledger.products[product].readiness, one_line(body.get("item"), "item")
    item = None if block is None else block.checklist.find(name)
    if item is None or EvidenceKind.ATTESTATION not in item.kinds:
        raise Refusal(400, "no item of the checklist that accepts attestations", "GET .../readiness lists the items")
    now = context.clock.now()
    until = now + (item.validity or VALIDITY)
    if body.get("until") is not None:
        until = _instant(body, "until", now + 1, None)
    by = f"{one_line(body.get('by'), 'by')} via {client.name}"
    note, link = _optional(body, "note"), _optional(body, "link")
    fact = attestation_fact(now, by, product, item.id, until, note, link)
    await record_fact(request, fact)
    valid_until = until if item.validity is None else min(until, now + item.validity)
    data = {"id": fact.id, "product": product, "item": item.id, "by": by, "until": format_instant(valid_until)}
    return as_json(data, status=201)


@routes.post("/api/v1/evidence/{id}/revoke")
@role(Role.FACTS_WRITE, body=True)
async def revoke(request: web.Request) -> web.Response:
    """Revoke an attestation, a deployment or a drill; both facts stay in the record."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "reason")
    context, name = request.app[CONTEXT], request.match_info["id"]
    facts = context.ledger.facts
    evidence = next((fact for fact in facts.all if fact.id == name and fact.kind in REVOCABLE), None)
    if evidence is None:
        raise Refusal(404, "unknown evidence", "GET /api/v1/products/ID/history lists ids")
    check_product(client, facts.former_ids.product(evidence.product))
    if name in revocations(facts.all):
        raise Refusal(409, "the evidence is already revoked", "there is nothing to revoke")
    reason = one_line(body.get("reason"), "reason")
    revocation = revocation_fact(context.clock.now(), client.name, evidence.product, name, reason)
    await record_fact(request, revocation)
    return as_json({"id": revocation.id, "revokes": name, "by": client.name})


def _optional(body: dict[str, Any], name: str) -> str:
    return "" if body.get(name) is None else one_line(body[name], name)


def _instant(body: dict[str, Any], name: str, first: int, last: int | None) -> int:
    """Return the instant with this name.

    Raises:
        Refusal: it is not an instant, is before `first`, or is after `last`.
    """
    try:
        at = parse_instant(str(body[name])[:64])
    except (ValueError, OverflowError):
        raise Refusal(400, f"{name} is not an RFC 3339 instant", f'use "{name}": "2026-11-20T18:00:00Z"') from None
    if at < first or (last is not None and at > last):
        raise Refusal(400, f"{name} is out of range: {format_instant(at)}", "use a past instant, or a future `until`")
    return at
