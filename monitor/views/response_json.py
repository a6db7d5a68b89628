"""The response to an alert as plain data, for `alert list --json` and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.page_response import Response


def response_json(response: Response) -> dict[str, Any]:
    """Return the response as plain data with RFC 3339 instants. `next_escalation` is null if no step is due."""
    acknowledged = {"by": response.author, "via": response.via, "seconds": (response.time_to_acknowledge or 0) / SECOND}
    return {
        "started": format_instant(response.started),
        "severity": response.severity.value,
        "priority": response.priority or None,
        "target_seconds": None if response.target is None else response.target / SECOND,
        "acknowledged": None if response.acknowledged is None else acknowledged,
        "next_escalation": None if response.next_due is None else format_instant(response.next_due),
        "escalations": [
            {"id": progress.plan, "step": progress.step, "person": progress.person or None}
            for progress in response.escalations
        ],
    }
