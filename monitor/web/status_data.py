"""The data of public status pages: JSON, Atom feed, badges and daily figures. Other sites may embed and read them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.language import language, loaded
from monitor.views.badges import BADGES, CACHE_SECONDS
from monitor.views.calendar_feed import public_feed
from monitor.views.open_data import daily_csv, data_package
from monitor.views.status_feed import atom, summary_json
from monitor.web.accept_language import PARAMETER
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, RESOURCE_POLICY
from monitor.web.errors import Refusal, check_query
from monitor.web.language import chosen_language
from monitor.web.maintenance_calendar import calendar_response
from monitor.web.status_pages import current_view, page_of_path
from sla.interval import MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.config.status_pages import StatusPage
    from monitor.facts.fact_index import Facts
    from monitor.language import Language
    from monitor.views.badges import Badge
    from monitor.views.status_page import StatusPageView

routes = web.RouteTableDef()

FEED_MAX_AGE: Final = 5 * MINUTE
SHARED: Final = {"Access-Control-Allow-Origin": "*", RESOURCE_POLICY: "cross-origin"}


@dataclass(slots=True)
class CachedFeed:
    """The last calendar of a page in a language, valid for the same configuration and facts, and for `FEED_MAX_AGE`."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    body: bytes = b""
    portfolio: Portfolio | None = None
    facts: Facts | None = None
    at: int = 0


FEEDS: web.AppKey[dict[tuple[str, str], CachedFeed]] = web.AppKey("status_page_feeds")


@routes.get("/status/{page}/status.json")
@role(Role.PUBLIC)
async def summary(request: web.Request) -> web.Response:
    """Return the page as JSON."""
    return _shared(summary_json(await _view(request)), "application/json")


@routes.get("/status/{page}/feed.atom")
@role(Role.PUBLIC)
async def feed(request: web.Request) -> web.Response:
    """Return the incidents as an Atom feed."""
    return _shared(atom(await _view(request, translated=True)), "application/atom+xml")


@routes.get("/status/{page}/daily.csv")
@role(Role.PUBLIC)
async def daily(request: web.Request) -> web.Response:
    """Return the daily figures as CSV."""
    return _shared(daily_csv(await _licensed_view(request)), "text/csv")


@routes.get("/status/{page}/datapackage.json")
@role(Role.PUBLIC)
async def package(request: web.Request) -> web.Response:
    """Return the schema and the licence of the daily figures."""
    return _shared(data_package(await _licensed_view(request)), "application/json")


@routes.get("/status/{page}/badges/availability/{component}.svg")
@routes.get("/status/{page}/badges/state/{component}.svg")
@role(Role.PUBLIC)
async def badge_image(request: web.Request) -> web.Response:
    """Return a badge as an image."""
    return _shared((await _badge(request)).svg(), "image/svg+xml", CACHE_SECONDS)


@routes.get("/status/{page}/badges/availability/{component}.json")
@routes.get("/status/{page}/badges/state/{component}.json")
@role(Role.PUBLIC)
async def badge_data(request: web.Request) -> web.Response:
    """Return a badge as the JSON of an endpoint badge."""
    return _shared((await _badge(request)).shields(), "application/json", CACHE_SECONDS)


@routes.get("/status/{page}/maintenance.ics")
@role(Role.PUBLIC)
async def maintenance_feed(request: web.Request) -> web.Response:
    """Return the planned maintenance of the components as a calendar."""
    check_query(request, PARAMETER)
    page, context = page_of_path(request), request.app[CONTEXT]
    spoken = await _feed_language(request, page)
    cached = request.app[FEEDS].setdefault((page.id, spoken.code), CachedFeed())
    async with cached.lock:
        facts, portfolio, now = context.ledger.facts, context.ledger.portfolio, context.clock.now()
        current = cached.portfolio is portfolio and cached.facts is facts
        if not current or not cached.at <= now < cached.at + FEED_MAX_AGE:
            cached.body = await asyncio.to_thread(public_feed, facts, portfolio, page, now, spoken)
            cached.portfolio, cached.facts, cached.at = portfolio, facts, now
    return calendar_response(request, cached.body, f"public, max-age={FEED_MAX_AGE // SECOND}", SHARED)


async def _badge(request: web.Request) -> Badge:
    view, name = await _view(request, translated=True), request.match_info["component"]
    component = next((component for component in view.components if component.id == name), None)
    if component is None:
        raise Refusal(404, "unknown component", "status.json lists the components")
    return BADGES[request.path.split("/")[4]](component)


async def _view(request: web.Request, *, translated: bool = False) -> StatusPageView:
    """Return the view in the default language, or with `translated` in that of the parameter `lang`.

    The browser's languages do not matter: readers of feeds and pages with a badge have none of their own.
    """
    check_query(request, *((PARAMETER,) if translated else ()))
    page = page_of_path(request)
    return await current_view(request, page, await _feed_language(request, page))


async def _feed_language(request: web.Request, page: StatusPage) -> Language:
    chosen = await chosen_language(request, page.languages)
    await loaded(page.languages[:1])
    return chosen or language(page.languages[0])


async def _licensed_view(request: web.Request) -> StatusPageView:
    """Return the view of a page whose daily figures have a licence.

    Raises:
        Refusal: they have none, so that they are not published.
    """
    view = await _view(request)
    if view.licence is None:
        raise Refusal(404, "the daily figures of this page are not published", "status.json has the present figures")
    return view


def _shared(text: str, media_type: str, max_age: int = 60) -> web.Response:
    headers = {**SHARED, "Cache-Control": f"public, max-age={max_age}"}
    return web.Response(text=text, content_type=media_type, charset="utf-8", headers=headers)
