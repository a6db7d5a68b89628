"""The labels of an open incident's info sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sla.incident import Incident

MAX_DETAIL = 200  # characters of the detail of a failed probe in a label


def incident_labels(incident: Incident) -> dict[str, str]:
    """Return the labels of an open incident, from its first failed probe so that they do not change."""
    first = incident.first
    return {
        "check": incident.check.partition("/")[2],
        "incident": incident.id,
        "reason": incident.reason,
        "status": "" if first is None or first.status is None else str(first.status),
        "detail": "" if first is None else first.detail[:MAX_DETAIL],
    }
