"""/api/v1/silences: list, add and end silences."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, only
from monitor.web.request_body import json_object
from monitor.web.writing import author, end_of, state, within_limit, words, writing
from sla.silence import Silence, silence_end, silences
from sla.window import format_instant

routes = web.RouteTableDef()

LONGEST_KEY = 500


@routes.get("/api/v1/silences")
@role(Role.READ)
async def listed(request: web.Request) -> web.Response:
    """List the silences in force, those that end first come first."""
    only(request, "product")
    product = request.query.get("product")
    found = (each for each in _in_force(request) if product is None or each.product in ("", product))
    return as_json([silence_json(each) for each in sorted(found, key=lambda each: (each.until, each.id))])


@routes.post("/api/v1/silences")
@role(Role.ALERTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Silence the alerts of a product, one alert, or all alerts until an instant."""
    only(request)
    token = author(request)
    body = await json_object(request, "product", "key", "all", "for", "until", "reason")
    product, key = _subject(request, body)
    within_limit(token, _product_of(request, product, key))
    now = request.app[CONTEXT].clock.now()
    made = Silence(now, token.name, words(body.get("reason"), "reason"), end_of(body, now), product, key)
    await state(request, made.fact())
    return as_json(silence_json(made), status=201)


@routes.delete("/api/v1/silences/{id}")
@role(Role.ALERTS_WRITE)
async def end(request: web.Request) -> web.Response:
    """End a silence now."""
    only(request)
    token, name = author(request), request.match_info["id"]
    found = next((each for each in _in_force(request) if each.id == name), None)
    if found is None:
        raise Refusal(404, "no such silence is in force", "GET /api/v1/silences lists them")
    within_limit(token, _product_of(request, found.product, found.key))
    now = request.app[CONTEXT].clock.now()
    await state(request, silence_end(found.id, now, token.name))
    return as_json(silence_json(found) | {"until": format_instant(now)})


def silence_json(silence: Silence) -> dict[str, Any]:
    """Return a silence as the API shows it; product and key are null for one of all alerts."""
    return {
        "id": silence.id,
        "product": silence.product or None,
        "key": silence.key or None,
        "until": format_instant(silence.until),
        "reason": silence.reason,
        "author": silence.author,
        "made": format_instant(silence.made),
    }


def _in_force(request: web.Request) -> list[Silence]:
    context = request.app[CONTEXT]
    now = context.clock.now()
    return [each for each in silences(context.ledger.facts.all) if now < each.until]


def _subject(request: web.Request, body: dict[str, Any]) -> tuple[str, str]:
    """Return the product or the key to silence; both are empty for all alerts."""
    product, key = body.get("product"), body.get("key")
    if (product is not None) + (key is not None) + (body.get("all") is True) != 1 or body.get("all", True) is not True:
        raise Refusal(400, "what to silence is not clear", 'write "product", "key", or "all": true')
    if product is not None and (not isinstance(product, str) or product not in request.app[CONTEXT].ledger.products):
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    return product or "", "" if key is None else words(key, "key", LONGEST_KEY)


def _product_of(request: web.Request, product: str, key: str) -> str | None:
    """Return the product that a silence concerns, None if it is all of them or not known."""
    if not key:
        return product or None
    alert = writing(request).alerting.find(key)
    return None if alert is None else alert.product or None
