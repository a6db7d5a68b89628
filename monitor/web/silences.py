"""/api/v1/silences: list, add and end silences."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, end_of, one_line, principal_for_change, record_fact, write_context
from sla.silence import Silence, silence_end, silences
from sla.window import format_instant

routes = web.RouteTableDef()

MAX_KEY = 500


@routes.get("/api/v1/silences")
@role(Role.READ)
async def list_silences(request: web.Request) -> web.Response:
    """List the silences in force, in the order of their ends."""
    check_query(request, "product")
    product = request.query.get("product")
    selected = (silence for silence in in_force(request) if product is None or silence.product in ("", product))
    in_order = sorted(selected, key=lambda silence: (silence.until, silence.id))
    return as_json([silence_json(silence) for silence in in_order])


@routes.post("/api/v1/silences")
@role(Role.ALERTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Silence the alerts of a product, one alert, or all alerts, until an instant."""
    check_query(request)
    client = principal_for_change(request)
    body = await json_object(request, "product", "key", "all", "for", "until", "reason")
    product, key = _subject(request, body)
    check_product(client, _product_of(request, product, key))
    now = request.app[CONTEXT].clock.now()
    silence = Silence(now, client.name, one_line(body.get("reason"), "reason"), end_of(body, now), product, key)
    await record_fact(request, silence.fact())
    return as_json(silence_json(silence), status=201)


@routes.delete("/api/v1/silences/{id}")
@role(Role.ALERTS_WRITE)
async def end(request: web.Request) -> web.Response:
    """End a silence now."""
    check_query(request)
    client, name = principal_for_change(request), request.match_info["id"]
    silence = next((silence for silence in in_force(request) if silence.id == name), None)
    if silence is None:
        raise Refusal(404, "no silence with this id is in force", "GET /api/v1/silences lists them")
    check_product(client, _product_of(request, silence.product, silence.key))
    now = request.app[CONTEXT].clock.now()
    await record_fact(request, silence_end(silence.id, now, client.name))
    return as_json(silence_json(silence) | {"until": format_instant(now)})


def silence_json(silence: Silence) -> dict[str, Any]:
    """Return the object of a silence in the API. `product` and `key` are null if it silences all alerts."""
    return {
        "id": silence.id,
        "product": silence.product or None,
        "key": silence.key or None,
        "until": format_instant(silence.until),
        "reason": silence.reason,
        "author": silence.author,
        "made": format_instant(silence.made),
    }


def in_force(request: web.Request) -> list[Silence]:
    """Return the silences that are in force now, in the order in which they were made."""
    context = request.app[CONTEXT]
    now = context.clock.now()
    return [silence for silence in silences(context.ledger.facts.all) if now < silence.until]


def _subject(request: web.Request, body: dict[str, Any]) -> tuple[str, str]:
    """Return the product and the key of the alert to silence. Both are empty for all alerts."""
    product, key = body.get("product"), body.get("key")
    if (product is not None) + (key is not None) + (body.get("all") is True) != 1 or body.get("all", True) is not True:
        raise Refusal(400, "exactly one of product, key and all is needed", 'use "product", "key", or "all": true')
    if product is not None and (not isinstance(product, str) or product not in request.app[CONTEXT].ledger.products):
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    return product or "", "" if key is None else one_line(key, "key", MAX_KEY)


def _product_of(request: web.Request, product: str, key: str) -> str | None:
    """Return the product of a silence. None if it concerns all products, or its alert is unknown."""
    if not key:
        return product or None
    alert = write_context(request).alerting.find(key)
    return None if alert is None else alert.product or None
