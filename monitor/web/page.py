"""Render a page that is refreshed while it is open: its frame, its incidents, and the values of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from monitor.views import incident_line, page_frame, product_summary
from monitor.views.outage_line import incidents_by_outage, outage_line
from monitor.views.outages import outage_ids
from monitor.web.context import CONTEXT
from monitor.web.live_updates import LIVE
from monitor.web.page_part import is_part
from monitor.web.visitor import page_headers, visitor_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.ledger.check_entry import CheckEntry
    from monitor.views.time_slice import TimeSlices
    from sla.incident import Incident

INCIDENTS: Final = 20


async def render_page(
    request: web.Request,
    template: str,
    slices: TimeSlices,
    entries: Iterable[CheckEntry],
    incidents: Iterable[Incident],
    values: dict[str, Any],
    now: int,
    *,
    has_form: bool = False,
) -> web.Response:
    """Render the template with the values of the page, in slices. The page lists the newest outages of the incidents.

    `has_form`: whether it has a form besides that of the masthead.
    """
    context, visitor = request.app[CONTEXT], visitor_of(request)
    ledger = context.ledger
    frame = page_frame.page_frame(ledger, context.health, entries, now)
    ids, lines = outage_ids(ledger.product_incidents.values()), []
    outages = incidents_by_outage(incidents, ids)
    for members in outages[:INCIDENTS]:
        await slices.yield_if_spent()
        lines.append(outage_line(ledger, members, now, ids))
    page = SimpleNamespace(
        **{name: getattr(frame, name) for name in frame.__slots__},
        **values,
        is_part=is_part(request),
        version=request.app[LIVE].version,
        assumption=product_summary.ASSUMPTION,
        duration_note=incident_line.DURATION_NOTE,
        incidents=lines,
        more_incidents=len(outages) if len(outages) > INCIDENTS else 0,
    )
    headers, title = page_headers(request, has_form=has_form), ledger.portfolio.title
    text = await context.assets.render_in_slices(template, slices, page=page, site_title=title, visitor=visitor)
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)
