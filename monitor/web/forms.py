"""The forms of pages: each one has the handler of the API that accepts the same change (`monitor.web.actions`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.web import (
    alerts,
    corrections,
    drills,
    incident_notes,
    maintenance,
    pauses,
    public_incidents,
    reviews,
    silences,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web


@dataclass(frozen=True, slots=True)
class Form:
    """A form: the handler of the API, its section on the page, and the text after a success.

    `path_field` belongs to the path of the API instead of the body.
    """

    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    section: str
    done: str
    path_field: str = ""


FORMS: Final[dict[str, Form]] = {
    "alerts/{key:(?s:.+)}/acknowledge": Form(alerts.acknowledge, "alerts", "Acknowledged."),
    "alerts/{key:(?s:.+)}/mark": Form(alerts.mark, "alerts", "Marked."),
    "notes": Form(incident_notes.add, "notes", "Note added.", path_field="incident"),
    "silences": Form(silences.add, "silences", "Silenced."),
    "silences/{id}/end": Form(silences.end, "silences", "The silence has ended."),
    "maintenance": Form(maintenance.add, "maintenance", "Maintenance planned."),
    "maintenance/{id}/change": Form(maintenance.change, "maintenance", "Maintenance changed."),
    "maintenance/{id}/approve": Form(maintenance.approve, "maintenance", "Maintenance approved."),
    "maintenance/{id}/end": Form(maintenance.end, "maintenance", "Maintenance ended or cancelled."),
    "pauses": Form(pauses.add, "pauses", "Paused."),
    "pauses/{id}/end": Form(pauses.end, "pauses", "Resumed."),
    "corrections": Form(corrections.add, "corrections", "Correction added.", path_field="product"),
    "corrections/{id}/revoke": Form(corrections.revoke, "corrections", "Correction revoked."),
    "reviews": Form(reviews.add, "reviews", "Review recorded.", path_field="product"),
    "drills": Form(drills.start, "drills", "Drill started.", path_field="product"),
    "drills/{id}/end": Form(drills.end, "drills", "Drill ended."),
    "status-pages/{page}/incidents": Form(public_incidents.open_incident, "public", "Published."),
    "status-pages/{page}/incidents/{id}/updates": Form(public_incidents.add_update, "public", "Update published."),
}
