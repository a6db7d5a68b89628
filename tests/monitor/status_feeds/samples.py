"""Feeds in the shapes that Statuspage, Atom feeds of status pages and GC Notify publish, around the tests' clock."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from sla.window import format_instant
from tests.support.ledgers import NOW


def instant(seconds: float) -> str:
    """Return the instant this number of seconds after the start of the tests' clock."""
    return format_instant(NOW + round(seconds * 1_000_000))


def incident(key: str, created: float, resolved: float | None = None, **fields: Any) -> dict[str, Any]:
    """Return an incident of a Statuspage with its updates and components, as /api/v2/incidents.json has it."""
    status = "investigating" if resolved is None else "resolved"
    return {
        "id": key,
        "name": f"Incident {key}",
        "status": status,
        "created_at": instant(created),
        "updated_at": instant(created if resolved is None else resolved),
        "monitoring_at": None,
        "resolved_at": None if resolved is None else instant(resolved),
        "impact": "major",
        "shortlink": "https://stspg.io/abc",
        "started_at": instant(created),
        "page_id": "p1",
        "incident_updates": [{"id": "u1", "status": status, "body": "We are looking into it.", "incident_id": key}],
        "components": [{"id": "c1", "name": "Sign-in", "status": "major_outage"}],
        "reminder_intervals": None,
    } | fields


def statuspage(*incidents: dict[str, Any]) -> bytes:
    page = {"id": "p1", "name": "Example", "url": "https://status.example.org", "time_zone": "Etc/UTC"}
    return json.dumps({"page": page, "incidents": incidents}).encode()


def entry(key: str, published: float, status: str, updated: float | None = None) -> str:
    """Return an entry of a Statuspage's history.atom: the newest update is first in its content."""
    older = "" if status == "Scheduled" else "<p><strong>Investigating</strong> - Text.</p>"
    content = escape(f"<p><small>Nov 30, 09:00 UTC</small><br><strong>{status}</strong> - Text.</p>{older}")
    return f"""
  <entry>
    <id>tag:status.example.org,2005:Incident/{key}</id>
    <published>{instant(published)}</published>
    <updated>{instant(published if updated is None else updated)}</updated>
    <link rel="alternate" type="text/html" href="https://status.example.org/incidents/{key}"/>
    <title>Incident {key}</title>
    <content type="html">{content}</content>
  </entry>"""


def atom(*entries: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<feed xml:lang="en-US" xmlns="http://www.w3.org/2005/Atom">'
    return "".join([head, "\n  <id>tag:status.example.org,2005:/history</id>", *entries, "</feed>"]).encode()


def gc_notify(**states: str) -> bytes:
    """Return GC Notify's file; components without a state are up."""
    components = {"api": "up", "admin": "up", "email": "up", "sms": "up"} | states
    return json.dumps([{"id": key, "status": status} for key, status in components.items()]).encode()
