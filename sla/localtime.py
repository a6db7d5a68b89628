"""Convert between instants and local time of a zone. The only module of `sla` that uses UTC offsets.

Local time is written as microseconds too: those since the wall clock showed 1970-01-01 00:00. Within a stretch of one
UTC offset it is the instant plus a constant, so that days, hours and windows are whole-number arithmetic there; no two
local times of a zone are ever subtracted from each other.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from sla.interval import DAY, MICROSECOND, Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UNIT = timedelta(microseconds=MICROSECOND)
_EPOCH_DAY = EPOCH.toordinal()

# Since 1970 no zone of the database has changed its offset and changed it back within less than a week.
_STEP = DAY


def instant(moment: datetime) -> int:
    """Return the instant of an aware moment, microseconds since the epoch, UTC."""
    return (moment - EPOCH) // _UNIT


def local(at: int, zone: tzinfo) -> datetime:
    """Return the instant as the zone's wall clock shows it."""
    return (EPOCH + at * _UNIT).astimezone(zone)


def offset(at: int, zone: tzinfo) -> int:
    """Return by how many microseconds the zone's wall clock is ahead of UTC at the instant."""
    ahead = local(at, zone).utcoffset()
    assert ahead is not None, "an aware datetime has an offset"  # noqa: S101 - for the type checker
    return ahead // _UNIT


def stretches(window: Interval, zone: tzinfo) -> Iterator[tuple[Interval, int]]:
    """Yield the window in order as stretches of one UTC offset each, with that offset in microseconds."""
    start = looked = window.start
    ahead = offset(start, zone)
    while looked < window.end:
        upto = min(looked + _STEP, window.end)
        if offset(upto, zone) == ahead:
            looked = upto
            continue
        change = looked + bisect_left(range(looked, upto), 1, key=lambda at: offset(at, zone) != ahead)
        yield Interval(start, change), ahead
        start = looked = change
        ahead = offset(change, zone)
    if start < window.end:
        yield Interval(start, window.end), ahead


def day_of(at: int, zone: tzinfo) -> date:
    """Return the date that the zone's calendar shows at the instant."""
    return local(at, zone).date()


def day_number(day: date) -> int:
    """Return how many days after 1970-01-01 the date is."""
    return day.toordinal() - _EPOCH_DAY


def day_numbered(number: int) -> date:
    """Return the date that is so many days after 1970-01-01."""
    return date.fromordinal(number + _EPOCH_DAY)


def first_instant(shown: int, zone: tzinfo) -> int:
    """Return the first instant at which the wall clock shows the local time `shown`, or has passed it.

    A local time that comes twice is thus its first coming, and one that clocks skip is the instant of the gap.
    """
    around = Interval(shown - DAY, shown + DAY)  # no offset reaches 24 hours
    return next(
        max(span.start, shown - ahead)
        for span, ahead in stretches(around, zone)
        if max(span.start, shown - ahead) < span.end
    )


def midnight(day: date, zone: tzinfo) -> int:
    """Return the first instant of the day in the zone: where clocks skip midnight, the one at which they do.

    A date that a zone skipped altogether (Samoa, 30 December 2011) begins where the next one does.
    """
    return first_instant(day_number(day) * DAY, zone)
