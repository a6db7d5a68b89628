"""A notification that is not about an incident: a test message, a heartbeat, a report."""

from __future__ import annotations

import json
from typing import Any

from monitor.notification import Kind, Notification


def note(kind: Kind, key: str, receiver: str, body: dict[str, Any], now: int) -> Notification:
    """Return the first notification of severity `note` to the receiver, due now."""
    text = json.dumps(body, ensure_ascii=False)
    return Notification(key, receiver, 0, kind, 1, now, now, "note", "", text)


def note_body(
    kind: Kind, key: str, extra: dict[str, Any], *, link: str | None = None, **fields: object
) -> dict[str, Any]:
    """Return a body of severity `note`. `link` is the URL of the web pages, `fields` are additional keys."""
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
