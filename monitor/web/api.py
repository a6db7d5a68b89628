"""/api/v1: the figures as JSON. Instants are RFC 3339 UTC, durations seconds, null means no figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.ledger.product_readiness import readiness_of
from monitor.views.downtime_split import split_in_slices
from monitor.views.impact import affected_clients
from monitor.views.incident_line import downtime_so_far, open_incidents
from monitor.views.product_context import product_context
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.burn_alerts import burn_alerts
from monitor.web.context import CONTEXT, WebContext, as_json, as_json_list, dumped
from monitor.web.errors import Refusal, only
from monitor.web.heads import heads, witnessed
from monitor.web.openapi import description
from monitor.web.past_ledger import ledger_as_of
from monitor.web.product_history import product_history
from monitor.web.product_incidents import product_incidents
from monitor.web.readiness import product_readiness
from monitor.web.release_gate import product_gate
from sla.calendar import Window
from sla.interval import DAY, SECOND, Interval
from sla.window import WINDOWS, format_instant, parse_instant, parse_window, rolling

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from monitor.config.model import Product
    from monitor.ledger.check_entry import CheckEntry
    from monitor.ledger.ledger import Ledger
    from sla.budget import Forecast
    from sla.exclusion import AgreementFigures
    from sla.incident import Incident

routes = web.RouteTableDef()

LONGEST = 3_660 * DAY  # ten years; no record is older, and no sum overflows
LONGEST_AUDIT = 400 * DAY  # an agreement of hours has some thousand exclusions in it, and the loop waits for them
MOST_INCIDENTS = 1_000
_STATES = ("open", "resolved")
_FIGURES = ("raw", "contractual")


@routes.get("/api/v1/products")
@role(Role.READ)
async def products(request: web.Request) -> web.Response:
    """List every product with its state and its figures over its own window."""
    only(request)
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    now = context.clock.now()
    listed, still_open = [], open_incidents(context.ledger)
    for product in context.ledger.portfolio.products:
        listed.append(dumped(_summary(context, product, still_open, now)))
        await slices.yield_if_spent()
    return as_json_list(listed)


@routes.get("/api/v1/products/{id}")
@role(Role.READ)
async def product(request: web.Request) -> web.Response:
    """Return one product: figures over every window, checks, open incidents."""
    only(request)
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    ledger, now = context.ledger, context.clock.now()
    found = _found(request)
    windows = {}
    for name in WINDOWS:
        windows[name] = ledger.measured(found.id, name, now).as_json(product=found.id)
        await slices.yield_if_spent()
    more = {
        "depends_on": list(found.depends_on),
        "checks": [_check(entry, now) for entry in ledger.entries_of(found.id)],
        "windows": windows,
        "contractual": _contractual(found, ledger.agreement_figures(found.id, _own(found, now), now)),
        "burn_alerts": burn_alerts(ledger, found, now),
        "budget_forecast": _forecast(ledger.forecast(found.id, now)),
        "open_incidents": [_incident(ledger, each, now) for each in ledger.open_incidents(found.id)],
        "seeded_until": _instant(ledger.seeded_until),
    }
    more |= (await product_context(ledger, found, now, slices)).as_json()
    return as_json(_summary(context, found, open_incidents(ledger), now) | more)


@routes.get("/api/v1/products/{id}/availability")
@role(Role.READ)
async def availability(request: web.Request) -> web.Response:
    """Return one product's figures over a window as known at `at` (default: now), raw or contractual."""
    only(request, "window", "at", "figure")
    context = request.app[CONTEXT]
    found, now = _found(request), context.clock.now()
    if (figure := request.query.get("figure", "raw")) not in _FIGURES:
        raise Refusal(400, "unknown figure", "write figure=raw or figure=contractual")
    at = _at(request.query["at"], now) if "at" in request.query else now
    window = _window(request.query["window"], at, context) if "window" in request.query else _own(found, at)
    if figure == "raw":
        ledger = await ledger_as_of(context, found, at, now)
        return as_json(ledger.measured(found.id, window, at, now).as_json(product=found.id))
    if window.whole.length > LONGEST_AUDIT:
        raise Refusal(400, "window is too long for the list of exclusions", "request a year at a time: window=year")
    ledger = await ledger_as_of(context, found, at, now)
    return as_json(_contractual(found, ledger.agreement_figures(found.id, window, at, now)))


