"""The forms of /actions with which operators publish public incidents, filled with the facts of open outages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from monitor.facts.public_updates import Writing, draft, product_incident
from monitor.views.public_incident import incident_view, incidents_of
from monitor.web.context import CONTEXT
from sla.public_incident import Impact, Phase
from sla.states import State

if TYPE_CHECKING:
    from aiohttp import web

    from monitor.config.status_pages import StatusPage

_COMPONENT: Final = "component."


def page_forms(request: web.Request, product: str) -> list[SimpleNamespace]:
    """Return the status pages with their open incidents and a draft, of all products or of one."""
    pages = request.app[CONTEXT].ledger.portfolio.status_pages
    shown = [
        page for page in pages if not product or any(component.product == product for component in page.components)
    ]
    return [_page_form(request, page) for page in shown]


def _page_form(request: web.Request, page: StatusPage) -> SimpleNamespace:
    context = request.app[CONTEXT]
    ledger, now, zone = context.ledger, context.clock.now(), context.ledger.portfolio.zone
    down = [
        component.id for component in page.components if ledger.state(component.product, now).estimate is State.DOWN
    ]
    recorded = list(ledger.product_incidents.values())
    linked = product_incident(None, page, down, recorded)
    began, writing = None if linked is None else linked.opened, Writing("", now, zone)
    incidents = [incident for incident in incidents_of(ledger.facts, page.id) if incident.resolved is None]
    return SimpleNamespace(
        id=page.id,
        title=page.title,
        components=[
            SimpleNamespace(id=component.id, name=component.name, down=component.id in down)
            for component in page.components
        ],
        draft=draft(page, Phase.INVESTIGATING, down, began, None, writing) if down else "",
        incidents=[incident_view(incident, page, zone, now) for incident in incidents],
        impacts=list(Impact),
        phases=list(Phase),
    )


def with_components(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with the ids of the checked components as a list: `component.forms` is the box of `forms`."""
    checked = [name.removeprefix(_COMPONENT) for name in fields if name.startswith(_COMPONENT)]
    others = {name: value for name, value in fields.items() if not name.startswith(_COMPONENT)}
    return {**others, "components": checked} if checked else others
