"""/api/v1/status-pages: open and update public incidents, as `ninewatch status-page` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from monitor.facts.public_updates import (
    InvalidUpdateError,
    Writing,
    checked_components,
    draft,
    incident_json,
    new_incident,
    new_update,
    next_due,
    product_incident,
)
from monitor.language import language
from monitor.views.public_incident import incidents_of
from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from monitor.web.request_body import json_object
from monitor.web.status_pages import page_of_path
from monitor.web.write_context import check_product, principal_for_change, record_fact
from sla.public_incident import Phase

if TYPE_CHECKING:
    from monitor.access.principal import Principal
    from monitor.config.status_pages import StatusPage
    from sla.public_incident import PublicIncident

routes = web.RouteTableDef()


@routes.get("/api/v1/status-pages/{page}/incidents")
@role(Role.READ)
async def list_incidents(request: web.Request) -> web.Response:
    """List the public incidents of a page, newest first, with authors and the time to the first public update."""
    check_query(request)
    page, context = page_of_path(request), request.app[CONTEXT]
    return as_json([incident_json(incident) for incident in incidents_of(context.ledger.facts, page.id)])


@routes.get("/api/v1/status-pages/{page}/draft")
@role(Role.READ)
async def get_draft(request: web.Request) -> web.Response:
    """Fill the template of a phase with facts. Nothing is published."""
    check_query(request, "phase", "components", "next_update")
    page, context, query = page_of_path(request), request.app[CONTEXT], request.query
    writing = Writing("", context.clock.now(), context.ledger.portfolio.zone)
    try:
        components = checked_components(query.get("components", "").split(","), page)
        linked = product_incident(None, page, components, context.ledger.product_incidents.values())
        due = next_due(query.get("next_update"), writing)
        phase = Phase(query.get("phase", Phase.INVESTIGATING.value))
    except InvalidUpdateError as error:
        raise Refusal(400, error.problem, error.remedy) from None
    except ValueError:
        raise Refusal(400, "unknown phase", f"use one of {', '.join(Phase)}") from None
    text = draft(page, phase, components, None if linked is None else linked.opened, due, writing)
    return as_json({"page": page.id, "phase": phase.value, "text": text})


@routes.post("/api/v1/status-pages/{page}/incidents")
@role(Role.FACTS_WRITE, body=True)
async def open_incident(request: web.Request) -> web.Response:
    """Open a public incident with its first update."""
    check_query(request)
    client, page = principal_for_change(request), page_of_path(request)
    keys = ("title", "components", "impact", "incident", "phase", "text", "next_update")
    body, context = await json_object(request, *keys), request.app[CONTEXT]
    try:
        incident = new_incident(body, page, context.ledger.product_incidents.values(), _writing(request, client, page))
    except InvalidUpdateError as error:
        raise Refusal(400, error.problem, error.remedy) from None
    _check_products(client, page, incident)
    fact = incident.fact()
    await record_fact(request, fact)
    return as_json(incident_json(replace(incident, id=fact.id)), status=201)


@routes.post("/api/v1/status-pages/{page}/incidents/{id}/updates")
@role(Role.FACTS_WRITE, body=True)
async def add_update(request: web.Request) -> web.Response:
    """Publish an update of an open incident; the phase `resolved` ends it."""
    check_query(request)
    client, page = principal_for_change(request), page_of_path(request)
    body = await json_object(request, "phase", "text", "next_update")
    incident = _incident(request, page)
    _check_products(client, page, incident)
    if incident.resolved is not None:
        raise Refusal(409, "the incident is resolved", "open another incident")
    try:
        update = new_update(_with_phase(body, incident), _writing(request, client, page), incident)
    except InvalidUpdateError as error:
        raise Refusal(400, error.problem, error.remedy) from None
    await record_fact(request, update.fact(incident))
    return as_json(incident_json(replace(incident, updates=(*incident.updates, update))), status=201)


def _with_phase(body: Mapping[str, Any], incident: PublicIncident) -> Mapping[str, Any]:
    """Return the body with the present phase as the default."""
    return {"phase": incident.last.phase.value, **body}


def _incident(request: web.Request, page: StatusPage) -> PublicIncident:
    name, facts = request.match_info["id"], request.app[CONTEXT].ledger.facts
    incident = next((incident for incident in incidents_of(facts, page.id) if incident.id == name), None)
    if incident is None:
        raise Refusal(404, "unknown public incident", f"GET /api/v1/status-pages/{page.id}/incidents lists them")
    return incident


def _writing(request: web.Request, client: Principal, page: StatusPage) -> Writing:
    context = request.app[CONTEXT]
    spoken = language(page.languages[0])
    return Writing(client.name, context.clock.now(), context.ledger.portfolio.zone, spoken)


def _check_products(client: Principal, page: StatusPage, incident: PublicIncident) -> None:
    """Check that the client may change the products of all components."""
    for component in page.components:
        if component.id in incident.components:
            check_product(client, component.product)