@routes.get("/api/v1/products/{id}/blame")
@role(Role.READ)
async def blame(request: web.Request) -> web.Response:
    """Split one product's raw downtime over a window by its dependencies."""
    only(request, "window", "at")
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    found, now = _found(request), context.clock.now()
    at = _at(request.query["at"], now) if "at" in request.query else now
    window = _window(request.query["window"], at, context) if "window" in request.query else _own(found, at)
    ledger = await ledger_as_of(context, found, at, now)
    return as_json((await split_in_slices(ledger, found, window.measured, slices)).as_json(found.id))


routes.get("/api/v1/products/{id}/history")(product_history)
routes.get("/api/v1/products/{id}/gate")(product_gate)
routes.get("/api/v1/products/{id}/readiness")(product_readiness)
routes.get("/api/v1/heads")(heads)
routes.get("/api/v1/witnessed/{id}")(witnessed)
routes.get("/api/v1/product-incidents")(product_incidents)


@routes.get("/api/v1/incidents")
@role(Role.READ)
async def incidents(request: web.Request) -> web.Response:
    """List incidents, newest first; filters: product, window, state, limit."""
    only(request, "product", "state", "limit", "window")
    context, query = request.app[CONTEXT], request.query
    slices = TimeSlices(context.clock)
    if (name := query.get("product")) is not None and name not in context.ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    if (state := query.get("state")) not in (None, *_STATES):
        raise Refusal(400, "unknown state", "write state=open or state=resolved, or omit it")
    limit = _limit(query.get("limit", str(MOST_INCIDENTS)))
    now, listed = context.clock.now(), []
    window = _window(query["window"], now, context).measured if "window" in query else None
    chosen = (
        each
        for each in _incidents(context.ledger, window)
        if name in (None, each.product) and state in (None, _STATES[each.resolved is not None])
    )
    for each in chosen:
        if (found := _incident_of(context.ledger, each, window, now)) is not None:
            listed.append(dumped(found))
        if len(listed) == limit:
            break
        await slices.yield_if_spent()
    return as_json_list(listed)


def _incidents(ledger: Ledger, window: Interval | None) -> Sequence[Incident]:
    """Return incidents, newest first; with a window, including those of removed checks."""
    if window is None:
        return ledger.incidents
    found = (each for name in ledger.products for each in ledger.incidents_of(name, window))
    return sorted(found, key=lambda incident: (incident.opened, incident.id), reverse=True)


def _incident_of(ledger: Ledger, incident: Incident, window: Interval | None, now: int) -> dict[str, Any] | None:
    """Return the incident with its downtime in the window; None if they do not overlap."""
    if window is None:
        return _incident(ledger, incident, now)
    found = incident.part(window, now, ledger.history(incident.check).timeline)
    if found is None:
        return None
    part, whole = found.part, found.incident.downtime
    measured = {
        "downtime_seconds": None if whole is None else whole / SECOND,
        "downtime_in_window_seconds": None if part is None else part / SECOND,
    }
    return _incident(ledger, incident, now) | measured


@routes.get("/api/v1/incidents/{id}")
@role(Role.READ)
async def incident(request: web.Request) -> web.Response:
    """Return one incident with the affected clients and the downtime of their products during it."""
    only(request)
    context = request.app[CONTEXT]
    name, now = request.match_info["id"], context.clock.now()
    found = next((each for each in context.ledger.incidents if each.id == name), None)
    if found is None:
        raise Refusal(404, "unknown incident", "GET /api/v1/incidents lists them")
    reached = affected_clients(context.ledger, found, now)
    more = {
        "affected": [each.as_json() for each in reached],
        "affected_count": sum(each.dependent.client.count for each in reached),
    }
    return as_json(_incident(context.ledger, found, now) | more)


@routes.get("/api/v1/configuration")
@role(Role.READ)
async def configuration(request: web.Request) -> web.Response:
    """Identify the running configuration, so that a client can compare it with its own."""
    only(request)
    health = request.app[CONTEXT].health
    return as_json(
        {
            "source": health.config_source,
            "digest": health.config_digest,
            "loaded_at": _instant(health.config_reload_at),
            "reload_refused": not health.config_reload_success,
        }
    )


@routes.get("/api/v1/openapi.json")
@role(Role.READ)
async def openapi(request: web.Request) -> web.Response:
    """Return the OpenAPI description."""
    only(request)
    return as_json(description())


