"""Planned maintenance in the local time of a zone: single, by recurrence rule, or from a calendar file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr
from pydantic import (
    AfterValidator,
    InstanceOf,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from monitor import zones
from monitor.config.base import Model
from monitor.config.errors import quoted
from monitor.config.validation_context import Context, resolve
from monitor.config.values import Flag, Text, problem_at
from sla.exclusion import Cause, Exclusion
from sla.interval import DAY, Interval
from sla.localtime import EPOCH, first_instant, instant, local

_RULE = re.compile(r"FREQ=(?:DAILY|WEEKLY|MONTHLY|YEARLY)(?:;[A-Z]+=[A-Z0-9,+-]+)*")
_UNUSABLE_PART = re.compile(r"BYMINUTE|BYSECOND|INTERVAL=0+(?:;|$)")
_UNTIL_IN_UTC = re.compile(r"UNTIL=\w+Z")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_ALLOWED_RULE = "use a recurrence rule such as FREQ=WEEKLY;BYDAY=SU, at most daily"
_MAX_BYTES = 1 << 20
_YEARS = range(1970, 2200)


def valid_zone_name(value: str) -> str:
    """Return the name of a time zone.

    Raises:
        ValueError: no time zone has this name.
    """
    if value not in zones.names():
        raise ValueError(f"{quoted(value)} is not a time zone; use one such as America/Vancouver or UTC")
    return value


ZoneName = Annotated[str, AfterValidator(valid_zone_name)]


def _moment(value: Any) -> dt.datetime:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, dt.datetime) or value.year not in _YEARS:
        raise ValueError("not a date and time; use 2026-12-06T02:00")
    return value


_MOMENT_SCHEMA = {"type": "string", "examples": ["2026-12-06T02:00", "2026-12-06T10:00:00Z"]}
Moment = Annotated[dt.datetime, PlainValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]


def _rule(value: Any) -> str:
    text = value.strip().removeprefix("RRULE:") if isinstance(value, str) else ""
    if not _RULE.fullmatch(text) or _UNUSABLE_PART.search(text):
        raise ValueError(f"not a supported recurrence rule; {_ALLOWED_RULE}")
    if until := _UNTIL_IN_UTC.search(text):
        raise ValueError(f"{until[0]} is in UTC; use UNTIL in the zone's local time, without Z")
    return text


Recurrence = Annotated[
    str, PlainValidator(_rule), WithJsonSchema({"type": "string", "examples": ["FREQ=WEEKLY;BYDAY=SU"]})
]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The text of an iCalendar file, and the file's name."""

    name: str
    text: str


def _calendar(value: Any, info: ValidationInfo) -> Calendar:
    if not isinstance(value, str) or not value:
        raise ValueError("not a path; specify the calendar's file, e.g. maintenance.ics")
    path = resolve(value)
    if isinstance(info.context, Context):
        info.context.reads(path)
    calendar = Calendar(Path(value).name, _text(path))
    _validate(calendar)
    return calendar


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{path} is larger than 1 MiB; use a separate calendar for maintenance")
        return path.read_text("utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; export the calendar as .ics again") from None


