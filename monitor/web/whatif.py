"""/api/v1: the effects that changes of a product would have had on its recorded downtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.views.time_slice import TimeSlices
from monitor.views.whatif import whatif_in_parts
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.past_ledger import ledger_as_of
from monitor.web.query import instant_of, product_of, window_of
from sla.whatif_changes import FORMS, ChangeName

if TYPE_CHECKING:
    from aiohttp import web


@role(Role.READ)
async def product_whatif(request: web.Request) -> web.Response:
    """Return the downtime that changes would have saved in a window, ranked; with `change`, only of this change."""
    check_query(request, "change", "window", "at")
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    product, now = product_of(request), context.clock.now()
    name = _change(request.query.get("change", "all"))
    at = instant_of(request, now)
    window = window_of(request, product, at)
    ledger = await ledger_as_of(context, product, at, now)
    try:
        replay = await whatif_in_parts(ledger, product, window.measured, at, slices, name)
    except ValueError as error:
        raise Refusal(400, str(error), "request it without `change` for the possible changes") from None
    return as_json(replay.as_json())


def _change(text: str) -> ChangeName | None:
    try:
        return None if text == "all" else ChangeName.parse(text[:100])
    except (ValueError, OverflowError):
        raise Refusal(400, "unknown change", f"use one of {FORMS}") from None
