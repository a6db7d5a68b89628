"""/api/v1: the response times of a product by day and check, and its latency objectives."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from monitor.ledger.latency_objectives import latency_figures
from monitor.views.latency import DAYS, response_times
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.openapi_schemas import BOUNDS, INSTANT, MAYBE_NUMBER, MAYBE_TEXT, NUMBER, TEXT, list_of, object_of, ref
from monitor.web.past_ledger import ledger_as_of
from monitor.web.query import instant_of, product_of

routes = web.RouteTableDef()

MAX_DAYS: Final = 366  # latencies are kept for a year


@routes.get("/api/v1/products/{id}/latency")
@role(Role.READ)
async def latency(request: web.Request) -> web.Response:
    """Return the response times of the last days and the latency objectives, as known at `at` (default: now)."""
    check_query(request, "at", "days")
    context, product = request.app[CONTEXT], product_of(request)
    now = context.clock.now()
    at, days = instant_of(request, now), _days(request)
    ledger = await ledger_as_of(context, product, at, now)
    figures = await response_times(ledger, product, at, TimeSlices(context.clock), days)
    objectives = [figure.as_json() for figure in latency_figures(ledger, product, at)]
    return as_json({"product": product.id} | figures.as_json() | {"objectives": objectives})


def _days(request: web.Request) -> int:
    text = request.query.get("days", str(DAYS))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= MAX_DAYS):
        raise Refusal(400, "invalid number of days", f"use days=1 to days={MAX_DAYS}")
    return int(text)


_COUNT: Final = {"type": "integer"}
_TIMES: Final[dict[str, Any]] = {
    "answers": _COUNT,
    "median_seconds": MAYBE_NUMBER,
    "p95_seconds": MAYBE_NUMBER,
    "max_seconds": MAYBE_NUMBER,
}


def _objective(**properties: Any) -> dict[str, Any]:
    """Return the schema of an objective.

    `objectives` (if it changed in the window) and `following` (if it changes at the next midnight) are optional.
    """
    schema, changed = object_of(**properties), object_of(objective=NUMBER, limit_seconds=NUMBER)
    earlier = object_of(**{"from": INSTANT, "objective": NUMBER, "limit_seconds": NUMBER})
    return schema | {"properties": properties | {"objectives": list_of(earlier), "following": changed}}


SCHEMAS: Final[dict[str, Any]] = {
    "LatencyObjective": _objective(
        product=TEXT,
        check=MAYBE_TEXT,
        objective=NUMBER,
        limit_seconds=NUMBER,
        window=object_of(start=INSTANT, end=INSTANT),
        answers=_COUNT,
        share=BOUNDS,
        coverage=MAYBE_NUMBER,
        budget=object_of(allowed=NUMBER, spent=MAYBE_NUMBER, remaining=MAYBE_NUMBER),
        burn_rate=MAYBE_NUMBER,
        burn_since=INSTANT,
        verdict={"enum": ["met", "missed", "undecided", None]},
    ),
    "Latency": object_of(
        product=TEXT,
        days=list_of(object_of(start=INSTANT, **_TIMES)),
        checks=list_of(object_of(check=TEXT, phases={"type": "object", "additionalProperties": NUMBER}, **_TIMES)),
        objectives=list_of(ref("LatencyObjective")),
    ),
}
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    "/api/v1/products/{id}/latency": (
        "Response times of one product by day and check, and its latency objectives",
        ref("Latency"),
        {
            "days": f"number of days, the present one included: 1 to {MAX_DAYS}; default: {DAYS}",
            "at": "report as of this RFC 3339 instant; default: now",
        },
    ),
}