def _found(request: web.Request) -> Product:
    product = request.app[CONTEXT].ledger.products.get(request.match_info["id"])
    if product is None:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    return product


def _own(product: Product, at: int) -> Window:
    span = rolling(product.window, at)
    return Window("own", span, span)


def _window(text: str, at: int, context: WebContext) -> Window:
    try:
        window = parse_window(text[:100], at, context.ledger.portfolio.zone)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, f"window: {error}", "for example window=30d or window=month") from None
    if window.whole.length > LONGEST:
        raise Refusal(400, "window is longer than ten years", "write 30d, 24h or month")
    if not 0 <= window.whole.start <= at:
        raise Refusal(400, "window starts in the future or before 1970", "write 30d, 24h or month")
    return window


def _contractual(product: Product, agreed: AgreementFigures) -> dict[str, Any]:
    """Return the contractual figures with the limits on outages and the list of exclusions."""
    audit = [piece.as_json() for piece in agreed.audit]
    limits = [each.as_json() for each in agreed.outages]
    return agreed.contractual.as_json(product=product.id) | {"outage_limits": limits, "exclusions": audit}


def _at(text: str, now: int) -> int:
    try:
        at = parse_instant(text[:64])
    except ValueError:
        raise Refusal(400, "at is not an RFC 3339 instant", "write at=2026-11-20T18:00:00Z") from None
    if not LONGEST <= at <= now:
        raise Refusal(400, "at is in the future or before 1980", "omit it for the present")
    return at


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise Refusal(400, "limit is not a positive integer", f"write limit=20; at most {MOST_INCIDENTS} are returned")
    return min(int(text), MOST_INCIDENTS)


def _summary(context: WebContext, product: Product, still_open: Counter[str], now: int) -> dict[str, Any]:
    ledger, readiness = context.ledger, readiness_of(context.ledger, product.id, now)
    ceiling = readiness.ceiling if readiness else None
    figures = ledger.measured(product.id, Interval(now - product.window, now), now).as_json(product=product.id)
    kept = ("window", "availability", "coverage", "downtime_seconds", "objective", "budget", "verdict")
    newest = max(
        (at for entry in ledger.entries_of(product.id) if (at := entry.timeline.last_at) is not None), default=None
    )
    return {
        "id": product.id,
        "name": product.name,
        "team": product.team,
        "state": ledger.state(product.id, now).point.name.lower(),
        "rule": str(product.rule),
        "claim_ceiling": None if ceiling is None else float(ceiling),
        "incidents_open": still_open[product.id],
        "alerts_that_cannot_fire": product.burn_obstacles,
        "last_observed": _instant(newest),
    } | {name: figures[name] for name in (*kept, "watched") if name in figures}


def _forecast(found: Forecast) -> dict[str, Any]:
    return {
        "pace_seconds": found.over / SECOND,
        "burn_rate": None if found.burn is None else float(found.burn),
        "exhausted_at": _instant(found.exhausted_at),
    }


def _check(entry: CheckEntry, now: int) -> dict[str, Any]:
    last = entry.last
    found: dict[str, Any] = {
        "id": entry.check.id,
        "kind": entry.check.kind,
        "target": entry.check.target,
        "state": entry.timeline.state(now).point.name.lower(),
        "interval_seconds": entry.check.interval / SECOND,
        "last": None,
    }
    if last is not None:
        result = last.result
        found["last"] = {
            "at": _instant(last.observation.at),
            "outcome": result.outcome.value,
            "reason": result.reason,
            "status": result.status,
            "duration_seconds": last.duration,
            "phases": dict(result.phases),
            "detail": result.detail,
        }
    return found


def _incident(ledger: Ledger, incident: Incident, now: int) -> dict[str, Any]:
    downtime = downtime_so_far(ledger, incident, now)
    incident = ledger.with_newest_failure(incident)
    return {
        "id": incident.id,
        "product": incident.product,
        "check": incident.check.partition("/")[2],
        "opened": _instant(incident.opened),
        "resolved": _instant(incident.resolved),
        "reason": incident.reason,
        "downtime_seconds": None if downtime is None else downtime / SECOND,
        "first_failure": None if incident.first is None else incident.first.as_json(),
        "last_failure": None if incident.last is None else incident.last.as_json(),
    }


def _instant(at: int | None) -> str | None:
    return None if at is None else format_instant(at)
