"""Messages about public incidents: each update to the subscribed receivers, and reminders of updates that are due.

They are notifications of the outbox, one per receiver. The key of a row has the incident and the number of its updates,
so that a restart does not send it again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

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
    from sla.public_incident import PublicIncident, PublicUpdate

log = structlog.get_logger()

LATEST: Final = DAY  # a message that is overdue for longer is not sent
RETRY: Final = MINUTE  # before the record is read again after an error


class PublicMessages:
    """Makes the notifications that are due. Without `read_past` there are none."""

    def __init__(self, ledger: Ledger, clock: Clock, read_past: ReadPast | None) -> None:
        self._ledger, self._clock, self.read_past = ledger, clock, read_past
        self._made: set[tuple[str, str]] = set()
        self._not_before = 0

    async def due(self) -> list[Notification]:
        """Return the notifications that are due now and not in the record."""
        now = self._clock.now()
        if self.read_past is None or now < self._not_before:
            return []
        rows = [row for row in self._wanted(now) if (row.key, row.receiver) not in self._made]
        if not rows:
            return []
        try:
            past = await asyncio.to_thread(self.read_past, now - 2 * LATEST)
        except StoreError as error:
            log.warning("public_message_delayed", error=str(error))
            self._not_before = now + RETRY
            return []
        self._made.update((row.key, row.receiver) for row in rows)
        recorded = {(row.key, row.receiver) for row in past}
        return [row for row in rows if (row.key, row.receiver) not in recorded]

    def _wanted(self, now: int) -> Iterator[Notification]:
        """Yield the notifications that are due now, also those in the record."""
        public_url = self._ledger.portfolio.public_url
        pages = {page.id: page for page in self._ledger.portfolio.status_pages}
        for incident in self._ledger.facts.public_incidents:
            if (page := pages.get(incident.page)) is None:
                continue
            for number, update in enumerate(incident.updates, 1):
                if 0 <= now - update.made <= LATEST:
                    for receiver in page.notify:
                        yield _update_row(incident, number, update, page, receiver, public_url, now)
            if page.remind is not None and _is_due(incident, now):
                yield _reminder_row(incident, page, page.remind, public_url, now)


def _is_due(incident: PublicIncident, now: int) -> bool:
    due = incident.next_due
    return due is not None and due <= now <= due + LATEST


def _reminder_row(
    incident: PublicIncident, page: StatusPage, receiver: str, public_url: str | None, now: int
) -> Notification:
    extra = {
        "summary": f"The next public update is due: {incident.title}",
        "notes": [
            f"Status page {page.title}; it promised an update by {_instant(incident.next_due or now)}",
            f"Publish it: `ninewatch status-page update {incident.id} --phase ... --text ...`",
        ],
    }
    overdue = {
        "id": incident.id,
        "page": page.id,
        "title": incident.title,
        "next_update_due": _instant(incident.next_due or now),
    }
    key = f"report:public-update:{incident.id}:{len(incident.updates)}"
    link = page.address(public_url) or None
    return _row(key, receiver, note_body(Kind.REPORT, key, extra, link=link, overdue_update=overdue), now)


def _update_row(
    incident: PublicIncident,
    number: int,
    update: PublicUpdate,
    page: StatusPage,
    receiver: str,
    public_url: str | None,
    now: int,
) -> Notification:
    """Return the notification of an update. It has public texts only."""
    names = [component.name for component in page.components if component.id in incident.components]
    address = page.address(public_url)
    link = f"{address}incidents/{incident.id}" if address else None
    due = [] if update.next_due is None else [f"Next update by {_instant(update.next_due)}"]
    affected = [f"Affected: {', '.join(names)}"] if names else []
    notes = [*update.text.split("\n\n"), *affected, *due]
    extra = {"summary": f"{page.title}: {incident.title} ({update.phase.value})", "notes": notes}
    public = {
        "id": incident.id,
        "page": page.id,
        "title": incident.title,
        "impact": incident.impact.value,
        "phase": update.phase.value,
        "components": names,
        "text": update.text,
        "published": _instant(update.made),
        "next_update_due": None if update.next_due is None else _instant(update.next_due),
    }
    key = f"report:public-incident:{incident.id}:{number}"
    return _row(key, receiver, note_body(Kind.REPORT, key, extra, link=link, public_incident=public), now)


def _row(key: str, receiver: str, body: dict[str, Any], now: int) -> Notification:
    text = json.dumps(body, ensure_ascii=False)
    return Notification(key, receiver, 0, Kind.REPORT, 1, now, now, "note", "", text)


def _instant(at: int) -> str:
    return format_instant(at // SECOND * SECOND)
