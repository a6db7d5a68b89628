"""Calendar windows in a zone: days, ISO weeks, months, quarters, years, fiscal years. measurement.md, section 5."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from enum import StrEnum

from sla.interval import Interval
from sla.localtime import day_of, midnight


@dataclass(frozen=True, slots=True)
class Window:
    """A window of figures.

    `full` is the complete window; it determines the budget. `measured` is the part that has figures: the elapsed part
    of a calendar window in progress, or the complete window. `name` is what the user specified: `30d`, `month`.
    """

    name: str
    full: Interval
    measured: Interval

    @property
    def rolling(self) -> bool:
        """Whether the window has a fixed length and ends now (`30d`). False for calendar windows and START/END."""
        return not self.in_progress and "/" not in self.name and self.name.removeprefix("last ") not in tuple(Period)

    @property
    def in_progress(self) -> bool:
        """Whether a part of the window is in the future."""
        return self.measured.end < self.full.end


class Period(StrEnum):
    """A calendar period. Weeks begin on Monday (ISO 8601), the fiscal year of British Columbia on 1 April."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    FISCAL_YEAR = "fiscal-year"

    @property
    def text(self) -> str:
        """The name of the period in a sentence: `fiscal year`."""
        return self.value.replace("-", " ")

    def around(self, day: date) -> tuple[date, date]:
        """Return the first day of the period that contains the day, and the first day after the period."""
        if self is Period.DAY:
            return day, day + timedelta(1)
        if self is Period.WEEK:
            monday = day - timedelta(day.weekday())
            return monday, monday + timedelta(7)
        length, start_month = _MONTHS[self]
        month = day.year * 12 + day.month - 1
        first = month - (month - start_month) % length
        return _first_of(first), _first_of(first + length)


# Period -> its number of months, and a month in which it begins (0 is January). The fiscal year: Financial
# Administration Act (RSBC 1996, c. 138), section 1, "the period from April 1 in one year to March 31 in the next year".
_MONTHS = {Period.MONTH: (1, 0), Period.QUARTER: (3, 0), Period.YEAR: (12, 0), Period.FISCAL_YEAR: (12, 3)}


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def calendar_window(period: Period, at: int, zone: tzinfo) -> Window:
    """Return the calendar window that contains the instant. Its measured part ends at the instant.

    A day starts at the first instant with its date, so windows have no gaps and each instant is in exactly one of them.
    If clocks are set back across midnight (St. John's, until 2011), the repeated part of the previous day belongs to
    the new day.
    """
    first, following = period.around(day_of(at, zone))
    if at >= midnight(following, zone):
        first, following = period.around(following)
    full = Interval(midnight(first, zone), midnight(following, zone))
    return Window(str(period), full, Interval(full.start, at))


def previous_window(period: Period, at: int, zone: tzinfo) -> Window:
    """Return the complete calendar window before the window that contains the instant."""
    last = calendar_window(period, at, zone).full.start - 1
    full = calendar_window(period, last, zone).full
    return Window(str(period), full, full)
