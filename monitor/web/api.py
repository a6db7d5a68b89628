"""/api/v1: the figures as JSON. Instants are RFC 3339 UTC, durations seconds, null means no figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.views.downtime_split import split_in_slices
from monitor.views.impact import affected_clients
from monitor.views.incident_line import open_incidents
from monitor.views.product_context import product_context
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.burn_alerts import burn_alerts
from monitor.web.context import CONTEXT, as_json, as_json_list, json_text
from monitor.web.continuity import product_continuity
from monitor.web.errors import Refusal, check_query
from monitor.web.heads import heads, witnessed
from monitor.web.openapi import description
from monitor.web.past_ledger import ledger_as_of
from monitor.web.product_history import product_history
from monitor.web.product_incidents import product_incidents
from monitor.web.product_json import (
    check_json,
    contractual_json,
    forecast_json,
    incident_json,
    optional_instant,
    summary_json,
)
from monitor.web.query import instant_of, parse_limit, parse_window_at, product_of, window_of
from monitor.web.readiness import product_readiness
from monitor.web.release_gate import product_gate
from monitor.web.whatif import product_whatif
from sla.interval import DAY, SECOND, Interval
from sla.window import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.ledger.ledger import Ledger
    from sla.incident import Incident

routes = web.RouteTableDef()

MAX_EXCLUSIONS_WINDOW = 400 * DAY  # service hours cause thousands of exclusions, which block the event loop
MAX_INCIDENTS = 1_000
_STATES = ("open", "resolved")
_FIGURES = ("raw", "contractual")


@routes.get("/api/v1/products")
@role(Role.READ)
async def products(request: web.Request) -> web.Response:
    """List all products, each with its state and its figures over its own window."""
    check_query(request)
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    now = context.clock.now()
    rows, open_counts = [], open_incidents(context.ledger)
    for product in context.ledger.portfolio.products:
        rows.append(json_text(summary_json(context, product, open_counts, now)))
        await slices.yield_if_spent()
    return as_json_list(rows)


@routes.get("/api/v1/products/{id}")
@role(Role.READ)
async def product(request: web.Request) -> web.Response:
    """Return one product with its figures over all windows, its checks and its open incidents."""
    check_query(request)
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    ledger, now = context.ledger, context.clock.now()
    product = product_of(request)
    windows = {}
    for name in WINDOWS:
        windows[name] = ledger.measured(product.id, name, now).as_json(product=product.id)
        await slices.yield_if_spent()
    details = {
        "depends_on": list(product.depends_on),
        "checks": [check_json(ledger, entry, now) for entry in ledger.entries_of(product.id)],
        "windows": windows,
        "contractual": contractual_json(ledger, product, ledger.own_window(product.id, now), now, now),
        "burn_alerts": burn_alerts(ledger, product, now),
        "budget_forecast": forecast_json(ledger.forecast(product.id, now)),
        "open_incidents": [incident_json(ledger, incident, now) for incident in ledger.open_incidents(product.id)],
        "seeded_until": optional_instant(ledger.seeded_until),
    }
    details |= (await product_context(ledger, product, now, slices)).as_json()
    return as_json(summary_json(context, product, open_incidents(ledger), now) | details)


@routes.get("/api/v1/products/{id}/availability")
@role(Role.READ)
async def availability(request: web.Request) -> web.Response:
    """Return the figures of one product over a window, raw or contractual, as known at `at` (default: now)."""
    check_query(request, "window", "at", "figure")
    context = request.app[CONTEXT]
    product, now = product_of(request), context.clock.now()
    if (figure := request.query.get("figure", "raw")) not in _FIGURES:
        raise Refusal(400, "unknown figure", "use figure=raw or figure=contractual")
    at = instant_of(request, now)
    window = window_of(request, product, at)
    if figure == "raw":
        ledger = await ledger_as_of(context, product, at, now)
        return as_json(ledger.measured(product.id, window, at, now).as_json(product=product.id))
    if window.full.length > MAX_EXCLUSIONS_WINDOW:
        raise Refusal(400, "window is too long for the list of exclusions", "request a year at a time: window=year")
    ledger = await ledger_as_of(context, product, at, now)
    return as_json(contractual_json(ledger, product, window, at, now))


@routes.get("/api/v1/products/{id}/blame")
@role(Role.READ)
async def blame(request: web.Request) -> web.Response:
    """Return the raw downtime of one product over a window, split by its dependencies."""
    check_query(request, "window", "at")
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    product, now = product_of(request), context.clock.now()
    at = instant_of(request, now)
    window = window_of(request, product, at)
    ledger = await ledger_as_of(context, product, at, now)
    split = await split_in_slices(ledger, product, window.measured, slices)
    return as_json(split.as_json(product.id))


routes.get("/api/v1/products/{id}/history")(product_history)
routes.get("/api/v1/products/{id}/gate")(product_gate)
routes.get("/api/v1/products/{id}/readiness")(product_readiness)
routes.get("/api/v1/products/{id}/whatif")(product_whatif)
routes.get("/api/v1/products/{id}/continuity")(product_continuity)
routes.get("/api/v1/heads")(heads)
routes.get("/api/v1/witnessed/{id}")(witnessed)
routes.get("/api/v1/product-incidents")(product_incidents)


@routes.get("/api/v1/incidents")
@role(Role.READ)
async def incidents(request: web.Request) -> web.Response:
    """List incidents, newest first; filters: product, window, state, limit."""
    check_query(request, "product", "state", "limit", "window")
    context, query = request.app[CONTEXT], request.query
    slices = TimeSlices(context.clock)
    if (name := query.get("product")) is not None and name not in context.ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    if (state := query.get("state")) not in (None, *_STATES):
        raise Refusal(400, "unknown state", "use state=open or state=resolved, or omit it")
    limit = parse_limit(query.get("limit", str(MAX_INCIDENTS)), MAX_INCIDENTS)
    now, rows = context.clock.now(), []
    window = parse_window_at(query["window"], now, context).measured if "window" in query else None
    selected = (
        incident
        for incident in _incidents(context.ledger, window)
        if name in (None, incident.product) and state in (None, _STATES[incident.resolved is not None])
    )
    for incident in selected:
        if (item := _incident_in_window(context.ledger, incident, window, now)) is not None:
            rows.append(json_text(item))
        if len(rows) == limit:
            break
        await slices.yield_if_spent()
    return as_json_list(rows)


def _incidents(ledger: Ledger, window: Interval | None) -> Sequence[Incident]:
    """Return incidents, newest first. With a window, also incidents of removed checks."""
    if window is None:
        return ledger.incidents
    incidents = (incident for name in ledger.products for incident in ledger.incidents_of(name, window))
    return sorted(incidents, key=lambda incident: (incident.opened, incident.id), reverse=True)


def _incident_in_window(ledger: Ledger, incident: Incident, window: Interval | None, now: int) -> dict[str, Any] | None:
    """Return the incident with its downtime in the window; None if they do not overlap."""
    if window is None:
        return incident_json(ledger, incident, now)
    in_window = incident.part(window, now, ledger.states_of(incident.check))
    if in_window is None:
        return None
    part, total = in_window.downtime_in_window, in_window.incident.downtime
    downtimes = {
        "downtime_seconds": None if total is None else total / SECOND,
        "downtime_in_window_seconds": None if part is None else part / SECOND,
    }
    return incident_json(ledger, incident, now) | downtimes


@routes.get("/api/v1/incidents/{id}")
@role(Role.READ)
async def incident(request: web.Request) -> web.Response:
    """Return one incident with the affected clients, and the downtime of the clients' products during the incident."""
    check_query(request)
    context = request.app[CONTEXT]
    name, now = request.match_info["id"], context.clock.now()
    incident = next((incident for incident in context.ledger.incidents if incident.id == name), None)
    if incident is None:
        raise Refusal(404, "unknown incident", "GET /api/v1/incidents lists them")
    affected = affected_clients(context.ledger, incident, now)
    impact = {
        "affected": [client.as_json() for client in affected],
        "affected_count": sum(client.dependent.client.count for client in affected),
    }
    return as_json(incident_json(context.ledger, incident, now) | impact)


@routes.get("/api/v1/configuration")
@role(Role.READ)
async def configuration(request: web.Request) -> web.Response:
    """Return the digest of the running configuration, so that clients can compare it with their copy."""
    check_query(request)
    health = request.app[CONTEXT].health
    return as_json(
        {
            "source": health.config_source,
            "digest": health.config_digest,
            "loaded_at": optional_instant(health.config_reload_at),
            "reload_refused": not health.config_reload_success,
        }
    )


@routes.get("/api/v1/openapi.json")
@role(Role.READ)
async def openapi(request: web.Request) -> web.Response:
    """Return the OpenAPI description."""
    check_query(request)
    return as_json(description())
