"""A notification as the API and `ninewatch alert list --json` show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.log import conceal_secrets
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.notification import Notification


def notification_json(row: Notification) -> dict[str, Any]:
    """Return the notification as plain data with RFC 3339 instants. Secrets are removed from the error."""
    return {
        "key": row.key,
        "event": row.event.value,
        "receiver": row.receiver,
        "severity": row.severity,
        "product": row.product,
        "decided": format_instant(row.made),
        "due": format_instant(row.due),
        "attempts": row.attempts,
        "delivered": None if row.done is None else format_instant(row.done),
        "error": conceal_secrets(row.error),
    }
