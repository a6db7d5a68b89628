"""The response to an alert as plain data, for `alert list --json` and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.page_response import Response


def response_json(held: Response) -> dict[str, Any]:
    """Return it as plain data with instants in RFC 3339; `next_escalation` is null when no step is due any more."""
    acknowledged = {"by": held.author, "via": held.via, "seconds": (held.time_to_acknowledge or 0) / SECOND}
    return {
        "started": format_instant(held.started),
        "severity": held.severity.value,
        "priority": held.priority or None,
        "target_seconds": None if held.target is None else held.target / SECOND,
        "acknowledged": None if held.acknowledged is None else acknowledged,
        "next_escalation": None if held.next_due is None else format_instant(held.next_due),
        "escalations": [{"id": e.plan, "step": e.step, "person": e.person or None} for e in held.escalations],
    }
