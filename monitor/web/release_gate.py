"""/api/v1/products/ID/gate: whether the product may be changed now, by its budget policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.ledger.release_gate import release_gate
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, only

if TYPE_CHECKING:
    from aiohttp import web


@role(Role.READ)
async def product_gate(request: web.Request) -> web.Response:
    """Return the answer of the release gate: go, hold or unknown, with the reason."""
    only(request)
    context = request.app[CONTEXT]
    product = context.ledger.products.get(request.match_info["id"])
    if product is None:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    return as_json(release_gate(context.ledger, product, context.clock.now()).as_json(product.id))
