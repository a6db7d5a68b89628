"""Public status pages at `/status/ID`, and at `/` for requests to the host name of a page.

Handlers get a view of the page that has public values only (`monitor.views.status_page`). A view is computed at most
once per `MAX_AGE`, so that many readers cost little.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from monitor.views.status_page import status_page_view
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTENT_SECURITY_POLICY, CONTEXT, form_policy
from monitor.web.errors import Refusal, check_query
from sla.interval import SECOND

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.config.status_pages import StatusPage
    from monitor.facts.fact_index import Facts
    from monitor.views.status_page import StatusPageView
    from monitor.web.assets import Assets

routes = web.RouteTableDef()

MAX_AGE: Final = 5 * SECOND
_UNKNOWN = Refusal(404, "unknown status page", "use the address that was published")


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses in a page. `base` is the prefix of the page's own files. `static`: the page is a copy in files.

    `suffix` follows the addresses of other pages, `.html` in a copy.
    """

    home: str
    base: str
    css: str
    js: str
    icon: str
    static: bool = False
    suffix: str = ""

    @classmethod
    def of(cls, assets: Assets, page_id: str) -> Links:
        """Return the addresses in a page of the daemon."""
        css, js, icon = (assets.names[name] for name in ("status.css", "status.js", "icon.svg"))
        return cls(f"/status/{page_id}", f"/status/{page_id}/", f"/static/{css}", f"/static/{js}", f"/static/{icon}")


@dataclass(slots=True)
class CachedView:
    """The last view of a page. It is valid for the same configuration and facts, and for `MAX_AGE`."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    view: StatusPageView | None = None
    portfolio: Portfolio | None = None
    facts: Facts | None = None
    at: int = 0


VIEWS: web.AppKey[dict[str, CachedView]] = web.AppKey("status_page_views")


@routes.get("/status/{page}")
@role(Role.PUBLIC)
async def status_page(request: web.Request) -> web.Response:
    """Show the state of the page's components, their days, and planned maintenance."""
    check_query(request)
    return await page_response(request, page_of_path(request))


@routes.get("/status/{page}/{logo:logo\\.(?:svg|png)}")
@role(Role.PUBLIC)
async def logo(request: web.Request) -> web.Response:
    """Serve the logo of the page."""
    image = page_of_path(request).logo
    if image is None or image.file_name != request.match_info["logo"]:
        raise Refusal(404, "this page has no such logo", "reload the page")
    headers = {"Cache-Control": "public, max-age=300"}
    return web.Response(body=image.body, content_type=image.media_type, headers=headers)


@routes.get("/status/{page}/history")
@role(Role.PUBLIC)
async def history(request: web.Request) -> web.Response:
    """Show all public incidents by month."""
    check_query(request)
    page = page_of_path(request)
    return _html(request, "status/history.html.j2", await current_view(request, page))


@routes.get("/status/{page}/incidents/{id}")
@role(Role.PUBLIC)
async def incident(request: web.Request) -> web.Response:
    """Show one public incident with its updates."""
    check_query(request)
    view, name = await current_view(request, page_of_path(request)), request.match_info["id"]
    shown = next((incident for incident in view.incidents if incident.id == name), None)
    if shown is None:
        raise Refusal(404, "unknown incident", "open the page of all incidents")
    return _html(request, "status/incident.html.j2", view, incident=shown)


async def page_response(request: web.Request, page: StatusPage) -> web.Response:
    """Return the page as HTML."""
    return _html(request, "status/page.html.j2", await current_view(request, page))


async def form_response(
    request: web.Request, template: str, page: StatusPage, *, status: int = 200, **values: Any
) -> web.Response:
    """Return a page of the status page with forms. Its address may have a token, so it is not stored or passed on."""
    view, assets = await current_view(request, page), request.app[CONTEXT].assets
    text = assets.render(template, page=view, links=Links.of(assets, view.id), **values)
    headers = {CONTENT_SECURITY_POLICY: form_policy(), "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers, status=status)


def _html(request: web.Request, template: str, view: StatusPageView, **values: Any) -> web.Response:
    assets = request.app[CONTEXT].assets
    text = assets.render(template, page=view, links=Links.of(assets, view.id), **values)
    headers = {"Cache-Control": f"public, max-age={MAX_AGE // SECOND}"}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)


def page_of_path(request: web.Request) -> StatusPage:
    """Return the status page of the path.

    Raises:
        Refusal: there is none.
    """
    name = request.match_info["page"]
    page = next((page for page in request.app[CONTEXT].ledger.portfolio.status_pages if page.id == name), None)
    if page is None:
        raise _UNKNOWN
    return page


async def current_view(request: web.Request, page: StatusPage) -> StatusPageView:
    """Return the view of the page. Requests at the same time share it."""
    context = request.app[CONTEXT]
    ledger, cached = context.ledger, request.app[VIEWS].setdefault(page.id, CachedView())
    async with cached.lock:
        now = context.clock.now()
        current = cached.portfolio is ledger.portfolio and cached.facts is ledger.facts
        if cached.view is None or not current or not cached.at <= now < cached.at + MAX_AGE:
            cached.view = await status_page_view(ledger, page, now, TimeSlices(context.clock))
            cached.portfolio, cached.facts, cached.at = ledger.portfolio, ledger.facts, now
        return cached.view
