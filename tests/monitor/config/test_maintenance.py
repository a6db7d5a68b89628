"""Maintenance: once, recurring, from a calendar; always in the local time of its zone, also when clocks change."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from monitor.config.maintenance import Maintenance
from sla.exclusion import Cause
from sla.interval import DAY, HOUR, Interval
from sla.window import format_instant, parse_interval
from tests.monitor.config.kinds import SMALLEST, complaints, examined, loaded

if TYPE_CHECKING:
    from pathlib import Path


def spans(block: Maintenance, window: str, zone: str = "America/Vancouver") -> list[tuple[str, str]]:
    """Return when maintenance is within a window, in UTC, without the years and the zeros."""
    found = sorted(each.interval for each in block.exclusions(parse_interval(window), zone))
    return [(format_instant(span.start)[5:16], format_instant(span.end)[5:16]) for span in found]


def block(**keys: str) -> Maintenance:
    return Maintenance.model_validate({"reason": "patches", **keys})


SPRING = "2025-03-01T00:00:00Z/2025-03-20T00:00:00Z"
AUTUMN = "2025-10-25T00:00:00Z/2025-11-12T00:00:00Z"


def test_once_is_local_time_of_the_zone() -> None:
    """The portfolio's where none is named; an offset needs none."""
    once = {"start": "2025-12-07T02:00", "end": "2025-12-07T04:00"}
    window = "2025-12-01T00:00:00Z/2026-01-01T00:00:00Z"
    assert spans(block(**once), window) == [("12-07T10:00", "12-07T12:00")]
    assert spans(block(**once, zone="America/Toronto"), window) == [("12-07T07:00", "12-07T09:00")]
    assert spans(block(start="2025-12-07T02:00Z", end="2025-12-07T04:00Z"), window) == [("12-07T02:00", "12-07T04:00")]
    assert spans(block(**once), SPRING) == []


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (SPRING, [("03-02T10:00", "03-02T12:00"), ("03-09T10:00", "03-09T11:00"), ("03-16T09:00", "03-16T11:00")]),
        (AUTUMN, [("10-26T09:00", "10-26T11:00"), ("11-02T10:00", "11-02T12:00"), ("11-09T10:00", "11-09T12:00")]),
    ],
)
def test_sundays_from_two_to_four_stay_so_when_clocks_change(window: str, found: list[tuple[str, str]]) -> None:
    """In UTC it moves by an hour; on the Sunday that skips 02:00 it lasts an hour."""
    weekly = block(start="2024-01-07T02:00", end="2024-01-07T04:00", rrule="FREQ=WEEKLY;BYDAY=SU")
    assert spans(weekly, window) == found


def test_an_hour_that_comes_twice_is_maintenance_both_times() -> None:
    """From the first 01:00 to 02:00 on 2 November 2025: two hours. One that is skipped does not take place."""
    nightly = block(start="2025-10-31T01:00", end="2025-10-31T02:00", rrule="RRULE:FREQ=DAILY;COUNT=3")
    assert spans(nightly, AUTUMN)[-1] == ("11-02T08:00", "11-02T10:00")
    skipped = block(start="2025-03-08T02:00", end="2025-03-08T03:00", rrule="FREQ=DAILY;COUNT=3")
    assert spans(skipped, SPRING) == [("03-08T10:00", "03-08T11:00"), ("03-10T09:00", "03-10T10:00")]


def test_what_begins_in_the_year_before_reaches_into_this_one() -> None:
    """Over midnight of 31 December in the zone; and the window holds what only touches it, uncut."""
    yearly = block(start="2020-12-31T22:00", end="2021-01-01T06:00", rrule="FREQ=YEARLY")
    found = list(yearly.exclusions(parse_interval("2026-01-01T13:00:00Z/2026-01-02T00:00:00Z"), "America/Vancouver"))
    assert [each.interval.length for each in found] == [8 * HOUR]
    assert (found[0].cause, found[0].label, found[0].reason) == (Cause.MAINTENANCE, "FREQ=YEARLY", "patches")


