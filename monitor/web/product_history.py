"""/api/v1/products/ID/history: the facts about a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.facts.history import history, is_known
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json_list, json_text
from monitor.web.errors import Refusal, check_query
from sla.window import parse_instant

if TYPE_CHECKING:
    from aiohttp import web


@role(Role.READ)
async def product_history(request: web.Request) -> web.Response:
    """List the facts about a product, oldest first. The product may be a removed one."""
    check_query(request, "since")
    context, name = request.app[CONTEXT], request.match_info["id"]
    facts, slices = context.ledger.facts, TimeSlices(context.clock)
    name = facts.former_ids.product(name)
    if name not in context.ledger.products and not is_known(facts, name):
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    since = _since(request.query["since"]) if "since" in request.query else None
    changes = []
    for fact in history(facts, name, since):
        changes.append(json_text(fact.as_json()))
        await slices.yield_if_spent()
    return as_json_list(changes)


def _since(text: str) -> int:
    try:
        return parse_instant(text[:64])
    except (ValueError, OverflowError):
        raise Refusal(400, "since is not an RFC 3339 instant", "use since=2026-11-20T18:00:00Z") from None
