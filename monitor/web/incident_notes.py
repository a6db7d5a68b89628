"""/api/v1: notes of people on incidents of products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from monitor.access.scopes import Scope
from monitor.views.outages import find_outage
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.openapi_alerts import Operation
from monitor.web.openapi_schemas import INSTANT, TEXT, body_of, list_of, object_of, ref
from monitor.web.request_body import json_object
from monitor.web.write_context import check_product, one_line, principal_for_change, record_fact
from sla.incident_note import IncidentNote, incident_notes

if TYPE_CHECKING:
    from monitor.views.outages import Outage

routes = web.RouteTableDef()

_PATH: Final = "/api/v1/product-incidents/{id}/notes"
SCHEMAS: Final[dict[str, Any]] = {
    "IncidentNote": object_of(id=TEXT, incident=TEXT, product=TEXT, author=TEXT, text=TEXT, made=INSTANT),
}
PATHS: Final[dict[str, tuple[str, dict[str, Any], dict[str, str]]]] = {
    _PATH: ("Notes on the incident of a product, oldest first", list_of(ref("IncidentNote")), {}),
}
OPERATIONS: Final = (
    Operation(
        "post",
        _PATH,
        "Add a note to the timeline of an incident of a product",
        Scope.ALERTS_WRITE,
        ref("IncidentNote"),
        {
            "id": "5be0c1d2a3f4",
            "incident": "4f0c1d2e3a4b",
            "product": "forms",
            "author": "pipeline",
            "text": "restarted the database",
            "made": "2026-11-20T18:00:00Z",
        },
        status=201,
        request=body_of("text", text=TEXT),
        request_example={"text": "restarted the database"},
    ),
)


@routes.get(_PATH)
@role(Role.READ)
async def list_notes(request: web.Request) -> web.Response:
    """List the notes on an incident of a product, oldest first."""
    check_query(request)
    outage, facts = _outage(request), request.app[CONTEXT].ledger.facts.all
    return as_json([note.as_json() for note in incident_notes(facts, outage.id)])


@routes.post(_PATH)
@role(Role.ALERTS_WRITE, body=True)
async def add(request: web.Request) -> web.Response:
    """Add a note to an incident of a product, open or resolved."""
    check_query(request)
    client, body = principal_for_change(request), await json_object(request, "text")
    outage = _outage(request)
    check_product(client, outage.product)
    text, now = one_line(body.get("text"), "text"), request.app[CONTEXT].clock.now()
    note = IncidentNote(now, client.name, outage.product, outage.id, text)
    await record_fact(request, note.fact())
    return as_json(note.as_json(), status=201)


def _outage(request: web.Request) -> Outage:
    """Return the incident of the path, also by the id of the incident of one of its checks.

    Raises:
        Refusal: the incident is unknown.
    """
    outage = find_outage(request.app[CONTEXT].ledger, request.match_info["id"])
    if outage is None:
        raise Refusal(404, "unknown incident", "GET /api/v1/product-incidents lists them")
    return outage
