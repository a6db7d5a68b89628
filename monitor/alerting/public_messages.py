"""Messages about public incidents: updates for the subscribed receivers, and reminders of due updates.

Each is one notification per receiver in the outbox. Its key contains the incident and the number of the update, so that
a restart does not send it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from monitor.alerting.made_notes import MAX_LATENESS
from monitor.alerting.note_body import note, note_body
from monitor.language import language
from monitor.notification import Kind
from sla.interval import SECOND
from sla.window import format_instant

if TYPE_CHECKING:
    from monitor.alerting.made_notes import MadeNotes
    from monitor.clock import Clock
    from monitor.config.status_pages import StatusPage
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Notification
    from sla.public_incident import PublicIncident


class PublicMessages:
    """Creates the notifications that are due."""

    def __init__(self, ledger: Ledger, clock: Clock, made: MadeNotes) -> None:
        self._ledger, self._clock, self._made = ledger, clock, made

    async def due(self) -> list[Notification]:
        """Return the notifications that are due now and not in the record."""
        now = self._clock.now()
        rows = list(self._candidates(now))
        if not rows or await self._made.read(now - 2 * MAX_LATENESS) is None:
            return []
        rows = [row for row in rows if (row.key, row.receiver) not in self._made]
        for row in rows:
            self._made.add(row.key, row.receiver)
        return rows

    def _candidates(self, now: int) -> Iterator[Notification]:
        """Yield the notifications that are due now and not known to exist. The record may contain them."""
        public_url = self._ledger.portfolio.public_url
        pages = {page.id: page for page in self._ledger.portfolio.status_pages}
        for incident in self._ledger.facts.public_incidents:
            if (page := pages.get(incident.page)) is None:
                continue
            address = page.address(public_url)
            for number, update in enumerate(incident.updates, 1):
                key = f"report:public-incident:{incident.id}:{number}"
                if 0 <= now - update.made <= MAX_LATENESS:
                    for receiver in page.notify:
                        if (key, receiver) not in self._made:
                            body = _update_body(key, incident, number, page, address)
                            yield note(Kind.REPORT, key, receiver, body, now)
            key, due = f"report:public-update:{incident.id}:{len(incident.updates)}", incident.next_due
            if page.remind is None or due is None or not due <= now <= due + MAX_LATENESS:
                continue
            if (key, page.remind) not in self._made:
                yield note(Kind.REPORT, key, page.remind, _reminder_body(key, incident, due, page, address), now)


def _reminder_body(key: str, incident: PublicIncident, due: int, page: StatusPage, address: str) -> dict[str, Any]:
    extra = {
        "summary": f"The next public update is due: {incident.title}",
        "notes": [
            f"Status page {page.title}; it promised an update by {_instant(due)}",
            f"Publish it: `ninewatch status-page update {incident.id} --phase ... --text ...`",
        ],
    }
    overdue = {"id": incident.id, "page": page.id, "title": incident.title, "next_update_due": _instant(due)}
    return note_body(Kind.REPORT, key, extra, link=address or None, overdue_update=overdue)


def _update_body(key: str, incident: PublicIncident, number: int, page: StatusPage, address: str) -> dict[str, Any]:
    """Return the body of the update with this number, counted from 1. It contains public texts only."""
    update = incident.updates[number - 1]
    names = [component.name for component in page.components if component.id in incident.components]
    next_due, spoken = None if update.next_due is None else _instant(update.next_due), language(page.languages[0])
    affected = [spoken.gettext("Affected: {names}").format(names=", ".join(names))] if names else []
    due = [] if next_due is None else [spoken.gettext("Next update by {time}").format(time=next_due)]
    phase = spoken.gettext(update.phase.value.capitalize()).lower()
    extra = {
        "summary": f"{page.title}: {incident.title} ({phase})",
        "notes": [*update.text.split("\n\n"), *affected, *due],
    }
    public = {
        "id": incident.id,
        "page": page.id,
        "title": incident.title,
        "impact": incident.impact.value,
        "phase": update.phase.value,
        "components": names,
        "text": update.text,
        "published": _instant(update.made),
        "next_update_due": next_due,
    }
    link = f"{address}incidents/{incident.id}" if address else None
    return note_body(Kind.REPORT, key, extra, link=link, public_incident=public)


def _instant(at: int) -> str:
    return format_instant(at // SECOND * SECOND)
