"""Planned maintenance: once, recurring, or from a calendar, in the local time of its zone, also when the clocks
change.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from monitor.config.maintenance import Maintenance
from sla.exclusion import Cause
from sla.interval import DAY, HOUR, Interval
from sla.window import format_instant, parse_interval
from tests.monitor.config.kinds import MINIMAL, examine_text, load_text, problems_of

if TYPE_CHECKING:
    from pathlib import Path


def maintenance_times(block: Maintenance, window: str, zone: str = "America/Vancouver") -> list[tuple[str, str]]:
    """Return the maintenance in a window, in UTC, as month, day, hour and minute."""
    intervals = sorted(exclusion.interval for exclusion in block.exclusions(parse_interval(window), zone))
    return [(format_instant(span.start)[5:16], format_instant(span.end)[5:16]) for span in intervals]


def maintenance(**keys: str) -> Maintenance:
    return Maintenance.model_validate({"reason": "patches", **keys})


SPRING = "2025-03-01T00:00:00Z/2025-03-20T00:00:00Z"
AUTUMN = "2025-10-25T00:00:00Z/2025-11-12T00:00:00Z"


def test_single_maintenance_is_in_local_time() -> None:
    """The default is the portfolio's zone. A time with an offset needs no zone."""
    once = {"start": "2025-12-07T02:00", "end": "2025-12-07T04:00"}
    window = "2025-12-01T00:00:00Z/2026-01-01T00:00:00Z"
    assert maintenance_times(maintenance(**once), window) == [("12-07T10:00", "12-07T12:00")]
    assert maintenance_times(maintenance(**once, zone="America/Toronto"), window) == [("12-07T07:00", "12-07T09:00")]
    assert maintenance_times(maintenance(start="2025-12-07T02:00Z", end="2025-12-07T04:00Z"), window) == [
        ("12-07T02:00", "12-07T04:00")
    ]
    assert maintenance_times(maintenance(**once), SPRING) == []


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (SPRING, [("03-02T10:00", "03-02T12:00"), ("03-09T10:00", "03-09T11:00"), ("03-16T09:00", "03-16T11:00")]),
        (AUTUMN, [("10-26T09:00", "10-26T11:00"), ("11-02T10:00", "11-02T12:00"), ("11-09T10:00", "11-09T12:00")]),
    ],
)
def test_weekly_maintenance_keeps_its_local_time_when_the_clocks_change(
    window: str, expected: list[tuple[str, str]]
) -> None:
    """In UTC, it moves by an hour. On the Sunday without 02:00 it lasts one hour."""
    weekly = maintenance(start="2024-01-07T02:00", end="2024-01-07T04:00", rrule="FREQ=WEEKLY;BYDAY=SU")
    assert maintenance_times(weekly, window) == expected


def test_repeated_hour_is_maintenance_twice_and_skipped_hour_never() -> None:
    """From the first 01:00 to 02:00 on 2 November 2025 are two hours. A skipped hour has no maintenance."""
    nightly = maintenance(start="2025-10-31T01:00", end="2025-10-31T02:00", rrule="RRULE:FREQ=DAILY;COUNT=3")
    assert maintenance_times(nightly, AUTUMN)[-1] == ("11-02T08:00", "11-02T10:00")
    skipped = maintenance(start="2025-03-08T02:00", end="2025-03-08T03:00", rrule="FREQ=DAILY;COUNT=3")
    assert maintenance_times(skipped, SPRING) == [("03-08T10:00", "03-08T11:00"), ("03-10T09:00", "03-10T10:00")]


def test_maintenance_from_the_previous_year_is_included() -> None:
    """The maintenance crosses midnight of 31 December.

    It overlaps the window partly, and is returned in full length.
    """
    yearly = maintenance(start="2020-12-31T22:00", end="2021-01-01T06:00", rrule="FREQ=YEARLY")
    exclusions = list(
        yearly.exclusions(parse_interval("2026-01-01T13:00:00Z/2026-01-02T00:00:00Z"), "America/Vancouver")
    )
    assert [exclusion.interval.length for exclusion in exclusions] == [8 * HOUR]
    assert (exclusions[0].cause, exclusions[0].label, exclusions[0].reason) == (
        Cause.MAINTENANCE,
        "FREQ=YEARLY",
        "patches",
    )


