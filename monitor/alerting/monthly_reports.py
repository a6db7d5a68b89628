"""The monthly report on promises, sent as a notification through the outbox.

A function of a higher layer computes the content. A report is recorded under a key with its month, so that a restart
does not send it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.alerting.made_notes import MAX_LATENESS
from monitor.alerting.note_body import note, note_body
from monitor.config.report_schedule import MonthlyReport
from monitor.notification import Kind
from sla.calendar import Period, Window, previous_window
from sla.localtime import local

if TYPE_CHECKING:
    from monitor.alerting.made_notes import MadeNotes
    from monitor.clock import Clock
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Notification


class ReportContent(NamedTuple):
    """The content of a report. `link` is its URL, `figures` its values as JSON."""

    title: str
    paragraphs: list[str]
    link: str | None
    figures: dict[str, Any]


Summarise = Callable[[MonthlyReport, Window, int], Awaitable[ReportContent]]
"""Returns the content of a report on the month `window`, with the figures as of an instant (microseconds)."""


class MonthlyReports:
    """Creates the notification of each monthly report that is due."""

    def __init__(self, ledger: Ledger, clock: Clock, made: MadeNotes, summarise: Summarise) -> None:
        self._ledger, self._clock, self._made, self._summarise = ledger, clock, made, summarise

    async def due(self) -> list[Notification]:
        """Return the reports that are due now and not in the record."""
        portfolio, now = self._ledger.portfolio, self._clock.now()
        notifications = []
        for report in portfolio.alerting.monthly_reports:
            due = report.at.last(now, portfolio.time_zone)
            window = previous_window(Period.MONTH, due, portfolio.zone)
            key = f"report:month:{local(window.full.start, portfolio.zone):%Y-%m}"
            if now - due > MAX_LATENESS or (key, report.to) in self._made:
                continue
            if await self._made.read(window.full.end) is None or (key, report.to) in self._made:
                continue
            content = await self._summarise(report, window, now)
            self._made.add(key, report.to)
            notifications.append(note(Kind.REPORT, key, report.to, _body(key, content), now))
        return notifications


def _body(key: str, content: ReportContent) -> dict[str, Any]:
    extra = {"summary": content.title, "notes": content.paragraphs}
    return note_body(Kind.REPORT, key, extra, link=content.link, monthly_report=content.figures)
