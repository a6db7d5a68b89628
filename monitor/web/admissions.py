"""/api/v1: statements of the suppliers of a product on their status feeds, compared with the observed outages."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from monitor.views.admissions import admissions_json
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.openapi_schemas import INSTANT, MAYBE_INSTANT, MAYBE_NUMBER, MAYBE_TEXT, TEXT, list_of, object_of, ref
from monitor.web.past_ledger import ledger_as_of
from monitor.web.query import instant_of, product_of
from sla.interval import DAY, Interval

routes = web.RouteTableDef()

DAYS: Final = 90
MAX_DAYS: Final = 366


@routes.get("/api/v1/products/{id}/supplier-statements")
@role(Role.READ)
async def supplier_statements(request: web.Request) -> web.Response:
    """Return the statements about the last days, of the product and its direct dependencies with a status feed."""
    check_query(request, "at", "days")
    context, product = request.app[CONTEXT], product_of(request)
    now = context.clock.now()
    at, days = instant_of(request, now), _days(request)
    ledger = await ledger_as_of(context, product, at, now)
    window = Interval(at - days * DAY, at)
    return as_json({"product": product.id, "suppliers": admissions_json(ledger, product, window, at)})


def _days(request: web.Request) -> int:
    text = request.query.get("days", str(DAYS))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_DAYS):
        raise Refusal(400, "invalid number of days", f"use days=1 to days={MAX_DAYS}")
    return int(text)


_STATEMENT: Final = object_of(
    key=TEXT, title=TEXT, admitted=INSTANT, since=INSTANT, until=MAYBE_INSTANT, first_read=INSTANT
)
SCHEMAS: Final[dict[str, Any]] = {
    "SupplierStatements": object_of(
        product=TEXT,
        suppliers=list_of(
            object_of(
                product=TEXT,
                feed=object_of(readable={"type": ["boolean", "null"]}, since=MAYBE_INSTANT, error=MAYBE_TEXT),
                outages=list_of(
                    object_of(
                        start=INSTANT,
                        end=MAYBE_INSTANT,
                        verdict={"enum": ["admitted", "not_yet", "never", "feed_not_read"]},
                        delay_seconds=MAYBE_NUMBER,
                        statement={"anyOf": [_STATEMENT, {"type": "null"}]},
                    )
                ),
                not_observed=list_of(_STATEMENT),
            )
        ),
    ),
}
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/products/{id}/supplier-statements": (
        "What the suppliers of one product stated on their status feeds, compared with the observed outages",
        ref("SupplierStatements"),
        {
            "days": f"number of days: 1 to {MAX_DAYS}; default: {DAYS}",
            "at": "report as of this RFC 3339 instant; default: now",
        },
    ),
}