def test_a_rule_that_ends_has_an_end() -> None:
    """UNTIL is local time; an interval of two weeks skips one."""
    rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;UNTIL=20250316T020000"
    fortnightly = block(start="2025-03-02T02:00", end="2025-03-02T03:00", rrule=rule)
    assert [day for day, _ in spans(fortnightly, "2025-01-01T00:00:00Z/2026-01-01T00:00:00Z")] == [
        "03-02T10:00",
        "03-16T09:00",
    ]


CALENDAR = """\
    BEGIN:VCALENDAR
    VERSION:2.0
    PRODID:-//platform//maintenance//EN
    BEGIN:VEVENT
    UID:1
    SUMMARY:Sunday patches
    DTSTART;TZID=America/Vancouver:20250302T020000
    DTEND;TZID=America/Vancouver:20250302T040000
    RRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=4
    EXDATE;TZID=America/Vancouver:20250323T020000
    END:VEVENT
    BEGIN:VEVENT
    UID:1
    SUMMARY:Sunday patches\\, moved to Monday
    RECURRENCE-ID;TZID=America/Vancouver:20250316T020000
    DTSTART;TZID=America/Vancouver:20250317T020000
    DTEND;TZID=America/Vancouver:20250317T040000
    END:VEVENT
    BEGIN:VEVENT
    UID:2
    SUMMARY:Given up
    STATUS:CANCELLED
    DTSTART:20250305T000000Z
    DURATION:PT2H
    END:VEVENT
    BEGIN:VEVENT
    UID:3
    SUMMARY:Floating
    DTSTART:20250311T080000
    DURATION:PT30M
    END:VEVENT
    BEGIN:VEVENT
    UID:4
    SUMMARY:All day
    DTSTART;VALUE=DATE:20250313
    END:VEVENT
    END:VCALENDAR
    """


def from_calendar(folder: Path, text: str, **keys: str) -> Maintenance:
    path = folder / "platform.ics"
    path.write_text(textwrap.dedent(text).replace("\n", "\r\n"))
    return Maintenance.model_validate({"ics": str(path), **keys})


def test_a_calendar_tells_exceptions_moved_cancelled_floating_and_whole_days(tmp_path: Path) -> None:
    """Each with its summary as the reason; local where the event names no zone."""
    found = from_calendar(tmp_path, CALENDAR)
    assert spans(found, "2025-03-01T00:00:00Z/2025-04-01T00:00:00Z") == [
        ("03-02T10:00", "03-02T12:00"),
        ("03-09T10:00", "03-09T11:00"),
        ("03-11T15:00", "03-11T15:30"),
        ("03-13T07:00", "03-14T07:00"),
        ("03-17T09:00", "03-17T11:00"),
    ]
    week = parse_interval("2025-03-16T12:00:00Z/2025-03-20T00:00:00Z")
    (moved,) = found.exclusions(week, "UTC")
    assert (moved.label, moved.reason) == ("platform.ics", "Sunday patches, moved to Monday")
    (named,) = from_calendar(tmp_path, CALENDAR, reason="platform").exclusions(week, "UTC")
    assert named.reason == "platform"


