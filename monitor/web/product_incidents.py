"""GET /api/v1/product-incidents: outages of whole products, each with the incidents of its checks."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from monitor.web.access import Role, role
from monitor.web.context import CONTEXT, as_json
from monitor.web.errors import Refusal, check_query
from sla.window import format_instant

if TYPE_CHECKING:
    from aiohttp import web

    from sla.product_incident import ProductIncident

MAX_INCIDENTS: Final = 1_000
_STATES: Final = ("open", "resolved")


@role(Role.READ)
async def product_incidents(request: web.Request) -> web.Response:
    """List product incidents, newest first; filters: product, state."""
    check_query(request, "product", "state")
    context, query = request.app[CONTEXT], request.query
    name, state = query.get("product"), query.get("state")
    if name is not None and name not in context.ledger.products:
        raise Refusal(404, "unknown product", "GET /api/v1/products lists them")
    if state not in (None, *_STATES):
        raise Refusal(400, "unknown state", "use state=open or state=resolved, or omit it")
    recorded = context.ledger.product_incidents.values()
    newest = sorted(recorded, key=lambda incident: (incident.opened, incident.id), reverse=True)
    selected = (
        incident
        for incident in newest
        if name in (None, incident.product) and state in (None, _STATES[incident.resolved is not None])
    )
    return as_json([_incident_json(incident) for incident in islice(selected, MAX_INCIDENTS)])


def _incident_json(incident: ProductIncident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "product": incident.product,
        "opened": format_instant(incident.opened),
        "resolved": None if incident.resolved is None else format_instant(incident.resolved),
        "severity": incident.severity.value,
        "incidents": list(incident.members),
    }
