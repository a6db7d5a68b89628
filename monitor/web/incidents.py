"""/incidents/ID: the page of one outage, and the template of its post-mortem."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from monitor.access.scopes import Scope
from monitor.errors import StoreError
from monitor.storage.reader import reading
from monitor.views.incident_events import IncidentEvent, incident_events
from monitor.views.incident_page import IncidentView, incident_view
from monitor.views.outages import Outage, find_outage
from monitor.views.post_mortem import post_mortem
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT
from monitor.web.errors import Refusal, check_query
from monitor.web.page import render_page
from monitor.web.page_part import refreshed
from monitor.web.visitor import visitor_of
from sla.interval import Interval

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.notification import Notification
    from sla.page_response import Response

routes = web.RouteTableDef()


class _Read(NamedTuple):
    """The notifications of an alert and the responses to it, from the record."""

    notifications: list[Notification]
    responses: list[Response]


@routes.get("/incidents/{id}")
@role(Role.READ)
@refreshed
async def incident(request: web.Request) -> web.StreamResponse:
    """Show one outage. The id of one of its check incidents leads to the same page."""
    check_query(request)
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    outage, now = _outage(request), context.clock.now()
    if outage.id != request.match_info["id"]:
        return web.Response(status=303, headers={"Location": f"/incidents/{outage.id}"})
    view, events, is_complete = await _view(request, outage, now, slices)
    is_configured = outage.product in context.ledger.products
    entries = list(context.ledger.entries_of(outage.product)) if is_configured else []
    values = {"incident": view, "events": events, "configured": is_configured, "complete": is_complete}
    return await render_page(request, "incident.html.j2", slices, entries, (), values, now)


@routes.get("/incidents/{id}/post-mortem.md")
@role(Role.READ)
async def post_mortem_template(request: web.Request) -> web.Response:
    """Return the post-mortem of the outage as a Markdown file to complete."""
    check_query(request)
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    outage, now = _outage(request), context.clock.now()
    view, events, _ = await _view(request, outage, now, slices)
    text = post_mortem(view, events, context.ledger.portfolio.time_zone)
    headers = {"Content-Disposition": f'attachment; filename="post-mortem-{outage.id}.md"'}
    return web.Response(text=text, content_type="text/markdown", charset="utf-8", headers=headers)


def _outage(request: web.Request) -> Outage:
    outage = find_outage(request.app[CONTEXT].ledger, request.match_info["id"])
    if outage is None:
        raise Refusal(404, "unknown incident", "open the list of all products; GET /api/v1/incidents lists incidents")
    return outage


async def _view(
    request: web.Request, outage: Outage, now: int, slices: TimeSlices
) -> tuple[IncidentView, list[IncidentEvent], bool]:
    """Return the outage, its timeline, and whether its alerts could be read. The record is read in a thread."""
    context, read, is_complete = request.app[CONTEXT], _Read([], []), True
    if context.record is not None:
        try:
            read = await asyncio.to_thread(_read, context.record, outage, now)
        except StoreError:  # the rest of the page helps during an outage, so it is shown
            is_complete = False
    view = incident_view(context.ledger, outage, read.responses, now)
    await slices.yield_if_spent()
    may_see = visitor_of(request).may(Scope.ALERTS_READ)
    events = incident_events(context.ledger, outage, read.notifications, now, with_receivers=may_see)
    await slices.yield_if_spent()
    return view, events, is_complete


def _read(record: Path, outage: Outage, now: int) -> _Read:
    span = Interval(outage.opened, max(now, outage.opened) + 1)
    with reading(record, trusted=True) as reader:
        responses = [response for response in reader.responses(span) if response.key == outage.id]
        return _Read(reader.notifications_of(outage.id), responses)