def test_recurrence_ends_at_until() -> None:
    """UNTIL is local time; an interval of two weeks skips every other week."""
    rule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;UNTIL=20250316T020000"
    fortnightly = maintenance(start="2025-03-02T02:00", end="2025-03-02T03:00", rrule=rule)
    assert [day for day, _ in maintenance_times(fortnightly, "2025-01-01T00:00:00Z/2026-01-01T00:00:00Z")] == [
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


def test_calendar_with_exceptions_moved_cancelled_floating_and_all_day_events(tmp_path: Path) -> None:
    """The event's summary is the reason. An event without a zone is in local time."""
    calendar_maintenance = from_calendar(tmp_path, CALENDAR)
    assert maintenance_times(calendar_maintenance, "2025-03-01T00:00:00Z/2025-04-01T00:00:00Z") == [
        ("03-02T10:00", "03-02T12:00"),
        ("03-09T10:00", "03-09T11:00"),
        ("03-11T15:00", "03-11T15:30"),
        ("03-13T07:00", "03-14T07:00"),
        ("03-17T09:00", "03-17T11:00"),
    ]
    week = parse_interval("2025-03-16T12:00:00Z/2025-03-20T00:00:00Z")
    (moved,) = calendar_maintenance.exclusions(week, "UTC")
    assert (moved.label, moved.reason) == ("platform.ics", "Sunday patches, moved to Monday")
    (with_reason,) = from_calendar(tmp_path, CALENDAR, reason="platform").exclusions(week, "UTC")
    assert with_reason.reason == "platform"


@pytest.mark.parametrize(
    ("keys", "key", "expected_text"),
    [
        (
            "{TIMES}",
            "reason",
            "is missing; specify start, end and reason, or ics",
        ),
        ("{start: 2026-12-06T02:00, reason: x}", "end", "is missing"),
        ("{start: 2026-12-06T02:00, end: 2026-12-06T02:00, reason: x}", "end", "is not after start"),
        ("{start: 2026-12-06T02:00, end: 2026-12-06T04:00:00Z, reason: x}", "end", "must both have a UTC offset"),
        (
            "{start: 2026-12-06, end: 2026-12-07T00:00, reason: x}",
            "start",
            "not a date and time; use 2026-12-06T02:00",
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
def test_mistake_is_reported_at_its_key_with_a_remedy(tmp_path: Path, keys: str, key: str, expected_text: str) -> None:
    calendar_text = textwrap.dedent(CALENDAR)
    (tmp_path / "good.ics").write_text(calendar_text)
    (tmp_path / "empty.ics").write_text("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n")
    (tmp_path / "wrong.ics").write_text("<html>log in first</html>")
    (tmp_path / "hourly.ics").write_text(calendar_text.replace("FREQ=WEEKLY;BYDAY=SU", "FREQ=HOURLY"))
    (tmp_path / "latin.ics").write_bytes(calendar_text.encode().replace(b"Floating", b"\xe9t\xe9"))
    (tmp_path / "large.ics").write_text(calendar_text + " " * (1 << 20))
    maintenance_yaml = keys.replace("TIMES", "start: 2026-12-06T02:00, end: 2026-12-06T04:00")
    maintenance_yaml = maintenance_yaml.replace("ZULU", "start: 2026-12-06T02:00:00Z, end: 2026-12-06T04:00:00Z")
    (problem,) = problems_of(tmp_path, MINIMAL + f"maintenance:\n  - {maintenance_yaml}\n")
    assert f" maintenance[0].{key}: " in problem
    assert expected_text in problem


def test_calendar_file_is_watched_and_relative_to_the_config_file(tmp_path: Path) -> None:
    """A new export of the calendar is loaded without a restart."""
    (tmp_path / "m.ics").write_text(textwrap.dedent(CALENDAR))
    result = examine_text(tmp_path, MINIMAL + "maintenance: [{ics: m.ics}]\n")
    assert tmp_path / "m.ics" in result.files
    assert result.portfolio is not None
    (block,) = result.portfolio.maintenance
    assert len(list(block.exclusions(Interval(0, 60 * 365 * DAY), "UTC"))) == 5


def test_times_with_and_without_seconds_are_read_equally(tmp_path: Path) -> None:
    """YAML reads the first form as a date and the second as text."""
    keys = "reason: x, start: 2026-12-06T02:00:00, end: 2026-12-06T04:00"
    (block,) = load_text(tmp_path, MINIMAL + f"maintenance: [{{{keys}}}]\n").maintenance
    assert maintenance_times(block, "2026-12-01T00:00:00Z/2027-01-01T00:00:00Z", "UTC") == [
        ("12-06T02:00", "12-06T04:00")
    ]
