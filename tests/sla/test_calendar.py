"""Tests of calendar windows, in time zones with unusual clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from sla.calendar import Period, calendar_window, previous_window
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.localtime import (
    constant_offset_intervals,
    date_of_day_number,
    day_number,
    first_instant,
    instant,
    local,
    midnight,
    offset,
)

VANCOUVER = ZoneInfo("America/Vancouver")  # to 2025: newer databases know of no change back in November 2026


def instant_of(text: str) -> int:
    return instant(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.DAY, "2025-11-20T00:00-08:00", "2025-11-21T00:00-08:00"),
        (Period.WEEK, "2025-11-17T00:00-08:00", "2025-11-24T00:00-08:00"),
        (Period.MONTH, "2025-11-01T00:00-07:00", "2025-12-01T00:00-08:00"),
        (Period.QUARTER, "2025-10-01T00:00-07:00", "2026-01-01T00:00-08:00"),
        (Period.YEAR, "2025-01-01T00:00-08:00", "2026-01-01T00:00-08:00"),
        (Period.FISCAL_YEAR, "2025-04-01T00:00-07:00", "2026-04-01T00:00-07:00"),
    ],
)
def test_windows_around_an_instant(period: Period, start: str, end: str) -> None:
    """Each window begins and ends at midnight in the zone, and is measured up to the instant."""
    now = instant_of("2025-11-20T10:30:00-08:00")
    window = calendar_window(period, now, ZoneInfo("America/Vancouver"))
    assert (window.full.start, window.full.end) == (instant_of(start), instant_of(end))
    assert window.measured == Interval(instant_of(start), now)
    assert window.in_progress
    assert window.name == period.value


@pytest.mark.parametrize(
    ("day", "fiscal"),
    [
        ("2026-03-31", "2025-04-01"),
        ("2026-04-01", "2026-04-01"),
        ("2026-12-31", "2026-04-01"),
        ("2027-01-01", "2026-04-01"),
    ],
)
def test_fiscal_year_begins_on_1_april(day: str, fiscal: str) -> None:
    """January to March belong to the fiscal year that began in the previous year."""
    first, following = Period.FISCAL_YEAR.around(date.fromisoformat(day))
    assert first == date.fromisoformat(fiscal)
    assert following == first.replace(year=first.year + 1)


def test_weeks_begin_on_monday_across_the_year() -> None:
    """ISO 8601: 1 January 2027, a Friday, is in the week that began on 28 December 2026."""
    assert Period.WEEK.around(date(2027, 1, 1)) == (date(2026, 12, 28), date(2027, 1, 4))


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("America/Vancouver", "2025-03-09", 23 * HOUR),
        ("America/Vancouver", "2025-11-02", 25 * HOUR),
        ("America/Vancouver", "2024-02-29", DAY),
        ("Australia/Lord_Howe", "2026-10-04", 23 * HOUR + 30 * MINUTE),
        ("Australia/Lord_Howe", "2026-04-05", 24 * HOUR + 30 * MINUTE),
        ("America/Sao_Paulo", "2018-11-04", 23 * HOUR),  # skips 00:00
        ("America/Sao_Paulo", "2018-02-17", 25 * HOUR),  # its last hour comes twice
        ("America/Havana", "2025-03-09", 23 * HOUR),  # skips 00:00
        ("America/Havana", "2025-11-02", 25 * HOUR),  # 00:00 comes twice
        ("Africa/Cairo", "2026-04-24", 23 * HOUR),  # skips 00:00
        ("America/St_Johns", "2010-11-07", 25 * HOUR),  # set back at 00:01, across midnight
        ("Pacific/Apia", "2011-12-30", 0),  # there was none
        ("UTC", "2026-06-01", DAY),
    ],
)
def test_days_have_the_correct_length(zone: str, day: str, length: int) -> None:
    """Days of 23 h and 25 h, with a change of half an hour, without midnight, with two midnights, and a skipped day."""
    name = ZoneInfo(zone)
    today = date.fromisoformat(day)
    assert midnight(date_of_day_number(day_number(today) + 1), name) - midnight(today, name) == length


def test_day_with_a_skipped_midnight_begins_at_the_clock_change() -> None:
    """The day begins at 01:00, the instant at which clocks went forward."""
    start = midnight(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))
    assert local(start, ZoneInfo("America/Sao_Paulo")).strftime("%F %R") == "2018-11-04 01:00"


def test_repeated_hour_before_midnight_belongs_to_the_new_day() -> None:
    """St. John's, 2010: 00:01 on 7 November was set back to 23:01 on the 6th; the days have no gap and no overlap."""
    zone = ZoneInfo("America/St_Johns")
    second = instant_of("2010-11-07T03:00:00+00:00")  # 23:30 on the 6th, for the second time
    assert local(second, zone).date() == date(2010, 11, 6)
    window = calendar_window(Period.DAY, second, zone)
    assert local(window.full.start, zone).strftime("%F %R") == "2010-11-07 00:00"
    assert window.full.start <= second < window.full.end
    assert previous_window(Period.DAY, second, zone).full.end == window.full.start


def test_previous_window_is_complete() -> None:
    """This does not depend on the instant. The month before January is December."""
    now = instant_of("2026-01-01T00:00:00-08:00")
    window = previous_window(Period.MONTH, now, VANCOUVER)
    assert window.full == window.measured == Interval(instant_of("2025-12-01T00:00-08:00"), now)
    assert not window.in_progress
    assert window.name == "month"


def test_measured_part_is_empty_at_the_first_instant_of_a_window() -> None:
    """Windows are half open."""
    now = instant_of("2025-11-01T00:00:00-07:00")
    assert calendar_window(Period.MONTH, now, VANCOUVER).measured.length == 0


def test_constant_offset_intervals() -> None:
    """They are divided at the instant of the change. An empty window has no intervals."""
    change = instant_of("2025-11-02T09:00:00+00:00")
    window = Interval(change - 1, change + 1)
    assert list(constant_offset_intervals(window, VANCOUVER)) == [
        (Interval(change - 1, change), -7 * HOUR),
        (Interval(change, change + 1), -8 * HOUR),
    ]
    assert list(constant_offset_intervals(Interval(change - DAY, change), VANCOUVER)) == [
        (Interval(change - DAY, change), -7 * HOUR)
    ]
    assert list(constant_offset_intervals(Interval(5, 5), UTC)) == []
    assert offset(change, UTC) == 0


def test_repeated_local_time_is_its_first_occurrence() -> None:
    """01:30 on 2 November 2025 is in PDT. The skipped 02:30 on 9 March is the instant of the change."""
    twice = day_number(date(2025, 11, 2)) * DAY + HOUR + 30 * MINUTE
    assert first_instant(twice, VANCOUVER) == instant_of("2025-11-02T01:30:00-07:00")
    never = day_number(date(2025, 3, 9)) * DAY + 2 * HOUR + 30 * MINUTE
    assert first_instant(never, VANCOUVER) == instant_of("2025-03-09T03:00:00-07:00")
