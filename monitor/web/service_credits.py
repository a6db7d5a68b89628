"""/api/v1/products/ID/credits: service credits by month; and the claim for a month as a file."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from aiohttp import web

from monitor.views.credits import MONTHS, claim_text, credit_of, credit_terms, product_credits
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.openapi_schemas import (
    INSTANT,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    list_of,
    object_of,
    ref,
)
from monitor.web.past_ledger import ledger_as_of
from monitor.web.query import instant_of, parse_limit, product_of
from sla.calendar import Period, Window, calendar_window
from sla.localtime import midnight

routes = web.RouteTableDef()

_MAX_MONTHS: Final = 36
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})")
_CREDIT: Final = {"anyOf": [ref("Credit"), {"type": "null"}]}
SCHEMAS: Final[dict[str, Any]] = {
    "Credit": object_of(availability=NUMBER, credit=NUMBER, amount=TEXT),
    "MonthlyCredit": object_of(
        month=object_of(start=INSTANT, end=INSTANT),
        in_progress={"type": "boolean"},
        fee=NUMBER,
        currency=TEXT,
        at_availability=object_of(low=_CREDIT, point=_CREDIT, high=_CREDIT),
        claimable_amount=MAYBE_TEXT,
        deadline=MAYBE_INSTANT,
        provisional={"type": "boolean"},
    ),
}
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/products/{id}/credits": (
        "Service credits by month, newest first: at the lowest, estimated and highest contractual availability",
        list_of(ref("MonthlyCredit")),
        {"at": "report as of this RFC 3339 instant; default: now", "limit": f"number of months, at most {_MAX_MONTHS}"},
    ),
}


@routes.get("/api/v1/products/{id}/credits")
@role(Role.READ)
async def list_credits(request: web.Request) -> web.Response:
    """Return the service credits of the last months, as known at `at` (default: now)."""
    check_query(request, "at", "limit")
    context, product = request.app[CONTEXT], product_of(request)
    now = context.clock.now()
    at, count = instant_of(request, now), parse_limit(request.query.get("limit", str(MONTHS)), _MAX_MONTHS)
    ledger = await ledger_as_of(context, product, at, now)
    listed = await product_credits(ledger, product, at, TimeSlices(context.clock), count)
    return as_json([credit.as_json() for credit in listed])


@routes.get("/products/{id}/claims/{month}")
@role(Role.READ)
async def claim(request: web.Request) -> web.Response:
    """Return the claim for a month as a Markdown file: the amount, the figures, the terms, the facts, the deadline."""
    check_query(request)
    context, product = request.app[CONTEXT], product_of(request)
    ledger, now, month = context.ledger, context.clock.now(), request.match_info["month"]
    full = calendar_window(Period.MONTH, _start_of(request, month, now), ledger.portfolio.zone).full
    window = Window(str(Period.MONTH), full, full)
    if window.full.end > now:
        raise Refusal(409, "the month has not ended", "claim a credit after the end of the month")
    terms = credit_terms(ledger, product, window.full.end)
    if terms is None:
        remedy = "configure `agreement: {credits: ...}`; the terms in force at the end of a month apply"
        raise Refusal(404, "the agreement of this month has no service credits", remedy)
    credit = credit_of(ledger, product, window, terms, now)
    if credit.measured.provisional:
        raise Refusal(409, "observations of this month may still arrive", "try again in a few minutes")
    claimable = credit.claimable
    if claimable is None:
        remedy = "a claim needs an availability below a band even if all unknown time and doubt counts as up"
        raise Refusal(409, "no credit is certain for this month", remedy)
    return web.Response(
        text=await claim_text(ledger, product, credit, claimable, now, TimeSlices(context.clock)),
        content_type="text/markdown",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="claim-{product.id}-{month}.md"'},
    )


def _start_of(request: web.Request, month: str, now: int) -> int:
    """Return the start of the month `2026-10`.

    Raises:
        Refusal: there is no such month between 1980 and now.
    """
    match = _MONTH.fullmatch(month)
    if match is not None and int(match[1]) >= 1980 and 1 <= int(match[2]) <= 12:
        start = midnight(date(int(match[1]), int(match[2]), 1), request.app[CONTEXT].ledger.portfolio.zone)
        if start <= now:
            return start
    raise Refusal(404, "no month from 1980 until now", "use a month such as 2026-10")
