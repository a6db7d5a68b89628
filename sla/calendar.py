"""Calendar windows in a zone: days, ISO weeks, months, quarters, years, fiscal years. measurement.md, section 5."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from enum import StrEnum

from sla.interval import Interval
from sla.localtime import day_of, midnight


@dataclass(frozen=True, slots=True)
class Window:
    """A window that figures are given for.

    `whole` is what its budget is for, `measured` the part that figures are measured on: all of it, but for a calendar
    window in progress, of which it is what has elapsed. `name` is what a person calls it: `30d`, `month`.
    """

    name: str
    whole: Interval
    measured: Interval

    @property
    def rolling(self) -> bool:
        """Whether it is of a length that moves with time (`30d`): neither of the calendar nor from START to END."""
        return not self.in_progress and "/" not in self.name and self.name.removeprefix("last ") not in tuple(Period)

    @property
    def in_progress(self) -> bool:
        """Whether part of the window is still to come."""
        return self.measured.end < self.whole.end


class Period(StrEnum):
    """What repeats in the calendar. Weeks begin on Monday (ISO 8601), BC's fiscal year on 1 April."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    FISCAL_YEAR = "fiscal-year"

    def around(self, day: date) -> tuple[date, date]:
        """Return the first day of the period that the day is in, and the first day after it."""
        if self is Period.DAY:
            return day, day + timedelta(1)
        if self is Period.WEEK:
            monday = day - timedelta(day.weekday())
            return monday, monday + timedelta(7)
        length, begins = _MONTHS[self]
        month = day.year * 12 + day.month - 1
        first = month - (month - begins) % length
        return _first_of(first), _first_of(first + length)


# How many months it has, and in which month of the year (0 is January) one of it begins. The fiscal year: Financial
# Administration Act (RSBC 1996, c. 138), section 1, "the period from April 1 in one year to March 31 in the next year".
_MONTHS = {Period.MONTH: (1, 0), Period.QUARTER: (3, 0), Period.YEAR: (12, 0), Period.FISCAL_YEAR: (12, 3)}


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def calendar_window(period: Period, at: int, zone: tzinfo) -> Window:
    """Return the calendar window that holds the instant, with what of it has elapsed by then.

    A day begins at the first instant with its date; the windows of a period therefore touch, and each instant is in
    exactly one. Where clocks are set back across midnight (St. John's, to 2011), the hour that shows yesterday's date
    for the second time is in the day that has begun.
    """
    first, following = period.around(day_of(at, zone))
    if at >= midnight(following, zone):
        first, following = period.around(following)
    whole = Interval(midnight(first, zone), midnight(following, zone))
    return Window(str(period), whole, Interval(whole.start, at))


def previous_window(period: Period, at: int, zone: tzinfo) -> Window:
    """Return the calendar window before the one that holds the instant: complete, whatever `at` is."""
    last = calendar_window(period, at, zone).whole.start - 1
    whole = calendar_window(period, last, zone).whole
    return Window(str(period), whole, whole)
