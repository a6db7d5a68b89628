"""The weekly report on pages, sent as a notification through the outbox.

The row of a report is in the record under a key with its day. So a restart does not send it again, and a report that
was due while the daemon was stopped is sent late.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import structlog

from monitor.alerting.note_body import note_body
from monitor.alerting.page_report import page_report
from monitor.errors import StoreError
from monitor.notification import Kind, Notification
from sla.interval import DAY, MINUTE, SECOND, Interval
from sla.localtime import local
from sla.objective import format_percent
from sla.page_mark import page_marks
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from monitor.alerting.page_report import PageReport, ReceiverLine
    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.config.report_schedule import ReportSchedule
    from monitor.ledger.ledger import Ledger

    ReadPast = Callable[[int], Sequence[Notification]]
    """Return the recorded notifications that were due at the instant or later. Called in a thread."""

log = structlog.get_logger()

MAX_LATENESS: Final = DAY  # a report that is overdue for longer is not sent
RETRY_DELAY: Final = MINUTE  # until the record is read again after an error
_MAX_CHECKS: Final = 5  # maximum number of checks in a message


class ReportSender:
    """Makes the notification of each report that is due. Without `read_past` there are no reports."""

    def __init__(self, ledger: Ledger, clock: Clock, read_past: ReadPast | None) -> None:
        self._ledger, self._clock, self.read_past = ledger, clock, read_past
        self._made: set[tuple[str, str]] = set()
        self._not_before = 0

    async def due(self) -> list[Notification]:
        """Return the reports that are due now and not in the record."""
        portfolio, now = self._ledger.portfolio, self._clock.now()
        if self.read_past is None or now < self._not_before:
            return []
        notifications = []
        for report in portfolio.alerting.reports:
            end = report.at.last(now, portfolio.time_zone)
            if now - end <= MAX_LATENESS and (_key(end, portfolio), report.to) not in self._made:
                span = Interval(report.at.last(end - 1, portfolio.time_zone), end)
                notifications += await self._report(report, span, self.read_past)
        return notifications

    async def _report(self, schedule: ReportSchedule, span: Interval, read_past: ReadPast) -> list[Notification]:
        portfolio, now = self._ledger.portfolio, self._clock.now()
        key = _key(span.end, portfolio)
        try:
            rows = await asyncio.to_thread(read_past, span.start)
        except StoreError as error:
            log.warning("page_report_delayed", receiver=schedule.to, error=str(error))
            self._not_before = now + RETRY_DELAY
            return []
        self._made.add((key, schedule.to))
        if any((row.key, row.receiver) == (key, schedule.to) for row in rows):
            return []
        marks = page_marks(self._ledger.facts.all)
        return [notification(page_report(rows, marks, portfolio, span, schedule.night), portfolio, schedule.to, now)]


def _key(end: int, portfolio: Portfolio) -> str:
    return f"report:pages:{local(end, portfolio.zone):%Y-%m-%dT%H:%M}"


def notification(report: PageReport, portfolio: Portfolio, receiver: str, now: int) -> Notification:
    """Return the notification of a report, of severity `note`."""
    key = _key(report.span.end, portfolio)
    day = f"{local(report.span.end, portfolio.zone):%Y-%m-%d}"
    extra = {"summary": f"Pages in the week before {day}: {_total(report)}", "notes": list(_lines(report))}
    body = note_body(Kind.REPORT, key, extra, link=portfolio.public_url, report=report.as_json())
    text = json.dumps(body, ensure_ascii=False)
    return Notification(key, receiver, 0, Kind.REPORT, 1, now, now, "note", "", text)


def _total(report: PageReport) -> str:
    share = report.total.share_useful
    useful = "none is marked" if share is None else f"{format_percent(share, 0)} of the marked ones useful"
    return f"{report.total.alerts} alerts paged, {useful}"


def _lines(report: PageReport) -> Iterator[str]:
    """Yield the text: one line per receiver with its people, then the noisiest checks."""
    start, end = (format_instant(at // SECOND * SECOND) for at in (report.span.start, report.span.end))
    yield f"From {start} to {end}; night: {report.night}"
    for receiver in report.receivers:
        yield _receiver_line(receiver)
    noisiest = [
        f"{name} ({figures.alerts} alerts, {figures.noise} noise)" for name, figures in report.checks[:_MAX_CHECKS]
    ]
    if noisiest:
        yield f"Noisiest checks: {', '.join(noisiest)}"
    yield "Mark pages as useful or noise: `ninewatch alert mark`, or the link in each message."


def _receiver_line(line: ReceiverLine) -> str:
    people = f" ({', '.join(line.people)})" if line.people else ""
    counts, marked = line.counts, line.marked
    unmarked = marked.alerts - marked.useful - marked.noise
    return (
        f"{line.receiver}{people}: {counts['pages']} pages, {counts['pages_at_night']} at night, "
        f"{counts['reminders']} reminders, {counts['tickets']} tickets; "
        f"{marked.useful} useful, {marked.noise} noise, {unmarked} not marked"
    )