@pytest.mark.parametrize(
    ("keys", "where", "says"),
    [
        (
            "{TIMES}",
            "reason",
            "is missing; write start, end and reason, or ics",
        ),
        ("{start: 2026-12-06T02:00, reason: x}", "end", "is missing"),
        ("{start: 2026-12-06T02:00, end: 2026-12-06T02:00, reason: x}", "end", "is not after start"),
        ("{start: 2026-12-06T02:00, end: 2026-12-06T04:00:00Z, reason: x}", "end", "must both have a UTC offset"),
        (
            "{start: 2026-12-06, end: 2026-12-07T00:00, reason: x}",
            "start",
            "not a date and time; write 2026-12-06T02:00",
        ),
        ("{start: soon, end: 2026-12-07T00:00, reason: x}", "start", "not a date and time"),
        ("{TIMES, reason: x, zone: PST8}", "zone", "is not a time zone"),
        ("{ZULU, rrule: FREQ=DAILY, reason: x}", "rrule", "requires local times"),
        ("{TIMES, rrule: weekly, reason: x}", "rrule", "FREQ=WEEKLY;BYDAY=SU"),
        ("{TIMES, rrule: FREQ=HOURLY, reason: x}", "rrule", "at most daily"),
        ("{TIMES, rrule: FREQ=DAILY;INTERVAL=0, reason: x}", "rrule", "daily"),
        ("{TIMES, rrule: FREQ=DAILY;BYMINUTE=1, reason: x}", "rrule", "daily"),
        ("{TIMES, rrule: FREQ=DAILY;BYDAY=XX, reason: x}", "rrule", "not a recurrence rule"),
        ("{TIMES, rrule: FREQ=DAILY;UNTIL=20270101T000000Z, reason: x}", "rrule", "local time, without Z"),
        ("{TIMES, rrule: FREQ=WEEKLY;UNTIL=20261229T100000Z;BYDAY=SU, reason: x}", "rrule", "local time, without Z"),
        ("{TIMES, rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30, reason: x}", "rrule", "has no occurrence"),
        ("{ics: nowhere.ics}", "ics", "cannot read"),
        ("{ics: 5}", "ics", "not a path"),
        ("{ics: empty.ics}", "ics", "has no event"),
        ("{ics: wrong.ics}", "ics", "cannot be read"),
        ("{ics: hourly.ics}", "ics", "more often than daily"),
        ("{ics: latin.ics}", "ics", "not UTF-8"),
        ("{ics: large.ics}", "ics", "larger than 1 MiB"),
        ("{ics: good.ics, start: 2026-12-06T02:00}", "start", "is not allowed with ics"),
    ],
)
def test_a_mistake_is_told_at_its_key(tmp_path: Path, keys: str, where: str, says: str) -> None:
    """With what to write."""
    good = textwrap.dedent(CALENDAR)
    (tmp_path / "good.ics").write_text(good)
    (tmp_path / "empty.ics").write_text("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n")
    (tmp_path / "wrong.ics").write_text("<html>log in first</html>")
    (tmp_path / "hourly.ics").write_text(good.replace("FREQ=WEEKLY;BYDAY=SU", "FREQ=HOURLY"))
    (tmp_path / "latin.ics").write_bytes(good.encode().replace(b"Floating", b"\xe9t\xe9"))
    (tmp_path / "large.ics").write_text(good + " " * (1 << 20))
    written = keys.replace("TIMES", "start: 2026-12-06T02:00, end: 2026-12-06T04:00")
    written = written.replace("ZULU", "start: 2026-12-06T02:00:00Z, end: 2026-12-06T04:00:00Z")
    (complaint,) = complaints(tmp_path, SMALLEST + f"maintenance:\n  - {written}\n")
    assert f" maintenance[0].{where}: " in complaint
    assert says in complaint


def test_a_calendar_file_is_watched_and_named_from_the_file_that_names_it(tmp_path: Path) -> None:
    """So that a new export is taken over without a restart."""
    (tmp_path / "m.ics").write_text(textwrap.dedent(CALENDAR))
    found = examined(tmp_path, SMALLEST + "maintenance: [{ics: m.ics}]\n")
    assert tmp_path / "m.ics" in found.files
    assert found.portfolio is not None
    (block,) = found.portfolio.maintenance
    assert len(list(block.exclusions(Interval(0, 60 * 365 * DAY), "UTC"))) == 5


def test_yaml_times_with_and_without_seconds_are_one(tmp_path: Path) -> None:
    """YAML reads one as a date and the other as text."""
    keys = "reason: x, start: 2026-12-06T02:00:00, end: 2026-12-06T04:00"
    (block,) = loaded(tmp_path, SMALLEST + f"maintenance: [{{{keys}}}]\n").maintenance
    assert spans(block, "2026-12-01T00:00:00Z/2027-01-01T00:00:00Z", "UTC") == [("12-06T02:00", "12-06T04:00")]
