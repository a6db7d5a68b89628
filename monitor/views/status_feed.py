"""A status page as JSON, in the form of Statuspage's summary, and as an Atom feed of its incidents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from monitor.views.service_state import ServiceState
from sla.public_incident import Impact

if TYPE_CHECKING:
    from monitor.language import Language
    from monitor.views.formatting import Moment
    from monitor.views.public_incident import IncidentView
    from monitor.views.status_page import ComponentView, PlannedView, StatusPageView

# Statuspage has no state for missing data; a client that does not know "unknown" must not show it as operational.
_STATUS: Final = {
    ServiceState.OUTAGE: "major_outage",
    ServiceState.DEGRADED: "degraded_performance",
    ServiceState.NO_DATA: "unknown",
    ServiceState.MAINTENANCE: "under_maintenance",
    ServiceState.OPERATIONAL: "operational",
}
_INDICATOR: Final = {
    ServiceState.OUTAGE: "major",
    ServiceState.DEGRADED: "minor",
    ServiceState.NO_DATA: "unknown",
    ServiceState.MAINTENANCE: "maintenance",
    ServiceState.OPERATIONAL: "none",
}
_IMPACT: Final = {Impact.NONE: "none", Impact.DEGRADED: "minor", Impact.OUTAGE: "major"}


def summary_json(view: StatusPageView) -> str:
    """Return the page as JSON: state, components, open incidents, and planned maintenance."""
    critical = all(component.state is ServiceState.OUTAGE for component in view.components)
    body = {
        "page": {
            "id": view.id,
            "name": view.title,
            "url": view.address or None,
            "time_zone": view.zone,
            "updated_at": view.made.iso,
            "valid_until": view.valid_until.iso,
            "newest_observation_at": _iso(view.newest),
            "stale": view.stale,
        },
        "status": {
            "indicator": "critical" if critical else _INDICATOR[view.state],
            "description": view.sentence,
        },
        "figures": view.figures,
        "components": [_component(component, group.name) for group in view.groups for component in group.components],
        "incidents": [_incident(incident, view) for incident in view.current_incidents],
        "scheduled_maintenances": [_maintenance(planned) for planned in view.planned],
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _component(component: ComponentView, group: str) -> dict[str, Any]:
    bounds = component.bounds._asdict()
    return {
        "id": component.id,
        "name": component.name,
        "description": component.description or None,
        "group": group or None,
        "status": _STATUS[component.state],
        "availability": {
            "days": len(component.days),
            **{name: None if bound is None else float(bound) for name, bound in bounds.items()},
            "coverage": None if component.coverage is None else float(component.coverage),
        },
    }


def _incident(incident: IncidentView, view: StatusPageView) -> dict[str, Any]:
    return {
        "id": incident.id,
        "name": incident.title,
        "status": incident.phase,
        "impact": _IMPACT[incident.impact],
        "created_at": incident.opened.iso,
        "updated_at": incident.updates[0].made.iso,
        "resolved_at": _iso(incident.resolved),
        "next_update_due": _iso(incident.next_due),
        "shortlink": f"{view.address}incidents/{incident.id}" if view.address else None,
        "components": [
            {"id": component.id, "name": component.name}
            for component in view.components
            if component.id in incident.component_ids
        ],
        "incident_updates": [
            {"status": update.word.lower(), "body": "\n\n".join(update.paragraphs), "created_at": update.made.iso}
            for update in incident.updates
        ],
    }


def _maintenance(planned: PlannedView) -> dict[str, Any]:
    return {
        "status": "in_progress" if planned.in_progress else "scheduled",
        "scheduled_for": planned.start.iso,
        "scheduled_until": planned.end.iso,
        "components": list(planned.names),
    }


def _iso(instant: Moment | None) -> str | None:
    return None if instant is None else instant.iso


_ATOM: Final = "http://www.w3.org/2005/Atom"
MAX_ENTRIES: Final = 50


def atom(view: StatusPageView) -> str:
    """Return the incidents as an Atom feed (RFC 4287), the newest first: one entry per incident with all updates."""
    feed = Element("feed", {"xmlns": _ATOM, "xml:lang": view.language.code})
    query = view.query
    name = f"urn:ninewatch:status-page:{view.id}"
    _text(feed, "id", name)
    _text(feed, "title", view.title)
    times = [incident.updates[0].made.iso for incident in view.incidents]
    _text(feed, "updated", max(times, default=view.made.iso))
    _text(SubElement(feed, "author"), "name", view.title)
    if view.address:
        SubElement(
            feed, "link", {"rel": "self", "href": f"{view.address}feed.atom{query}", "type": "application/atom+xml"}
        )
        SubElement(feed, "link", {"rel": "alternate", "href": view.address.rstrip("/") + query, "type": "text/html"})
    for incident in view.incidents[:MAX_ENTRIES]:
        entry = SubElement(feed, "entry")
        _text(entry, "id", f"{name}:{incident.id}")
        _text(entry, "title", f"{incident.title} ({view.language.gettext(incident.updates[0].word).lower()})")
        _text(entry, "published", incident.opened.iso)
        _text(entry, "updated", incident.updates[0].made.iso)
        if view.address:
            SubElement(entry, "link", {"rel": "alternate", "href": f"{view.address}incidents/{incident.id}{query}"})
        _text(entry, "content", _content(incident, view.language)).set("type", "text")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(feed, encoding="unicode") + "\n"


def _content(incident: IncidentView, language: Language) -> str:
    names, due_at = ", ".join(incident.names), incident.next_due
    affected = [language.gettext("Affected: {names}").format(names=names)] if names else []
    due = [] if due_at is None else [language.gettext("Next update by {time}").format(time=due_at.text(language))]
    updates = [
        language.gettext("{time} {phase}: {text}").format(
            time=update.made.text(language), phase=language.gettext(update.word), text="\n".join(update.paragraphs)
        )
        for update in incident.updates
    ]
    return "\n\n".join([*affected, *due, *updates])


def _text(parent: Element, tag: str, text: str) -> Element:
    element = SubElement(parent, tag)
    element.text = text
    return element
