"""/api/v1: the transactions of the continuity probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.views.continuity import continuity_json
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import check_query
from monitor.web.query import product_of

if TYPE_CHECKING:
    from aiohttp import web


@role(Role.READ)
async def product_continuity(request: web.Request) -> web.Response:
    """List the transactions of a product: their states, the newest runs, and the effects of failures on them."""
    check_query(request)
    context, product = request.app[CONTEXT], product_of(request)
    return as_json(continuity_json(context.ledger, product.id, context.clock.now()))
