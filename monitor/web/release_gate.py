"""/api/v1/products/ID/gate: whether the budget policy allows a change of the product now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.ledger.release_gate import release_gate
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import check_query
from monitor.web.query import product_of

if TYPE_CHECKING:
    from aiohttp import web


@role(Role.READ)
async def product_gate(request: web.Request) -> web.Response:
    """Return the answer of the release gate: go, hold or unknown, with the reason."""
    check_query(request)
    context, product = request.app[CONTEXT], product_of(request)
    return as_json(release_gate(context.ledger, product, context.clock.now()).as_json(product.id))
