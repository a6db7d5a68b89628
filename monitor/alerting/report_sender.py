"""The weekly report on pages, sent as a notification through the outbox.

A report is recorded under a key with its day: a restart does not send it again, and a report that was due while the
daemon was stopped is sent late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.alerting.made_notes import MAX_LATENESS
from monitor.alerting.note_body import note, note_body
from monitor.alerting.page_report import page_report
from monitor.notification import Kind
from sla.interval import SECOND, Interval
from sla.localtime import local
from sla.objective import format_percent
from sla.page_rating import page_ratings
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.alerting.made_notes import MadeNotes
    from monitor.alerting.page_report import PageReport, ReceiverLine
    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.config.report_schedule import ReportSchedule
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Notification

_MAX_CHECKS: Final = 5  # in a message


class ReportSender:
    """Creates the notification of each report that is due."""

    def __init__(self, ledger: Ledger, clock: Clock, made: MadeNotes) -> None:
        self._ledger, self._clock, self._made = ledger, clock, made

    async def due(self) -> list[Notification]:
        """Return the reports that are due now and not in the record."""
        portfolio, now = self._ledger.portfolio, self._clock.now()
        notifications = []
        for report in portfolio.alerting.reports:
            end = report.at.last(now, portfolio.time_zone)
            if now - end <= MAX_LATENESS and (_key(end, portfolio), report.to) not in self._made:
                span = Interval(report.at.last(end - 1, portfolio.time_zone), end)
                notifications += await self._report(report, span)
        return notifications

    async def _report(self, schedule: ReportSchedule, span: Interval) -> list[Notification]:
        portfolio, key = self._ledger.portfolio, _key(span.end, self._ledger.portfolio)
        rows = await self._made.read(span.start)
        if rows is None or (key, schedule.to) in self._made:
            return []
        self._made.add(key, schedule.to)
        report = page_report(rows, page_ratings(self._ledger.facts.all), portfolio, span, schedule.night)
        return [notification(report, portfolio, schedule.to, self._clock.now())]


def _key(end: int, portfolio: Portfolio) -> str:
    return f"report:pages:{local(end, portfolio.zone):%Y-%m-%dT%H:%M}"


def notification(report: PageReport, portfolio: Portfolio, receiver: str, now: int) -> Notification:
    """Return the notification of a report, of severity `note`."""
    key = _key(report.span.end, portfolio)
    day = f"{local(report.span.end, portfolio.zone):%Y-%m-%d}"
    extra = {"summary": f"Pages in the week before {day}: {_total(report)}", "notes": list(_lines(report))}
    body = note_body(Kind.REPORT, key, extra, link=portfolio.public_url, report=report.as_json())
    return note(Kind.REPORT, key, receiver, body, now)


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
    counts, rated = line.counts, line.rated
    unrated = rated.alerts - rated.useful - rated.noise
    return (
        f"{line.receiver}{people}: {counts['pages']} pages, {counts['pages_at_night']} at night, "
        f"{counts['reminders']} reminders, {counts['tickets']} tickets; "
        f"{rated.useful} useful, {rated.noise} noise, {unrated} not marked"
    )
