"""The window of an objective and its error budget: a rolling window or a calendar period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sla.calendar import Period, Window, calendar_window, previous_window
from sla.duration import format_duration
from sla.interval import DAY, WEEK, Interval

if TYPE_CHECKING:
    from datetime import tzinfo

_LENGTHS: Final = {
    Period.DAY: DAY,
    Period.WEEK: WEEK,
    Period.MONTH: 30 * DAY,
    Period.QUARTER: 90 * DAY,
    Period.YEAR: 365 * DAY,
    Period.FISCAL_YEAR: 365 * DAY,
}


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """A rolling window of `length` microseconds, or the calendar period that contains an instant.

    The `length` of a calendar window is nominal: 30 days for a month, 90 for a quarter, 365 for a year. Burn alerts use
    it, so that their thresholds are the same in every period. Budgets use the exact length of the period.
    """

    length: int
    period: Period | None = None

    @classmethod
    def calendar(cls, period: Period) -> BudgetWindow:
        """Return the calendar window."""
        return cls(_LENGTHS[period], period)

    def at(self, instant: int, zone: tzinfo) -> Window:
        """Return the window as of the instant: the rolling window that ends then, or the period that contains it.

        The period begins and ends in the zone, and is measured up to the instant.
        """
        if self.period is not None:
            return calendar_window(self.period, instant, zone)
        span = Interval(instant - self.length, instant)
        return Window("own", span, span)

    def before(self, instant: int, zone: tzinfo) -> Window:
        """Return the window that precedes the window of the instant: the earlier rolling window, or the last period."""
        if self.period is not None:
            return previous_window(self.period, instant, zone)
        return self.at(instant - self.length, zone)

    def horizon(self, instant: int, zone: tzinfo) -> int:
        """Return how long downtime at the instant counts against the budget, microseconds."""
        return self.length if self.period is None else self.at(instant, zone).full.end - instant

    def __str__(self) -> str:
        """Return the notation of the configuration: `30d`, `month`."""
        return format_duration(self.length).replace(" ", "") if self.period is None else self.period.value
