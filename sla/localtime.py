"""Convert between instants and the local time of a zone. Only this module of `sla` uses UTC offsets.

Local time is in microseconds since 1970-01-01 00:00 on the wall clock. While the UTC offset is constant, it is the
instant plus a constant, so days, hours and windows are computed with integers. Local times are never subtracted from
each other.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from sla.interval import DAY, MICROSECOND, Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=MICROSECOND)
_EPOCH_DAY = EPOCH.toordinal()

# The offset is compared once a day: since 1970, no zone changed it and changed it back within a week.
_STEP = DAY


def instant(moment: datetime) -> int:
    """Return the instant of an aware datetime, microseconds since the epoch (UTC)."""
    return (moment - EPOCH) // _MICROSECOND


def local(at: int, zone: tzinfo) -> datetime:
    """Return the local time of the instant in the zone."""
    return (EPOCH + at * _MICROSECOND).astimezone(zone)


def offset(at: int, zone: tzinfo) -> int:
    """Return the UTC offset of the zone at the instant, microseconds."""
    utc_offset = local(at, zone).utcoffset()
    assert utc_offset is not None, "an aware datetime has an offset"  # noqa: S101 - for the type checker
    return utc_offset // _MICROSECOND


def constant_offset_intervals(window: Interval, zone: tzinfo) -> Iterator[tuple[Interval, int]]:
    """Split the window into intervals with a constant UTC offset, and yield each with its offset in microseconds."""
    start = checked_until = window.start
    utc_offset = offset(start, zone)
    while checked_until < window.end:
        step_end = min(checked_until + _STEP, window.end)
        if offset(step_end, zone) == utc_offset:
            checked_until = step_end
            continue
        change = checked_until + bisect_left(
            range(checked_until, step_end), 1, key=lambda at: offset(at, zone) != utc_offset
        )
        yield Interval(start, change), utc_offset
        start = checked_until = change
        utc_offset = offset(change, zone)
    if start < window.end:
        yield Interval(start, window.end), utc_offset


def day_of(at: int, zone: tzinfo) -> date:
    """Return the local date in the zone at the instant."""
    return local(at, zone).date()


def day_number(day: date) -> int:
    """Return the number of days from 1970-01-01 to the date."""
    return day.toordinal() - _EPOCH_DAY


def date_of_day_number(number: int) -> date:
    """Return the date with this number of days after 1970-01-01."""
    return date.fromordinal(number + _EPOCH_DAY)


def first_instant(local_time: int, zone: tzinfo) -> int:
    """Return the first instant at which the wall clock shows `local_time` or a later time.

    For a repeated local time this is the first occurrence. For a skipped local time it is the instant of the change.
    """
    around = Interval(local_time - DAY, local_time + DAY)  # no offset reaches 24 hours
    return next(
        max(span.start, local_time - utc_offset)
        for span, utc_offset in constant_offset_intervals(around, zone)
        if max(span.start, local_time - utc_offset) < span.end
    )


@lru_cache(maxsize=4_096)
def midnight(day: date, zone: tzinfo) -> int:
    """Return the first instant of the day in the zone. If the clocks skip midnight, this is the instant of the change.

    A date that a zone skipped (Samoa, 30 December 2011) has the same first instant as the next date.
    """
    return first_instant(day_number(day) * DAY, zone)
