"""Tests of the window of an objective: rolling, or a calendar period in a time zone."""

from __future__ import annotations

from datetime import UTC, date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.budget_window import BudgetWindow
from sla.calendar import Period
from sla.interval import DAY, HOUR, Interval
from sla.localtime import midnight
from sla.window import parse_instant

TORONTO = ZoneInfo("America/Toronto")
MONTH = BudgetWindow.calendar(Period.MONTH)
INSTANTS = st.integers(0, 2**52)


@given(st.integers(1, 400 * DAY), INSTANTS)
def test_rolling_window_ends_at_the_instant_and_keeps_its_length(length: int, at: int) -> None:
    window = BudgetWindow(length)
    now, before = window.at(at, UTC), window.before(at, UTC)
    assert (now.full, now.measured, now.in_progress, now.rolling) == (
        Interval(at - length, at),
        Interval(at - length, at),
        False,
        True,
    )
    assert before.full == Interval(at - 2 * length, at - length)
    assert window.horizon(at, UTC) == length


@given(st.sampled_from(Period), INSTANTS)
def test_calendar_window_contains_the_instant_and_is_measured_up_to_it(period: Period, at: int) -> None:
    window = BudgetWindow.calendar(period)
    now, before = window.at(at, TORONTO), window.before(at, TORONTO)
    assert now.full.start <= at < now.full.end
    assert now.measured == Interval(now.full.start, at)
    assert (now.in_progress, now.rolling) == (True, False)
    assert before.full.end == now.full.start
    assert before.measured == before.full
    assert at + window.horizon(at, TORONTO) == now.full.end
    assert abs(now.full.length - window.length) <= 2 * DAY + HOUR


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        ("2026-03-01T04:59:59Z", date(2026, 2, 1), date(2026, 3, 1)),
        ("2026-03-01T05:00:00Z", date(2026, 3, 1), date(2026, 4, 1)),
        ("2026-04-01T03:59:59Z", date(2026, 3, 1), date(2026, 4, 1)),
        ("2026-04-01T04:00:00Z", date(2026, 4, 1), date(2026, 5, 1)),
    ],
)
def test_month_begins_at_midnight_in_its_zone(at: str, start: date, end: date) -> None:
    full_window = MONTH.at(parse_instant(at), TORONTO).full
    assert full_window == Interval(midnight(start, TORONTO), midnight(end, TORONTO))


def test_month_with_a_clock_change_is_an_hour_shorter() -> None:
    months = [MONTH.at(midnight(date(2026, month, 2), TORONTO), TORONTO).full for month in (1, 2, 3)]
    assert [month.length for month in months] == [31 * DAY, 28 * DAY, 31 * DAY - HOUR]
    assert all(one.end == following.start for one, following in pairwise(months))


def test_notation_of_the_configuration() -> None:
    windows = [BudgetWindow(30 * DAY), BudgetWindow(36 * HOUR), *map(BudgetWindow.calendar, Period)]
    assert [str(window) for window in windows] == ["30d", "1d12h", *Period]
