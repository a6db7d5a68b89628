"""Correct the instants of restored notifications and responses after the clock was set back.

Without it, a notification decided while the clock was ahead would wait until the clock reaches that instant again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.notification import Notification
    from sla.escalation import Progress
    from sla.page_response import Response


def corrected_notification(row: Notification, now: int) -> Notification:
    """Return the notification, due now if it was decided in the future."""
    return row if row.made <= now else replace(row, made=now, due=min(row.due, now))


def corrected_response(response: Response, now: int) -> Response:
    """Return the response; a step that was taken in the future counts as taken now."""
    escalations = tuple(_corrected_progress(progress, now) for progress in response.escalations)
    return replace(response, started=min(response.started, now), escalations=escalations)


def _corrected_progress(progress: Progress, now: int) -> Progress:
    if progress.entered <= now:
        return progress
    return replace(progress, entered=now, due=None if progress.due is None else progress.due - progress.entered + now)
