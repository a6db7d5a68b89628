"""`ninewatch standby`: print on-call hours and incidents per person."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import click

from monitor.clock import SystemClock
from monitor.commands.config_option import load_config
from monitor.commands.on_call_pages import as_plain, as_text, pages_during
from monitor.commands.plural import plural
from monitor.errors import NinewatchError, StoreError
from monitor.storage.reader import reading
from sla.incident import Incident
from sla.interval import DAY, HOUR, SECOND, Interval
from sla.localtime import date_of_day_number, day_number, day_of, local, midnight
from sla.objective import format_duration
from sla.on_call import OnCallTime, Overlap, gaps, on_call_times, overlaps, was_open_during
from sla.product_incident import Severity
from sla.window import format_instant, parse_duration, parse_instant, parse_interval, rolling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.config.model import Portfolio
    from monitor.config.on_call import Rota
    from sla.on_call import Shift
    from sla.page_response import Response, Summary

_MAX_PERIOD = 400 * DAY

Recorded = TypeVar("Recorded", Incident, "Response")


@click.command("standby", short_help="Print on-call hours and incidents per person.")
@click.option("--period", default="2w", show_default=True, help="Days or weeks up to --at, or START/END.")
@click.option("--at", metavar="TIME", help="End of the period; a date means its start.  [default: today]")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    help="Configuration file or folder (YAML).",
)
@click.option("--by", type=click.Choice(["person", "day"]), default="person", show_default=True)
@click.option("--format", "form", type=click.Choice(["csv", "text", "json"]), default="text", show_default=True)
def standby_command(period: str, at: str | None, path: Path, by: str, form: str) -> None:
    """Print each person's on-call hours in a period, the incidents during them, and the time to acknowledge pages.

    The rotas are configured under `standby:`. A period of days or weeks is whole days in the portfolio's time zone; it
    ends at the start of the day of --at. Hours are exact across clock changes. At the instant of a hand-over, the
    person who takes over is on call. Simultaneous shifts in two rotas count once. --by day prints one line per
    person and day, for time entry. Gaps and overlaps in a rota are noted; with CSV, on standard error.
    """
    portfolio = load_config(path)[1]
    if not portfolio.standby:
        raise NinewatchError(f"{path}: no rota; add `standby:` with shifts or a calendar (CONFIGURATION.md)")
    now = SystemClock().now()
    span = _period(period, now if at is None else _instant(at, portfolio.zone), portfolio.zone)
    sheet = _sheet(portfolio, span, now)
    for note in sheet.notes if form == "csv" else ():
        click.echo(f"note: {note}", err=True)
    formatted = {"csv": _as_csv, "json": _as_json, "text": _as_text}[form]
    click.echo(formatted(sheet, sheet.lines(by)))


def _instant(text: str, zone: ZoneInfo) -> int:
    try:
        return parse_instant(text, zone)
    except (ValueError, OverflowError):
        raise click.BadParameter(f'"{text}" is not a date or instant; use 2026-11-22', param_hint="'--at'") from None


def _period(text: str, at: int, zone: ZoneInfo) -> Interval:
    """Return the period: whole local days if the text is in days, otherwise a rolling window."""
    try:
        if "/" in text:
            span = parse_interval(text, zone)
        elif (length := parse_duration(text)) % DAY or not length:
            span = rolling(length, at)
        else:
            last = day_of(at, zone)
            span = Interval(midnight(date_of_day_number(day_number(last) - length // DAY), zone), midnight(last, zone))
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{error}; or use 2w or START/END", param_hint="'--period'") from None
    if not 0 < span.length <= _MAX_PERIOD:
        raise click.BadParameter("the period is empty or longer than 400 days; use 2w", param_hint="'--period'")
    return span


@dataclass(frozen=True, slots=True)
class _Line:
    """On-call time of one person, total or per day. `incidents` and `pages` are None if the record cannot be read."""

    person: str
    day: str
    length: int
    rotas: tuple[str, ...]
    incidents: list[Incident] | None
    pages: Summary | None


@dataclass(frozen=True, slots=True)
class _Sheet:
    """On-call time of the period. `incidents` and `pages` are by rota; None if the record cannot be read."""

    span: Interval
    zone: ZoneInfo
    now: int
    shifts: Sequence[Shift]
    incidents: dict[str, list[Incident]] | None
    pages: dict[str, list[Response]] | None
    notes: list[str]

    def lines(self, by: str) -> list[_Line]:
        """Return one line per person, or per person and day."""
        parts = [("", self.span)] if by == "person" else list(self._days())
        lines = [self._line(time, day, part) for day, part in parts for time in on_call_times(self.shifts, part)]
        return sorted(lines, key=lambda line: (line.person, line.day))

    def _days(self) -> Iterator[tuple[str, Interval]]:
        day = day_of(self.span.start, self.zone)
        while (start := max(midnight(day, self.zone), self.span.start)) < self.span.end:
            next_day = date_of_day_number(day_number(day) + 1)
            yield day.isoformat(), Interval(start, max(start, min(midnight(next_day, self.zone), self.span.end)))
            day = next_day

    def _line(self, time: OnCallTime, day: str, part: Interval) -> _Line:
        if self.incidents is None or self.pages is None:
            return _Line(time.person, day, time.length, time.rotas, None, None)
        shifts = [
            (span, shift.rota)
            for shift in self.shifts
            if shift.person == time.person and (span := _intersection(shift.interval, part)) is not None
        ]
        by_id = {
            incident.id: incident
            for span, rota in shifts
            for incident in self.incidents[rota]
            if was_open_during(span, incident, self.now)
        }
        incidents = sorted(by_id.values(), key=lambda incident: incident.opened)
        pages = pages_during(shifts, self.pages, self.now)
        return _Line(time.person, day, time.length, time.rotas, incidents, pages)


def _intersection(one: Interval, other: Interval) -> Interval | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Interval(start, end) if start < end else None


def _sheet(portfolio: Portfolio, span: Interval, now: int) -> _Sheet:
    shifts: list[Shift] = []
    notes: list[str] = []
    for rota in portfolio.standby:
        rota_shifts = list(rota.shifts_in(span, portfolio.time_zone))
        shifts += rota_shifts
        notes += _gap_notes(rota, rota_shifts, span, portfolio)
    incidents = pages = None
    try:
        with reading(portfolio.store) as record:
            incidents = _by_rota(portfolio, record.load_incidents())
            responses = [response for response in record.responses(span) if response.severity is Severity.PAGE]
            pages = _by_rota(portfolio, responses)
    except StoreError as error:
        notes.append(f"incidents unknown: {error}")
    if span.end > now:
        notes.append(f"the period is not over; time after {_local_text(now, portfolio.zone)} is planned")
    return _Sheet(span, portfolio.zone, now, shifts, incidents, pages, notes)


def _by_rota(portfolio: Portfolio, recorded: Sequence[Recorded]) -> dict[str, list[Recorded]]:
    products = [product.id for product in portfolio.products]
    return {
        rota.id: [item for item in recorded if item.product in (rota.products or products)]
        for rota in portfolio.standby
    }


def _gap_notes(rota: Rota, shifts: Sequence[Shift], span: Interval, portfolio: Portfolio) -> Iterator[str]:
    """Yield a note per gap and per overlap of the rota."""
    zone = portfolio.zone
    for gap in gaps(shifts, rota.required_times(span, portfolio.time_zone)):
        yield f"{rota.id}: no one on call {_interval_text(gap, zone)}"
    for overlap in overlaps(shifts, span):
        yield _overlap_note(rota, overlap, zone)


def _overlap_note(rota: Rota, overlap: Overlap, zone: ZoneInfo) -> str:
    return f"{rota.id}: {' and '.join(overlap.people)} both on call {_interval_text(overlap.interval, zone)}"


def _interval_text(span: Interval, zone: ZoneInfo) -> str:
    return f"from {_local_text(span.start, zone)} to {_local_text(span.end, zone)} ({format_duration(span.length)})"


def _local_text(at: int, zone: ZoneInfo) -> str:
    return f"{local(at, zone):%Y-%m-%d %H:%M %Z}"


def _hours(length: int) -> str:
    """Return decimal hours with 4 digits, which is exact to less than a second."""
    return f"{float(round(Fraction(length, HOUR), 4)):.4f}".rstrip("0").rstrip(".")


_HEADINGS = ("person", "day", "period_start", "period_end", "hours", "rotas", "incidents", "incident_ids")


def _as_csv(sheet: _Sheet, lines: Sequence[_Line]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADINGS)
    period = [local(at, sheet.zone).isoformat() for at in (sheet.span.start, sheet.span.end)]
    for line in lines:
        ids = [] if line.incidents is None else [incident.id for incident in line.incidents]
        incidents = ("", "") if line.incidents is None else (len(ids), " ".join(ids))
        writer.writerow((_cell(line.person), line.day, *period, _hours(line.length), " ".join(line.rotas), *incidents))
    return text.getvalue().rstrip("\n")


def _cell(text: str) -> str:
    """Escape text that a spreadsheet would read as a formula: names from calendars are not trusted."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _as_json(sheet: _Sheet, lines: Sequence[_Line]) -> str:
    people: list[dict[str, Any]] = [
        {
            "person": line.person,
            "day": line.day or None,
            "seconds": line.length / SECOND,
            "hours": float(_hours(line.length)),
            "rotas": list(line.rotas),
            "incidents": None if line.incidents is None else [_incident(incident) for incident in line.incidents],
            "pages": as_plain(line.pages),
        }
        for line in lines
    ]
    period = {"start": format_instant(sheet.span.start), "end": format_instant(sheet.span.end)}
    return json.dumps({"period": period, "people": people, "notes": sheet.notes}, ensure_ascii=False)


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "product": incident.product,
        "check": incident.check.partition("/")[2],
        "opened": format_instant(incident.opened),
        "resolved": None if incident.resolved is None else format_instant(incident.resolved),
        "reason": incident.reason,
    }


def _as_text(sheet: _Sheet, lines: Sequence[_Line]) -> str:
    lines_of_text = [f"On call {_interval_text(sheet.span, sheet.zone)}"]
    width = max((len(line.person) for line in lines), default=0)
    for line in lines:
        count = "incidents unknown" if line.incidents is None else plural(len(line.incidents), "incident")
        day = f"{line.day}  " if line.day else ""
        lines_of_text.append(
            f"  {line.person:<{width}}  {day}{_hours(line.length):>8} h  {count}  ({', '.join(line.rotas)})"
        )
        if line.pages is not None and line.pages.count:
            lines_of_text.append(f"  {'':<{width}}    {as_text(line.pages)}")
        lines_of_text += [
            f"  {'':<{width}}    {_incident_text(incident, sheet.zone)}" for incident in line.incidents or ()
        ]
    return "\n".join([*lines_of_text, *(f"note: {note}" for note in sheet.notes)])


def _incident_text(incident: Incident, zone: ZoneInfo) -> str:
    end = "open" if incident.resolved is None else f"to {_local_text(incident.resolved, zone)}"
    return f"{incident.check} from {_local_text(incident.opened, zone)} {end}: {incident.reason} [{incident.id}]"
