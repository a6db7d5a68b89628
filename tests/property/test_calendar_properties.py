"""Properties of local time: windows and service hours, compared with a walk over every minute."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.calendar import Period, calendar_window, previous_window
from sla.interval import DAY, HOUR, MINUTE, Interval, total
from sla.localtime import constant_offset_intervals, day_of, first_instant, offset
from sla.service_hours import ServiceHours
from tests.property.zones import instants_near_clock_changes, local_time

ZoneAndInstant = tuple[ZoneInfo, int]
slow = settings(max_examples=60, deadline=None)


@slow
@given(instants_near_clock_changes())
@pytest.mark.fault(16)
def test_day_contains_the_same_minutes_as_a_walk(hard: ZoneAndInstant) -> None:
    """A day begins when its date first occurs, and ends when a later date occurs."""
    zone, at = hard[0], hard[1] // MINUTE * MINUTE
    whole_day = calendar_window(Period.DAY, at, zone).full
    today: dict[int, date] = {}
    latest_date = date.min
    for minute in range(at - 2 * DAY, at + 2 * DAY, MINUTE):
        latest_date = max(latest_date, local_time(minute, zone).date())
        today[minute] = latest_date
    same = [minute for minute, day in today.items() if day == today[at]]
    assert whole_day == Interval(same[0], same[-1] + MINUTE)


@slow
@given(instants_near_clock_changes(), st.sampled_from(Period))
def test_windows_of_a_period_are_adjacent_and_contain_their_instant(hard: ZoneAndInstant, period: Period) -> None:
    """Each instant is in exactly one window, which begins and ends at the first instant of a date and is not empty."""
    zone, at = hard
    window = calendar_window(period, at, zone)
    assert window.full.start <= at < window.full.end
    assert window.measured == Interval(window.full.start, at)
    before, after = previous_window(period, at, zone), calendar_window(period, window.full.end, zone)
    assert (before.full.end, after.full.start) == (window.full.start, window.full.end)
    for edge in (window.full.start, window.full.end):
        assert local_time(edge - 1, zone).date() < local_time(edge, zone).date()
    for inside in (at, window.full.end - 1):
        assert calendar_window(period, inside, zone).full == window.full


@slow
@given(instants_near_clock_changes(), st.integers(1, 6 * DAY))
def test_constant_offset_intervals_cover_a_window(hard: ZoneAndInstant, length: int) -> None:
    """They are in order and without gaps, and adjacent offsets differ."""
    zone, at = hard
    actual = list(constant_offset_intervals(Interval(at, at + length), zone))
    assert (actual[0][0].start, actual[-1][0].end) == (at, at + length)
    for (one, current_offset), (other, next_offset) in pairwise(actual):
        assert one.end == other.start
        assert current_offset != next_offset
    for span, current_offset in actual:
        for inside in (span.start, (span.start + span.end) // 2, span.end - 1):
            assert offset(inside, zone) == current_offset


@slow
@given(instants_near_clock_changes())
def test_first_instant_of_a_local_time(hard: ZoneAndInstant) -> None:
    """The clock shows this or a later local time there, and an earlier one at all earlier instants."""
    zone, at = hard
    expected = local_time(at, zone)
    first = first_instant(at + offset(at, zone), zone)
    assert first <= at
    assert local_time(first, zone) == expected
    assert local_time(first - 1, zone) != expected
    assert day_of(first, zone) == expected.date()


clock_times = st.integers(0, 47).map(lambda half: half * 30)
ranges = st.tuples(clock_times, clock_times).filter(lambda pair: pair[0] != pair[1])
weeks = st.lists(st.tuples(st.integers(0, 6), ranges), min_size=1, max_size=6)


def hours_text(week: list[tuple[int, tuple[int, int]]]) -> str:
    """Return the hours as text."""
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return "; ".join(
        f"{names[day]} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}" for day, (start, end) in week
    )


@slow
@given(instants_near_clock_changes(), weeks, st.sets(st.integers(-2, 2), max_size=2), st.integers(1, 72))
@pytest.mark.fault(16)
def test_service_hours_contain_the_same_minutes_as_a_walk(
    hard: ZoneAndInstant, week: list[tuple[int, tuple[int, int]]], off: set[int], hours: int
) -> None:
    """Per minute, the date is no holiday and the time is within the hours, or hours of the previous day continue."""
    zone, at = hard[0], hard[1] // MINUTE * MINUTE
    window = Interval(at, at + hours * HOUR)
    holidays = frozenset(local_time(at, zone).date() + timedelta(days) for days in off)

    def serves(minute: int) -> bool:
        clock = local_time(minute, zone)
        today, yesterday = clock.date(), clock.date() - timedelta(1)
        time = clock.hour * 60 + clock.minute
        return any(
            (today not in holidays and today.weekday() == day and start <= time < (end if end > start else 1440))
            or (yesterday not in holidays and yesterday.weekday() == day and end < start and time < end)
            for day, (start, end) in week
        )

    service_hours = ServiceHours.parse(hours_text(week))
    in_service = list(service_hours.within(window, zone, holidays))
    minutes = [minute for minute in range(window.start, window.end, MINUTE) if serves(minute)]
    assert [m for span in in_service for m in range(span.start, span.end, MINUTE)] == minutes
    assert total([*in_service, *service_hours.outside(window, zone, holidays)]) == window.length
    assert total(in_service) + total(service_hours.outside(window, zone, holidays)) == window.length
