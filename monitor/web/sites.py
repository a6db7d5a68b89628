"""/api/v1: the sites of a product, which of them is active, and its failovers."""

from __future__ import annotations

from aiohttp import web

from monitor.views.sites import sites_json
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import check_query
from monitor.web.past_ledger import ledger_as_of
from monitor.web.query import instant_of, product_of

routes = web.RouteTableDef()


@routes.get("/api/v1/products/{id}/sites")
@role(Role.READ)
async def sites(request: web.Request) -> web.Response:
    """Return the sites and failovers of a product, as known at `at` (default: now)."""
    check_query(request, "at")
    context, product = request.app[CONTEXT], product_of(request)
    now = context.clock.now()
    at = instant_of(request, now)
    return as_json(sites_json(await ledger_as_of(context, product, at, now), product, at))
