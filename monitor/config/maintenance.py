"""Planned maintenance: once, by a recurrence rule, or from a calendar file; always in the local time of a zone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

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
from monitor.config.values import Text, problem_at
from sla.exclusion import Cause, Exclusion
from sla.interval import DAY, Interval
from sla.localtime import EPOCH, first_instant, instant, local

_RULE = re.compile(r"FREQ=(?:DAILY|WEEKLY|MONTHLY|YEARLY)(?:;[A-Z]+=[A-Z0-9,+-]+)*")
_TOO_OFTEN = re.compile(r"BYMINUTE|BYSECOND|INTERVAL=0+(?:;|$)")
_ZULU = re.compile(r"UNTIL=\w+Z")
_SELDOM = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WRITE_RULE = "write a recurrence rule such as FREQ=WEEKLY;BYDAY=SU, daily at the most"
_LARGEST = 1 << 20
_YEARS = range(1970, 2200)


def zone_named(value: str) -> str:
    """Return the name, if a zone has it.

    Raises:
        ValueError: none has.
    """
    if value not in zones.names():
        raise ValueError(f"{quoted(value)} is not a time zone; write one such as America/Vancouver or UTC")
    return value


ZoneName = Annotated[str, AfterValidator(zone_named)]


def _moment(value: Any) -> dt.datetime:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, dt.datetime) or value.year not in _YEARS:
        raise ValueError("not a date and time; write 2026-12-06T02:00")
    return value


_MOMENT_SCHEMA = {"type": "string", "examples": ["2026-12-06T02:00", "2026-12-06T10:00:00Z"]}
Moment = Annotated[dt.datetime, PlainValidator(_moment), WithJsonSchema(_MOMENT_SCHEMA)]


def _rule(value: Any) -> str:
    text = value.strip().removeprefix("RRULE:") if isinstance(value, str) else ""
    if not _RULE.fullmatch(text) or _TOO_OFTEN.search(text):
        raise ValueError(f"not a rule that can be used; {_WRITE_RULE}")
    if zulu := _ZULU.search(text):
        raise ValueError(f"{zulu[0]} is in UTC; write UNTIL as the zone's local time, without Z")
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
        raise ValueError("not a path; write the calendar's file, e.g. maintenance.ics")
    path = resolve(value)
    if isinstance(info.context, Context):
        info.context.reads(path)
    found = Calendar(Path(value).name, _text(path))
    _judge(found)
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"{path} is larger than 1 MiB; keep maintenance in a calendar of its own")
        return path.read_text("utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text; export the calendar as .ics anew") from None


def _judge(calendar: Calendar) -> None:
    """Refuse what is no calendar, what holds no event, and what recurs by the hour or faster."""
    try:
        events = list(_parsed(calendar).walk("VEVENT"))
        rules = [rule for event in events for rule in _listed(event.get("RRULE"))]
        seldom = all(str(often).upper() in _SELDOM for rule in rules for often in rule.get("FREQ", []))
        if seldom:
            next(_occurrences(calendar, "UTC", 2026), None)
    except Exception as error:  # noqa: BLE001 - whatever the parser trips over, it is the file that is at fault
        raise ValueError(f"the calendar cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not events:
        raise ValueError("the calendar holds no event; name an .ics file with a VEVENT in it")
    if not seldom:
        raise ValueError("an event of the calendar recurs hourly or faster; make it daily at the most")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


_BY_NAME = PlainSerializer(lambda calendar: calendar.name, return_type=str, when_used="json")
CalendarFile = Annotated[InstanceOf[Calendar], PlainValidator(_calendar), _BY_NAME, WithJsonSchema({"type": "string"})]


class Maintenance(Model):
    """Planned maintenance: `start` and `end`, with `rrule` if it is recurring, or `ics`."""

    start: Moment | None = None
    """Start, in local time: `2026-12-06T02:00`. Recurring maintenance starts at this time of day."""

    end: Moment | None = None
    """End. Recurring maintenance ends at this local time, also on days when clocks change."""

    rrule: Recurrence | None = None
    """Recurrence (RFC 5545), at most daily: `FREQ=WEEKLY;BYDAY=SU`. `UNTIL` is local time too."""

    ics: CalendarFile | None = None
    """An iCalendar file whose events are maintenance. A relative path is relative to this file."""

    zone: ZoneName | None = None
    """Time zone of the times, and of events without one. Default: the portfolio's `time_zone`."""

    reason: Text | None = None
    """Purpose; required except for `ics`, whose events have their own summaries."""

    @model_validator(mode="after")
    def _one_kind(self) -> Maintenance:
        if self.ics is not None:
            for key in ("start", "end", "rrule"):
                if getattr(self, key) is not None:
                    raise problem_at(key, "the calendar says when; take this or ics out")
            return self
        for key in ("start", "end", "reason"):
            if getattr(self, key) is None:
                raise problem_at(key, "is missing; write start, end and reason, or ics")
        self.judge_times()
        return self

    def judge_times(self) -> None:
        """Raise for a start, an end and a rule, all given, that cannot be meant together."""
        assert self.start is not None, "asked before"  # noqa: S101 - for the type checker
        assert self.end is not None, "asked before"  # noqa: S101 - for the type checker
        local_both = self.start.tzinfo is None and self.end.tzinfo is None
        if (self.start.tzinfo is None) != (self.end.tzinfo is None):
            raise problem_at("end", "has an offset where start has none, or the other way round; write both alike")
        if self.end <= self.start:
            raise problem_at("end", "is not after start; write the later time here")
        if self.rrule is not None:
            if not local_both:
                raise problem_at("rrule", "recurs on a wall clock; write start and end without offset, and the zone")
            try:
                first = next(iter(rrulestr(self.rrule, dtstart=self.start)), None)
            except (ValueError, TypeError) as error:
                raise problem_at("rrule", f"is not a rule: {str(error)[:120]}; {_WRITE_RULE}") from None
            if first is None:
                raise problem_at("rrule", f"never happens; {_WRITE_RULE}")

    def exclusions(self, window: Interval, default: str) -> Iterator[Exclusion]:
        """Yield the maintenance that touches the window, uncut; `default` is the zone where none is named."""
        zone = self.zone or default
        for span, summary in self._spans(window, zone):
            if span.length and span.start < window.end and span.end > window.start:
                yield Exclusion(span, Cause.MAINTENANCE, self.label, reason=self.reason or summary)

    @property
    def label(self) -> str:
        """What the maintenance is known by in an audit: its calendar's name, its rule, or that it is planned."""
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
    """Return the calendar years of the zone in which what touches the window may begin."""
    begin, end = (local(at, zones.zone(zone)).year for at in (window.start - (days + 2) * DAY, window.end + DAY))
    return range(max(begin, _YEARS.start), min(end, _YEARS.stop) + 1)


