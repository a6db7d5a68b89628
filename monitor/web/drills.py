"""/api/v1: list and show drills, and state them, as `ninewatch drill` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.ledger.product_drills import measured_drill, recorded_drills, stop_reason
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json, as_json_list, dumped
from monitor.web.errors import Refusal, only
from monitor.web.past_ledger import ledger_as_of
from monitor.web.request_body import json_object
from monitor.web.writing import author, state, within_limit, words
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end, drill_finding, drill_recovery_point, drill_sign_off
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from monitor.access.tokens import Token
    from sla.drill import DrillRecord
    from sla.fact import Fact

routes = web.RouteTableDef()

MOST_PARTICIPANTS = 100


@routes.get("/api/v1/drills")
@role(Role.READ)
async def listed(request: web.Request) -> web.Response:
    """List the measured drills of the configured products, oldest first."""
    only(request, "product")
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    name, now, found = request.query.get("product"), context.clock.now(), []
    if name is not None:
        _require(request, name)
    for each in recorded_drills(context.ledger, now, name):
        if each.drill.product in context.ledger.products:
            found.append(dumped(measured_drill(context.ledger, each, now).as_json()))
            await slices.yield_if_spent()
    return as_json_list(found)


@routes.get("/api/v1/drills/{id}")
@role(Role.READ)
async def show(request: web.Request) -> web.Response:
    """Return one measured drill, as known at `at` (default: now)."""
    only(request, "at")
    context, now = request.app[CONTEXT], request.app[CONTEXT].clock.now()
    at = _at(request.query["at"], now) if "at" in request.query else now
    held = _held(request)
    ledger = await ledger_as_of(context, context.ledger.products[held.drill.product], at, now)
    known = next((each for each in recorded_drills(ledger, at) if each.id == held.id), None)
    if known is None:
        raise Refusal(404, "the drill was not recorded at that time", "name a later instant")
    return as_json(measured_drill(ledger, known, at).as_json())


@routes.post("/api/v1/products/{id}/drills")
@role(Role.DRILLS_WRITE, body=True)
async def start(request: web.Request) -> web.Response:
    """Start a drill of a product; refused while one is in progress, or a stop condition applies."""
    only(request)
    token, name = author(request), request.match_info["id"]
    body = await json_object(request, "kind", "rto", "rpo", "scenario", "participants")
    _require(request, name)
    within_limit(token, name)
    context = request.app[CONTEXT]
    made = _drill(request, token, name, body)
    if any(each.end is None for each in recorded_drills(context.ledger, made.made, name)):
        raise Refusal(409, "a drill of the product is in progress", "end it first")
    reason = stop_reason(context.ledger, name, 0, made.made) if made.kind.measured else None
    if reason is not None:
        raise Refusal(409, f"no drill may start: {reason}", "see `drills:` of the product's configuration")
    await state(request, made.fact())
    return _shown(request, made.id, 201)


@routes.post("/api/v1/drills/{id}/end")
@role(Role.DRILLS_WRITE, body=True)
async def end(request: web.Request) -> web.Response:
    """End a drill now."""
    token, held, body = await _change(request, "reason")
    if held.end is not None:
        raise Refusal(409, "the drill has ended already", "there is nothing to end")
    reason = words(body["reason"], "reason") if "reason" in body else ""
    made = drill_end(held.id, held.drill.product, _now(request), token.name, reason)
    return await _stated(request, held, made)


@routes.post("/api/v1/drills/{id}/recovery-points")
@role(Role.DRILLS_WRITE, body=True)
async def recovery_point(request: web.Request) -> web.Response:
    """State a measured recovery point of a drill."""
    token, held, body = await _change(request, "lost", "source")
    lost, source = _duration(body.get("lost"), "lost"), words(body.get("source"), "source")
    made = drill_recovery_point(held.id, held.drill.product, _now(request), token.name, lost, source)
    return await _stated(request, held, made, 201)


@routes.post("/api/v1/drills/{id}/findings")
@role(Role.DRILLS_WRITE, body=True)
async def finding(request: web.Request) -> web.Response:
    """Add a finding to a drill, with owner and due date."""
    token, held, body = await _change(request, "text", "owner", "due")
    text, owner, due = words(body.get("text"), "text"), words(body.get("owner"), "owner"), words(body.get("due"), "due")
    try:
        made = drill_finding(held.id, held.drill.product, _now(request), token.name, text, owner, due)
    except (ValueError, OverflowError):
        raise Refusal(400, "due is not a date", 'write "due": "2027-01-31"') from None
    return await _stated(request, held, made, 201)


@routes.post("/api/v1/drills/{id}/sign-off")
@role(Role.DRILLS_WRITE, body=True)
async def sign_off(request: web.Request) -> web.Response:
    """Sign the result of a drill that has ended."""
    token, held, body = await _change(request, "note")
    if held.end is None:
        raise Refusal(409, "the drill is in progress", "end it first")
    note = words(body.get("note"), "note")
    return await _stated(request, held, drill_sign_off(held.id, held.drill.product, _now(request), token.name, note))


async def _change(request: web.Request, *names: str) -> tuple[Token, DrillRecord, dict[str, Any]]:
    only(request)
    token, body, held = author(request), await json_object(request, *names), _held(request)
    within_limit(token, held.drill.product)
    return token, held, body


async def _stated(request: web.Request, held: DrillRecord, fact: Fact, status: int = 200) -> web.Response:
    await state(request, fact)
    return _shown(request, held.id, status)


def _shown(request: web.Request, name: str, status: int) -> web.Response:
    context, now = request.app[CONTEXT], _now(request)
    (found,) = [each for each in recorded_drills(context.ledger, now) if each.id == name]
    return as_json(measured_drill(context.ledger, found, now).as_json(), status)


def _held(request: web.Request) -> DrillRecord:
    """Return the drill of the path, if its product is configured."""
    context, name = request.app[CONTEXT], request.match_info["id"]
    for each in recorded_drills(context.ledger, _now(request)):
        if each.id == name and each.drill.product in context.ledger.products:
            return each
    raise Refusal(404, "unknown drill", "GET /api/v1/drills lists them")


def _require(request: web.Request, name: str) -> None:
    if name not in request.app[CONTEXT].ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")


def _now(request: web.Request) -> int:
    return request.app[CONTEXT].clock.now()


def _drill(request: web.Request, token: Token, name: str, body: dict[str, Any]) -> Drill:
    configured = request.app[CONTEXT].ledger.products[name].drills
    kinds = [each.value for each in DrillKind]
    if body.get("kind") not in kinds:
        raise Refusal(400, "unknown kind of drill", f'write "kind": one of {", ".join(kinds)}')
    people = body.get("participants", [])
    if not isinstance(people, list) or len(people) > MOST_PARTICIPANTS:
        raise Refusal(400, "participants is not a list of names", 'write "participants": ["Ana Ng"]')
    return Drill(
        _now(request),
        token.name,
        name,
        DrillKind(body["kind"]),
        _duration(body["rto"], "rto") if "rto" in body else configured.rto,
        _duration(body["rpo"], "rpo") if "rpo" in body else configured.rpo,
        words(body["scenario"], "scenario") if "scenario" in body else "",
        tuple(words(each, "participants") for each in people),
    )


def _duration(value: Any, name: str) -> int:
    try:
        return parse_duration(str(value)[:64])
    except (ValueError, OverflowError):
        raise Refusal(400, f"{name} is not a duration", f'write "{name}": "15m"') from None


def _at(text: str, now: int) -> int:
    try:
        at = parse_instant(text[:64])
    except (ValueError, OverflowError):
        raise Refusal(400, "at is not an RFC 3339 instant", "write at=2026-11-20T18:00:00Z") from None
    if not 0 <= at <= now:
        raise Refusal(400, "at is in the future, or before 1970", "name an earlier instant, or omit it")
    return at
