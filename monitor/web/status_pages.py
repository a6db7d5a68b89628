"""Public status pages at `/status/ID`, and at `/` for requests to the host name of a page.

Handlers get a view of the page that has public values only (`monitor.views.status_page`). A view is computed at most
once per `MAX_AGE`, so that many readers cost little.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiohttp import web

from monitor.language import NAMES, translatable
from monitor.views.status_page import status_page_view
from monitor.views.time_slice import TimeSlices
from monitor.web.accept_language import PARAMETER
from monitor.web.access import Role, role
from monitor.web.context import CONTENT_SECURITY_POLICY, CONTEXT, form_policy
from monitor.web.errors import Refusal, check_query
from monitor.web.language import page_language
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.config.model import Portfolio
    from monitor.config.status_pages import StatusPage
    from monitor.facts.fact_index import Facts
    from monitor.language import Language
    from monitor.views.status_page import StatusPageView
    from monitor.web.assets import Assets

routes = web.RouteTableDef()

MAX_AGE: Final = 5 * SECOND
_UNKNOWN = Refusal(404, translatable("unknown status page"), translatable("use the address that was published"))


class LanguageLink(NamedTuple):
    """A link to the page in another language: code and own name of the language, and the address."""

    code: str
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses in a page. `base` is the prefix of the page's own files. `static`: the page is a copy in files.

    `suffix` follows the addresses of other pages: `.html` in a copy, else the language that the reader chose. `query`
    follows the addresses of forms, and `feed` those of feeds, which have the language of the page.
    """

    home: str
    base: str
    css: str
    js: str
    icon: str
    static: bool = False
    suffix: str = ""
    query: str = ""
    feed: str = ""
    languages: Sequence[LanguageLink] = ()

    @classmethod
    def of(cls, assets: Assets, view: StatusPageView, query: str) -> Links:
        """Return the addresses in a page of the daemon. `query` is the language if the reader chose it."""
        css, js, icon = (f"/static/{assets.names[name]}" for name in ("status.css", "status.js", "icon.svg"))
        home, base = f"/status/{view.id}{query}", f"/status/{view.id}/"
        languages = [
            LanguageLink(code, NAMES[code], f"?{PARAMETER}={code}")
            for code in view.languages
            if code != view.language.code
        ]
        return cls(home, base, css, js, icon, suffix=query, query=query, feed=view.query, languages=languages)


@dataclass(slots=True)
class CachedView:
    """The last view of a page, also by language. It is valid for the same configuration and facts, for `MAX_AGE`."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    view: StatusPageView | None = None
    translated: dict[str, StatusPageView] = field(default_factory=dict)
    portfolio: Portfolio | None = None
    facts: Facts | None = None
    at: int = 0


VIEWS: web.AppKey[dict[str, CachedView]] = web.AppKey("status_page_views")


@routes.get("/status/{page}")
@role(Role.PUBLIC)
async def status_page(request: web.Request) -> web.Response:
    """Show the state of the page's components, their days, and planned maintenance."""
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
    page = page_of_path(request)
    return _html(request, "status/history.html.j2", await _read_view(request, page))


@routes.get("/status/{page}/incidents/{id}")
@role(Role.PUBLIC)
async def incident(request: web.Request) -> web.Response:
    """Show one public incident with its updates."""
    view, name = await _read_view(request, page_of_path(request)), request.match_info["id"]
    shown = next((incident for incident in view.incidents if incident.id == name), None)
    if shown is None:
        raise Refusal(404, translatable("unknown incident"), translatable("open the page of all incidents"))
    return _html(request, "status/incident.html.j2", view, incident=shown)


async def page_response(request: web.Request, page: StatusPage) -> web.Response:
    """Return the page as HTML."""
    return _html(request, "status/page.html.j2", await _read_view(request, page))


async def _read_view(request: web.Request, page: StatusPage) -> StatusPageView:
    """Return the view in the language of the request, whose only parameter is the language.

    Raises:
        Refusal: there is another parameter, or the page is not published in the language.
    """
    check_query(request, PARAMETER)
    spoken = await page_language(request, page.languages)
    return await current_view(request, page, spoken)


def chosen_query(request: web.Request) -> str:
    """Return the query that keeps the language of the request, if the reader chose one."""
    code = request.query.get(PARAMETER)
    return "" if code is None else f"?{PARAMETER}={code}"


async def form_response(
    request: web.Request, template: str, page: StatusPage, *, status: int = 200, preferred: str = "", **values: Any
) -> web.Response:
    """Return a page of the status page with forms. Its address may have a token, so it is not stored or passed on.

    `preferred` is the code of the subscriber's language, which the parameter of the request precedes.
    """
    view = await current_view(request, page, await page_language(request, page.languages, preferred))
    text = _rendered(request, template, view, **values)
    headers = {CONTENT_SECURITY_POLICY: form_policy(), "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers, status=status)


def _html(request: web.Request, template: str, view: StatusPageView, **values: Any) -> web.Response:
    text = _rendered(request, template, view, **values)
    headers = {"Cache-Control": f"public, max-age={MAX_AGE // SECOND}", "Content-Language": view.language.code}
    if len(view.languages) > 1:
        headers["Vary"] = "Accept-Language"
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)


def _rendered(request: web.Request, template: str, view: StatusPageView, **values: Any) -> str:
    assets = request.app[CONTEXT].assets
    links = Links.of(assets, view, chosen_query(request))
    return assets.render(template, page=view, links=links, language=view.language, **values)


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


async def current_view(request: web.Request, page: StatusPage, spoken: Language) -> StatusPageView:
    """Return the view of the page in a language. Requests at the same time share it."""
    context = request.app[CONTEXT]
    ledger, cached = context.ledger, request.app[VIEWS].setdefault(page.id, CachedView())
    async with cached.lock:
        now = context.clock.now()
        current = cached.portfolio is ledger.portfolio and cached.facts is ledger.facts
        if cached.view is None or not current or not cached.at <= now < cached.at + MAX_AGE:
            cached.view = await status_page_view(ledger, page, now, TimeSlices(context.clock))
            cached.portfolio, cached.facts, cached.at = ledger.portfolio, ledger.facts, now
            cached.translated = {}
        if spoken.code not in cached.translated:
            cached.translated[spoken.code] = cached.view.in_language(spoken)
        return cached.translated[spoken.code]
