"""Tests of service hours: parsing, holidays and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from sla.interval import DAY, HOUR, MINUTE, Interval, total
from sla.localtime import instant
from sla.service_hours import ALWAYS, ServiceHours

VANCOUVER = ZoneInfo("America/Vancouver")


def span(start: str, end: str) -> Interval:
    return Interval(instant(datetime.fromisoformat(start)), instant(datetime.fromisoformat(end)))


def hours(*spans: tuple[float, float]) -> tuple[Interval, ...]:
    return tuple(Interval(int(a * HOUR), int(b * HOUR)) for a, b in spans)


OFF: tuple[Interval, ...] = ()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon-Fri 07:00-18:00", [hours((7, 18))] * 5 + [OFF] * 2),
        ("mon - fri 7:00 - 18:00", [hours((7, 18))] * 5 + [OFF] * 2),
        ("Monday-Friday 07:00-18:00", [hours((7, 18))] * 5 + [OFF] * 2),
        ("Mon,Wed 08:00-12:00, 13:00-17:30", [hours((8, 12), (13, 17.5)), OFF] * 2 + [OFF] * 3),
        ("Mon-Thu 09:00-17:00; Fri 09:00-15:00", [hours((9, 17))] * 4 + [hours((9, 15)), OFF, OFF]),
        ("Mon-Thu 09:00-17:00, Fri 09:00-15:00", [hours((9, 17))] * 4 + [hours((9, 15)), OFF, OFF]),
        ("Sat-Mon 10:00-14:00", [hours((10, 14)), *[OFF] * 4, hours((10, 14)), hours((10, 14))]),
        ("Fri 22:00-02:00", [OFF] * 4 + [hours((22, 26)), OFF, OFF]),
        ("08:00-20:00", [hours((8, 20))] * 7),
        ("Mon-Sun 00:00-24:00", [hours((0, 24))] * 7),
        ("Sun 18:00-00:00", [OFF] * 6 + [hours((18, 24))]),
        ("Mon 08:00-12:00, Mon 11:00-13:00", [hours((8, 13)), *[OFF] * 6]),
        ("24/7", [hours((0, 24))] * 7),
    ],
)
def test_service_hours_are_parsed(text: str, days: list[tuple[Interval, ...]]) -> None:
    """Lists and ranges of days and times, also across the end of the week and midnight. Shared time counts once."""
    read = ServiceHours.parse(text)
    assert list(read.days) == days
    assert str(read) == text


def test_minute_59_is_valid() -> None:
    last = 59 * MINUTE
    assert ServiceHours.parse("08:59-17:59").days == ((Interval(8 * HOUR + last, 17 * HOUR + last),),) * 7
    assert ServiceHours.parse("23:59-24:00").days == ((Interval(DAY - MINUTE, DAY),),) * 7


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "has no times"),
        ("Mon-Fri", "has no times"),
        ("Mon-Fri 07:00-18:00, Sat", "has no times"),
        ("Mon-Fri 9-17", "are not service hours"),
        ("Mo-Fr 09:00-17:00", "are not service hours"),
        ("weekdays", "are not service hours"),
        ("Mon 09:00-17:00 PST", "are not service hours"),
        ("Mon 09:00-24:01", "24:01 is not a time of day"),
        ("Mon 09:60-17:00", "09:60 is not a time of day"),
        ("Mon 99:00-17:00", "99:00 is not a time of day"),
        ("Mon 09:00-09:00", "use 00:00-24:00"),
    ],
)
def test_invalid_service_hours_are_rejected(text: str, word: str) -> None:
    """The message quotes the text and has valid examples."""
    with pytest.raises(ValueError, match="use ") as caught:
        ServiceHours.parse(text)
    assert word in str(caught.value)


def test_week_of_office_hours() -> None:
    """55 of 168 hours are in service, the others are outside."""
    week = span("2025-11-17T00:00-08:00", "2025-11-24T00:00-08:00")
    office = ServiceHours.parse("Mon-Fri 07:00-18:00")
    assert total(office.within(week, VANCOUVER)) == 55 * HOUR
    assert total(office.outside(week, VANCOUVER)) == 113 * HOUR
    assert next(office.within(week, VANCOUVER)) == span("2025-11-17T07:00-08:00", "2025-11-17T18:00-08:00")


def test_holidays_are_not_in_service() -> None:
    """Remembrance Day 2025 is a Tuesday in BC. This also applies to 24/7."""
    week = span("2025-11-10T00:00-08:00", "2025-11-17T00:00-08:00")
    off = frozenset([date(2025, 11, 11)])
    assert total(ServiceHours.parse("Mon-Fri 07:00-18:00").within(week, VANCOUVER, off)) == 44 * HOUR
    assert list(ALWAYS.outside(week, VANCOUVER, off)) == [span("2025-11-11T00:00-08:00", "2025-11-12T00:00-08:00")]
    assert list(ALWAYS.outside(week, VANCOUVER)) == []


def test_hours_across_midnight_belong_to_the_day_when_they_begin() -> None:
    """Hours of the evening before a holiday continue after midnight. Hours of the holiday's evening do not count."""
    night = ServiceHours.parse("22:00-02:00")
    window = span("2026-12-24T12:00+00:00", "2026-12-26T12:00+00:00")
    in_service = list(night.within(window, UTC, frozenset([date(2026, 12, 25)])))
    assert in_service == [span("2026-12-24T22:00+00:00", "2026-12-25T02:00+00:00")]


def test_service_hours_on_days_of_23_and_25_hours() -> None:
    """01:00-03:00 has one hour if 02:00 is skipped, and three hours if 01:00 is repeated."""
    night = ServiceHours.parse("01:00-03:00")
    spring = span("2025-03-09T00:00-08:00", "2025-03-10T00:00-07:00")
    autumn = span("2025-11-02T00:00-07:00", "2025-11-03T00:00-08:00")
    assert total(night.within(spring, VANCOUVER)) == HOUR
    assert total(night.within(autumn, VANCOUVER)) == 3 * HOUR
    half = list(ServiceHours.parse("01:30-03:00").within(autumn, VANCOUVER))
    assert half == [
        span("2025-11-02T01:30-07:00", "2025-11-02T02:00-07:00"),
        span("2025-11-02T01:30-08:00", "2025-11-02T03:00-08:00"),
    ]


def test_hours_are_limited_to_the_window() -> None:
    """Cases: a window within one day, and an empty window."""
    lunch = span("2025-11-19T12:00-08:00", "2025-11-19T13:00-08:00")
    office = ServiceHours.parse("Mon-Fri 07:00-18:00")
    assert list(office.within(lunch, VANCOUVER)) == [lunch]
    assert list(office.within(Interval(5, 5), VANCOUVER)) == []
    assert total(ALWAYS.within(Interval(0, DAY), UTC)) == DAY
