"""Correct the instants of restored notifications and responses after the clock was set back.

A notification that was decided by a clock that was ahead would be due only when the present clock reaches that instant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.notification import Notification
    from sla.escalation import Progress
    from sla.page_response import Response


def corrected_notification(row: Notification, now: int) -> Notification:
    """Return the notification; it is due at once if it was decided after the present instant."""
    return row if row.made <= now else replace(row, made=now, due=min(row.due, now))


def corrected_response(response: Response, now: int) -> Response:
    """Return the response; a step that was taken after the present instant counts as taken now."""
    escalations = tuple(_corrected_progress(progress, now) for progress in response.escalations)
    return replace(response, started=min(response.started, now), escalations=escalations)


def _corrected_progress(progress: Progress, now: int) -> Progress:
    if progress.entered <= now:
        return progress
    return replace(progress, entered=now, due=None if progress.due is None else progress.due - progress.entered + now)
