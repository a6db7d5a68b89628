"""The body of a notification that is not about an incident: a test message, a heartbeat, a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.notification import Kind


def note_body(
    kind: Kind, key: str, extra: dict[str, Any], *, link: str | None = None, **fields: object
) -> dict[str, Any]:
    """Return the body of severity `note`. `link` is the address of the pages, `fields` are additional keys."""
    return {
        "version": 1,
        "event": kind.value,
        "key": key,
        "severity": "note",
        "product": None,
        "checks": [],
        "incident": None,
        "downtime_seconds": None,
        "budget": None,
        "links": {"product": link, "incident": None, "runbook": None, "acknowledge": None},
        **fields,
        "extra": extra,
    }