def _span(start: dt.datetime, end: dt.datetime, zone: str) -> Interval:
    first, last = (_instant(moment, zone) for moment in (start, end))
    return Interval(first, max(first, last))


def _instant(moment: dt.datetime, zone: str) -> int:
    if moment.tzinfo is not None:
        return instant(moment)
    return first_instant(instant(moment.replace(tzinfo=EPOCH.tzinfo)), zones.zone(zone))


# A year at a time and kept: a rule is walked from its first occurrence on, which may be long ago, and pages ask often.
@lru_cache(maxsize=4096)
def _year_of_rule(rule: str, start: dt.datetime, end: dt.datetime, zone: str, year: int) -> tuple[Interval, ...]:
    begin, stop = dt.datetime(year, 1, 1), dt.datetime(year + 1, 1, 1)  # noqa: DTZ001 - a wall clock's
    starts = rrulestr(rule, dtstart=start).between(begin, stop, inc=True)
    return tuple(_span(each, each + (end - start), zone) for each in starts if each < stop)


@lru_cache(maxsize=64)
def _parsed(calendar: Calendar) -> icalendar.Component:
    return icalendar.Calendar.from_ical(calendar.text)


@lru_cache(maxsize=1024)
def _year_of_calendar(calendar: Calendar, zone: str, year: int) -> tuple[tuple[Interval, str], ...]:
    return tuple(_occurrences(calendar, zone, year))


def _occurrences(calendar: Calendar, zone: str, year: int) -> Iterator[tuple[Interval, str]]:
    """Yield the events that touch the year, with their summaries, but for cancelled ones."""
    margin = dt.timedelta(2)  # zones differ from each other by up to a day
    begin, end = dt.datetime(year, 1, 1) - margin, dt.datetime(year + 1, 1, 1) + margin  # noqa: DTZ001
    for event in recurring_ical_events.of(_parsed(calendar)).between(begin, end):
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            first, last = (_at_midnight(event[name].dt) for name in ("DTSTART", "DTEND"))
            summary = "".join(c for c in str(event.get("SUMMARY", "")) if c.isprintable())
            yield _span(first, last, zone), summary[:200]


def forget_occurrences() -> None:
    """Drop the occurrences that are kept: they were computed by the rules of zones that no longer apply."""
    _year_of_rule.cache_clear()
    _parsed.cache_clear()
    _year_of_calendar.cache_clear()


def _at_midnight(moment: dt.date) -> dt.datetime:
    if isinstance(moment, dt.datetime):
        return moment
    return dt.datetime.combine(moment, dt.time())