def _validate(calendar: Calendar) -> None:
    """Reject calendars that are invalid or have no events, and events that recur more often than daily."""
    try:
        events = list(_parse_calendar(calendar).walk("VEVENT"))
        rules = [rule for event in events for rule in _as_list(event.get("RRULE"))]
        frequencies = [str(frequency).upper() for rule in rules for frequency in rule.get("FREQ", [])]
        at_most_daily = all(frequency in _FREQUENCIES for frequency in frequencies)
        if at_most_daily:
            next(_occurrences(calendar, "UTC", 2026), None)
    except Exception as error:  # noqa: BLE001 - any error of the parser is caused by the file
        raise ValueError(f"the calendar cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not events:
        raise ValueError("the calendar has no event; use an .ics file with a VEVENT")
    if not at_most_daily:
        raise ValueError("an event of the calendar recurs more often than daily; change it to daily")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


_BY_NAME = PlainSerializer(lambda calendar: calendar.name, return_type=str, when_used="json")
CalendarFile = Annotated[InstanceOf[Calendar], PlainValidator(_calendar), _BY_NAME, WithJsonSchema({"type": "string"})]


class Maintenance(Model):
    """Planned maintenance: `start` and `end`, with `rrule` if recurring, or `ics`."""

    start: Moment | None = None
    """Start, in local time: `2026-12-06T02:00`. Recurring maintenance starts at this time of day."""

    end: Moment | None = None
    """End. Recurring maintenance ends at this local time, also on days when clocks change."""

    rrule: Recurrence | None = None
    """Recurrence rule (RFC 5545), at most daily: `FREQ=WEEKLY;BYDAY=SU`. `UNTIL` is in local time too."""

    ics: CalendarFile | None = None
    """An iCalendar file whose events are maintenance. A relative path is relative to the configuration file that
    contains the key.
    """

    zone: ZoneName | None = None
    """Time zone of the times, and of events without a zone. Default: the portfolio's `time_zone`."""

    drill: Literal["failover", "failback", "restore", "deploy"] | None = None
    """A drill of this kind takes place, from the start to the end: `failover` if a failover is expected."""

    dr_expected: Flag = False
    """`true`: a failover is expected. A change of the active site during the maintenance starts a drill, which lasts
    from the first downtime to the end of the failover."""

    reason: Text | None = None
    """Purpose. Required except with `ics`, where the default is the summary of each event."""

    @model_validator(mode="after")
    def _one_kind(self) -> Maintenance:
        if self.dr_expected and self.drill is not None:
            raise problem_at("dr_expected", "and drill exclude each other: drill starts one at the start; remove one")
        if self.ics is not None:
            for key in ("start", "end", "rrule"):
                if getattr(self, key) is not None:
                    raise problem_at(key, "is not allowed with ics; remove one of the two")
            return self
        for key in ("start", "end", "reason"):
            if getattr(self, key) is None:
                raise problem_at(key, "is missing; specify start, end and reason, or ics")
        self.check_times()
        return self

    def check_times(self) -> None:
        """Raise an error if start, end and rule contradict each other. Start and end must be set."""
        assert self.start is not None, "checked before"  # noqa: S101 - for the type checker
        assert self.end is not None, "checked before"  # noqa: S101 - for the type checker
        both_local = self.start.tzinfo is None and self.end.tzinfo is None
        if (self.start.tzinfo is None) != (self.end.tzinfo is None):
            raise problem_at("end", "and start must both have a UTC offset, or both have none; add or remove one")
        if self.end <= self.start:
            raise problem_at("end", "is not after start; use a later time")
        if self.rrule is not None:
            if not both_local:
                raise problem_at("rrule", "requires local times; use start and end without UTC offset, and the zone")
            try:
                first = next(iter(rrulestr(self.rrule, dtstart=self.start)), None)
            except (ValueError, TypeError) as error:
                raise problem_at("rrule", f"is not a recurrence rule: {str(error)[:120]}; {_ALLOWED_RULE}") from None
            if first is None:
                raise problem_at("rrule", f"has no occurrence; {_ALLOWED_RULE}")

    def exclusions(self, window: Interval, default: str) -> Iterator[Exclusion]:
        """Yield the maintenance that overlaps the window, in full length. `default` is the zone if none is set."""
        zone = self.zone or default
        for span, summary in self._spans(window, zone):
            if span.length and span.start < window.end and span.end > window.start:
                yield Exclusion(span, Cause.MAINTENANCE, self.label, reason=self.reason or summary)

    @property
    def label(self) -> str:
        """The source of the maintenance in an audit: the calendar's name, the recurrence rule, or `planned`."""
        return self.ics.name if self.ics else self.rrule or "planned"

    def _spans(self, window: Interval, zone: str) -> Iterator[tuple[Interval, str]]:
        if self.ics is not None:
            for year in _years(window, zone, 0):
                yield from _year_of_calendar(self.ics, zone, year)
            return
        assert self.start is not None, "validated"  # noqa: S101 - for the type checker
        assert self.end is not None, "validated"  # noqa: S101 - for the type checker
        if self.rrule is None:
            yield _span(self.start, self.end, zone), ""
            return
        for year in _years(window, zone, (self.end - self.start).days):
            yield from ((span, "") for span in _year_of_rule(self.rrule, self.start, self.end, zone, year))


def _years(window: Interval, zone: str, days: int) -> range:
    """Return the calendar years (of the zone) in which maintenance that overlaps the window may start."""
    begin, end = (
        local(instant_, zones.zone(zone)).year for instant_ in (window.start - (days + 2) * DAY, window.end + DAY)
    )
    return range(max(begin, _YEARS.start), min(end, _YEARS.stop) + 1)


def _span(start: dt.datetime, end: dt.datetime, zone: str) -> Interval:
    first, last = (_instant(moment, zone) for moment in (start, end))
    return Interval(first, max(first, last))


def _instant(moment: dt.datetime, zone: str) -> int:
    if moment.tzinfo is not None:
        return instant(moment)
    return first_instant(instant(moment.replace(tzinfo=EPOCH.tzinfo)), zones.zone(zone))


# Cached by year: the library iterates from the first occurrence, which may be long ago, and pages call this often.
@lru_cache(maxsize=4096)
def _year_of_rule(rule: str, start: dt.datetime, end: dt.datetime, zone: str, year: int) -> tuple[Interval, ...]:
    begin, stop = dt.datetime(year, 1, 1), dt.datetime(year + 1, 1, 1)  # noqa: DTZ001 - local times
    starts = rrulestr(rule, dtstart=start).between(begin, stop, inc=True)
    return tuple(_span(occurrence, occurrence + (end - start), zone) for occurrence in starts if occurrence < stop)


@lru_cache(maxsize=64)
def _parse_calendar(calendar: Calendar) -> icalendar.Component:
    return icalendar.Calendar.from_ical(calendar.text)


@lru_cache(maxsize=1024)
def _year_of_calendar(calendar: Calendar, zone: str, year: int) -> tuple[tuple[Interval, str], ...]:
    return tuple(_occurrences(calendar, zone, year))


def _occurrences(calendar: Calendar, zone: str, year: int) -> Iterator[tuple[Interval, str]]:
    """Yield the events that overlap the year, with their summaries. Cancelled events are omitted."""
    margin = dt.timedelta(2)  # UTC offsets of two zones differ by up to a day
    begin, end = dt.datetime(year, 1, 1) - margin, dt.datetime(year + 1, 1, 1) + margin  # noqa: DTZ001
    for event in recurring_ical_events.of(_parse_calendar(calendar)).between(begin, end):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            first, last = (_at_midnight(event[name].dt) for name in ("DTSTART", "DTEND"))
            summary = "".join(c for c in str(event.get("SUMMARY", "")) if c.isprintable())
            yield _span(first, last, zone), summary[:200]


def clear_occurrence_cache() -> None:
    """Clear the cached occurrences after the time zone rules changed."""
    _year_of_rule.cache_clear()
    _parse_calendar.cache_clear()
    _year_of_calendar.cache_clear()


def _at_midnight(moment: dt.date) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return moment
    return dt.datetime.combine(moment, dt.time())
