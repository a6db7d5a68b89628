"""The page /calendar, and the calendar feeds that programs subscribe to.

The feed at `/calendar.ics` is read as the API. Most calendar programs send no header with a token, so that the same
feed is also at an address with a token. It must have no other scope, and can be revoked (`ninewatch token revoke`).
"""

from __future__ import annotations

import asyncio
import hashlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.access.scopes import Scope
from monitor.views.calendar_feed import private_feed
from monitor.views.maintenance_calendar import maintenance_calendar
from monitor.web.access import Role, permitted_products, role, token_of_address
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal, check_query
from monitor.web.forms import FORMS
from monitor.web.visitor import long_page_response
from sla.interval import DAY

if TYPE_CHECKING:
    from collections.abc import Collection

routes = web.RouteTableDef()

PAGE: Final = "calendar"  # the value of a form's field `page`
_DAYS: Final = ("30", "90", "365")
_EVERY_PRODUCT: Final = "*"


@routes.get("/calendar")
@role(Role.READ)
async def show(request: web.Request) -> web.Response:
    """Show planned maintenance: in progress, upcoming and past. Operators also get forms."""
    check_query(request, "product", "days", "done")
    done = FORMS.get(request.query.get("done", ""))
    return await page(request, notice="" if done is None else done.done)


@routes.get("/calendar.ics")
@role(Role.CALENDAR_READ)
async def feed(request: web.Request) -> web.Response:
    """Return the maintenance of all products, or of one, as a calendar."""
    check_query(request, "product")
    product, permitted = _product(request), permitted_products(request)
    if product and permitted and product not in permitted:
        raise Refusal(403, f"the token is limited to {', '.join(permitted)}", "use a token without this limit")
    return await _feed(request, [product] if product else permitted)


@routes.get("/calendar/{token}/maintenance.ics")
@role(Role.CHECKED_BY_HANDLER)
async def feed_with_token(request: web.Request) -> web.Response:
    """Return the calendar to a program that stores its address. The token may be limited to products."""
    check_query(request)
    token = await token_of_address(request, request.match_info["token"], Scope.CALENDAR_READ)
    return await _feed(request, token.products)


async def page(
    request: web.Request,
    *,
    notice: str = "",
    error: Refusal | None = None,
    entered: dict[str, str] | None = None,
    failed: str = "",
) -> web.Response:
    """Return the page. `failed` is the form that was refused: `maintenance`, or the id of a window."""
    context, product = request.app[CONTEXT], "" if error else _product(request)
    portfolio, days = context.ledger.portfolio, "30" if error else _days(request)
    now = context.clock.now()
    sections = await asyncio.to_thread(
        maintenance_calendar, context.ledger.facts, portfolio, now, int(days) * DAY, product
    )
    view = SimpleNamespace(
        sections=sections,
        products=portfolio.products,
        product=product,
        days=days,
        choices=_DAYS,
        zone=portfolio.time_zone,
        notice=notice,
        error=error,
        entered=entered or {},
        failed=failed,
        every=_EVERY_PRODUCT,
        status_pages=portfolio.status_pages,
    )
    return await long_page_response(request, "calendar.html.j2", view, status=200 if error is None else error.status)


def _product(request: web.Request) -> str:
    """Return the product of the parameter; empty for all.

    Raises:
        Refusal: it is unknown.
    """
    product = request.query.get("product", "")
    if product and product not in request.app[CONTEXT].ledger.products:
        raise Refusal(404, "unknown product", "open /calendar for all products")
    return product


def _days(request: web.Request) -> str:
    days = request.query.get("days", _DAYS[0])
    if days not in _DAYS:
        raise Refusal(400, f"days is not one of {', '.join(_DAYS)}", "use days=90")
    return days


async def _feed(request: web.Request, products: Collection[str]) -> web.Response:
    context = request.app[CONTEXT]
    now = context.clock.now()
    body = await asyncio.to_thread(private_feed, context.ledger.facts, context.ledger.portfolio, now, products)
    return calendar_response(request, body, "private, max-age=300")


def calendar_response(
    request: web.Request, body: bytes, caching: str, headers: dict[str, str] | None = None
) -> web.Response:
    """Return the calendar, or 304 without a body if the client has the same one."""
    tag = hashlib.sha256(body).hexdigest()[:32]
    response = web.Response(headers={"Cache-Control": caching, **(headers or {})})
    response.etag = tag
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        response.set_status(304)
    else:
        response.body, response.content_type, response.charset = body, "text/calendar", "utf-8"
    return response
