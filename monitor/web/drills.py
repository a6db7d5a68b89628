"""/api/v1: list, show and record drills, as `ninewatch drill` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.ledger.product_drills import measured_drill, recorded_drills, stop_reason
from monitor.views.time_slice import TimeSlices
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json, as_json_list, json_text
from monitor.web.errors import Refusal, check_query
from monitor.web.past_ledger import ledger_as_of
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, one_line, principal_for_change, record_fact
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end, drill_finding, drill_finding_closed, drill_recovery_point, drill_sign_off
from sla.window import parse_duration, parse_instant

if TYPE_CHECKING:
    from monitor.access.principal import Principal
    from sla.drill import DrillRecord
    from sla.fact import Fact

routes = web.RouteTableDef()

MAX_PARTICIPANTS = 100


@routes.get("/api/v1/drills")
@role(Role.READ)
async def list_drills(request: web.Request) -> web.Response:
    """List the measured drills of the configured products, oldest first."""
    check_query(request, "product")
    context, slices = request.app[CONTEXT], TimeSlices(request.app[CONTEXT].clock)
    name, now, rows = request.query.get("product"), context.clock.now(), []
    if name is not None:
        _require(request, name)
    for record in recorded_drills(context.ledger, now, name):
        if record.drill.product in context.ledger.products:
            rows.append(json_text(measured_drill(context.ledger, record, now).as_json()))
            await slices.yield_if_spent()
    return as_json_list(rows)


@routes.get("/api/v1/drills/{id}")
@role(Role.READ)
async def show(request: web.Request) -> web.Response:
    """Return one measured drill, as known at `at` (default: now)."""
    check_query(request, "at")
    context, now = request.app[CONTEXT], request.app[CONTEXT].clock.now()
    at = _at(request.query["at"], now) if "at" in request.query else now
    record = _record(request)
    ledger = await ledger_as_of(context, context.ledger.products[record.drill.product], at, now)
    record_then = next((known for known in recorded_drills(ledger, at) if known.id == record.id), None)
    if record_then is None:
        raise Refusal(404, "the drill was not recorded at that time", "use a later instant")
    return as_json(measured_drill(ledger, record_then, at).as_json())


@routes.post("/api/v1/products/{id}/drills")
@role(Role.DRILLS_WRITE, body=True)
async def start(request: web.Request) -> web.Response:
    """Start a drill of a product, unless another drill of it is in progress or a stop condition applies."""
    check_query(request)
    client, name = principal_for_change(request), request.match_info["id"]
    body = await json_object(request, "kind", "rto", "rpo", "scenario", "participants")
    _require(request, name)
    check_product(client, name)
    context = request.app[CONTEXT]
    drill = _drill(request, client, name, body)
    if any(record.end is None for record in recorded_drills(context.ledger, drill.made, name)):
        raise Refusal(409, "a drill of the product is in progress", "end it first")
    reason = stop_reason(context.ledger, name, 0, drill.made) if drill.kind.measured else None
    if reason is not None:
        raise Refusal(409, f"no drill may start: {reason}", "see `drills:` of the product's configuration")
    await record_fact(request, drill.fact())
    return _drill_response(request, drill.id, 201)


@routes.post("/api/v1/drills/{id}/end")
@role(Role.DRILLS_WRITE, body=True)
async def end(request: web.Request) -> web.Response:
    """End a drill now."""
    client, record, body = await _change(request, "reason")
    if record.end is not None:
        raise Refusal(409, "the drill has ended already", "there is nothing to end")
    reason = one_line(body["reason"], "reason") if "reason" in body else ""
    fact = drill_end(record.id, record.drill.product, _now(request), client.name, reason)
    return await _record_and_show(request, record, fact)


@routes.post("/api/v1/drills/{id}/recovery-points")
@role(Role.DRILLS_WRITE, body=True)
async def recovery_point(request: web.Request) -> web.Response:
    """Record a measured recovery point of a drill."""
    client, record, body = await _change(request, "lost", "source")
    lost, source = _duration(body.get("lost"), "lost"), one_line(body.get("source"), "source")
    fact = drill_recovery_point(record.id, record.drill.product, _now(request), client.name, lost, source)
    return await _record_and_show(request, record, fact, 201)


@routes.post("/api/v1/drills/{id}/findings")
@role(Role.DRILLS_WRITE, body=True)
async def finding(request: web.Request) -> web.Response:
    """Add a finding to a drill, with owner and due date."""
    client, record, body = await _change(request, "text", "owner", "due")
    text, owner, due = (
        one_line(body.get("text"), "text"),
        one_line(body.get("owner"), "owner"),
        one_line(body.get("due"), "due"),
    )
    try:
        fact = drill_finding(record.id, record.drill.product, _now(request), client.name, text, owner, due)
    except (ValueError, OverflowError):
        raise Refusal(400, "due is not a date", 'use "due": "2027-01-31"') from None
    return await _record_and_show(request, record, fact, 201)


@routes.post("/api/v1/drills/{id}/findings/{finding}/close")
@role(Role.DRILLS_WRITE, body=True)
async def close_finding(request: web.Request) -> web.Response:
    """Close a finding of a drill."""
    client, record, body = await _change(request, "reason")
    name = request.match_info["finding"]
    finding = next((candidate for candidate in record.findings if candidate.id == name), None)
    if finding is None:
        raise Refusal(404, "unknown finding", "GET /api/v1/drills/ID lists them")
    if finding.closed is not None:
        raise Refusal(409, "the finding is already closed", "there is nothing to close")
    reason = one_line(body.get("reason"), "reason")
    fact = drill_finding_closed(record.id, record.drill.product, _now(request), client.name, name, reason)
    return await _record_and_show(request, record, fact)


@routes.post("/api/v1/drills/{id}/sign-off")
@role(Role.DRILLS_WRITE, body=True)
async def sign_off(request: web.Request) -> web.Response:
    """Sign off the result of a finished drill."""
    client, record, body = await _change(request, "note")
    if record.end is None:
        raise Refusal(409, "the drill is in progress", "end it first")
    note = one_line(body.get("note"), "note")
    return await _record_and_show(
        request, record, drill_sign_off(record.id, record.drill.product, _now(request), client.name, note)
    )


async def _change(request: web.Request, *names: str) -> tuple[Principal, DrillRecord, dict[str, Any]]:
    check_query(request)
    client, body, record = principal_for_change(request), await json_object(request, *names), _record(request)
    check_product(client, record.drill.product)
    return client, record, body


async def _record_and_show(request: web.Request, record: DrillRecord, fact: Fact, status: int = 200) -> web.Response:
    await record_fact(request, fact)
    return _drill_response(request, record.id, status)


def _drill_response(request: web.Request, name: str, status: int) -> web.Response:
    context, now = request.app[CONTEXT], _now(request)
    (record,) = [known for known in recorded_drills(context.ledger, now) if known.id == name]
    return as_json(measured_drill(context.ledger, record, now).as_json(), status)


def _record(request: web.Request) -> DrillRecord:
    """Return the drill of the path parameter `id`, if its product is configured."""
    context, name = request.app[CONTEXT], request.match_info["id"]
    for record in recorded_drills(context.ledger, _now(request)):
        if record.id == name and record.drill.product in context.ledger.products:
            return record
    raise Refusal(404, "unknown drill", "GET /api/v1/drills lists them")


def _require(request: web.Request, name: str) -> None:
    if name not in request.app[CONTEXT].ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")


def _now(request: web.Request) -> int:
    return request.app[CONTEXT].clock.now()


def _drill(request: web.Request, client: Principal, name: str, body: dict[str, Any]) -> Drill:
    configured = request.app[CONTEXT].ledger.products[name].drills
    kinds = [kind.value for kind in DrillKind]
    if body.get("kind") not in kinds:
        raise Refusal(400, "unknown kind of drill", f'use "kind": one of {", ".join(kinds)}')
    people = body.get("participants", [])
    if not isinstance(people, list) or len(people) > MAX_PARTICIPANTS:
        raise Refusal(400, "participants is not a list of names", 'use "participants": ["Ana Ng"]')
    return Drill(
        _now(request),
        client.name,
        name,
        DrillKind(body["kind"]),
        _duration(body["rto"], "rto") if "rto" in body else configured.rto,
        _duration(body["rpo"], "rpo") if "rpo" in body else configured.rpo,
        one_line(body["scenario"], "scenario") if "scenario" in body else "",
        tuple(one_line(person, "participants") for person in people),
    )


def _duration(value: Any, name: str) -> int:
    try:
        return parse_duration(str(value)[:64])
    except (ValueError, OverflowError):
        raise Refusal(400, f"{name} is not a duration", f'use "{name}": "15m"') from None


def _at(text: str, now: int) -> int:
    try:
        at = parse_instant(text[:64])
    except (ValueError, OverflowError):
        raise Refusal(400, "at is not an RFC 3339 instant", "use at=2026-11-20T18:00:00Z") from None
    if not 0 <= at <= now:
        raise Refusal(400, "at is in the future, or before 1970", "use an earlier instant, or omit it")
    return at
