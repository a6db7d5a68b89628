"""Reminders that the next update of a public incident is due, sent as notifications through the outbox.

The row of a reminder is in the record under a key with its incident and update. So a restart does not send it again.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import structlog

from monitor.alerting.note_body import note_body
from monitor.errors import StoreError
from monitor.notification import Kind, Notification
from sla.interval import DAY, MINUTE, SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.alerting.report_sender import ReadPast
    from monitor.clock import Clock
    from monitor.config.status_pages import StatusPage
    from monitor.ledger.ledger import Ledger
    from sla.public_incident import PublicIncident

log = structlog.get_logger()

LATEST: Final = DAY  # an update that is overdue for longer has no reminder
RETRY: Final = MINUTE  # before the record is read again after an error


class UpdateReminder:
    """Makes one reminder of each update that is due. Without `read_past` there are no reminders."""

    def __init__(self, ledger: Ledger, clock: Clock, read_past: ReadPast | None) -> None:
        self._ledger, self._clock, self.read_past = ledger, clock, read_past
        self._made: set[str] = set()
        self._not_before = 0

    async def due(self) -> list[Notification]:
        """Return the reminders that are due now and not in the record."""
        now = self._clock.now()
        if self.read_past is None or now < self._not_before:
            return []
        pages = {page.id: page for page in self._ledger.portfolio.status_pages if page.remind is not None}
        overdue = [
            incident
            for incident in self._ledger.facts.public_incidents
            if incident.page in pages and _is_due(incident, now) and _key(incident) not in self._made
        ]
        if not overdue:
            return []
        try:
            rows = await asyncio.to_thread(self.read_past, now - LATEST - DAY)
        except StoreError as error:
            log.warning("update_reminder_delayed", error=str(error))
            self._not_before = now + RETRY
            return []
        recorded = {row.key for row in rows}
        self._made.update(map(_key, overdue))
        return [self._reminder(incident, pages, now) for incident in overdue if _key(incident) not in recorded]

    def _reminder(self, incident: PublicIncident, pages: dict[str, StatusPage], now: int) -> Notification:
        page, key = pages[incident.page], _key(incident)
        extra = {
            "summary": f"The next public update is due: {incident.title}",
            "notes": [
                f"Status page {page.title}; it promised an update by {_instant(incident.next_due or now)}",
                f"Publish it: `ninewatch status-page update {incident.id} --phase ... --text ...`",
            ],
        }
        body = note_body(Kind.REPORT, key, extra, link=page.address(self._ledger.portfolio.public_url) or None)
        text = json.dumps(body, ensure_ascii=False)
        return Notification(key, page.remind or "", 0, Kind.REPORT, 1, now, now, "note", "", text)


def _is_due(incident: PublicIncident, now: int) -> bool:
    due = incident.next_due
    return due is not None and due <= now <= due + LATEST


def _key(incident: PublicIncident) -> str:
    return f"report:public-update:{incident.id}:{len(incident.updates)}"


def _instant(at: int) -> str:
    return format_instant(at // SECOND * SECOND)
