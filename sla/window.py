"""Parse windows, durations and instants, and format instants."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction

from sla.calendar import Period, Window, calendar_window
from sla.interval import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, WEEK, Interval
from sla.localtime import EPOCH, first_instant, instant, local

__all__ = [
    "EPOCH",
    "WINDOWS",
    "Window",
    "format_instant",
    "parse_duration",
    "parse_instant",
    "parse_interval",
    "parse_window",
    "rolling",
]

WINDOWS = {
    "1h": HOUR,
    "6h": 6 * HOUR,
    "24h": DAY,
    "7d": WEEK,
    "30d": 30 * DAY,
    "90d": 90 * DAY,
    "365d": 365 * DAY,
}

_UNITS = {"w": WEEK, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": MILLISECOND, "us": MICROSECOND}
_MISSING_PLUS = re.compile(r" (\d\d:?\d\d)$")
_LAST = re.compile(r"last (\d{1,3}) (day|week|month|year)s?", re.IGNORECASE)
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|us|µs|[wdhms])\s*")


def rolling(length: int, at: int) -> Interval:
    """Return the window of `length` microseconds that ends at the instant `at` (exclusive)."""
    return Interval(at - length, at)


def parse_duration(text: str) -> int:
    """Parse a duration into microseconds: `30s`, `500ms`, `1h30m`, `1h 30m`, `1.5h`, `30d`.

    Larger units must come first, each at most once.

    Raises:
        ValueError: the text has another form, or is not a whole number of microseconds. The message has valid examples.
    """
    rest, total, previous_unit = text.strip(), Fraction(0), 2 * WEEK
    while rest or previous_unit > WEEK:
        part = _PART.match(rest)
        unit = _UNITS[part[2].replace("µ", "u")] if part else previous_unit
        if part is None or unit >= previous_unit:
            raise ValueError(f'"{text}" is not a duration; use 30s, 5m or 1h')
        total, previous_unit, rest = total + Fraction(part[1]) * unit, unit, rest[part.end() :]
    if total.denominator != 1:
        raise ValueError(f'"{text}" is finer than a microsecond; use 30s, 5m or 1h')
    return int(total)


def parse_instant(text: str, zone: tzinfo | None = None) -> int:
    """Parse an instant in RFC 3339 format: `2026-11-20T18:00:00Z`, `2026-11-20T10:00:00-08:00`.

    With `zone`, a time without an offset is local time of the zone: the first occurrence of a repeated time, the clock
    change for a skipped time. Digits after the microseconds are truncated.

    Raises:
        ValueError: the text has another form. The message has a valid example.
    """
    try:
        # A plus sign in a query string is decoded as a space, which an instant does not contain before its offset.
        moment = datetime.fromisoformat(_MISSING_PLUS.sub(r"+\1", text.strip()))
    except ValueError:
        moment = None
    if moment is None or (moment.tzinfo is None and zone is None):
        raise ValueError(f'"{text}" is not an instant with a UTC offset; use 2026-11-20T18:00:00Z')
    if moment.tzinfo is None and zone is not None:
        return first_instant(instant(moment.replace(tzinfo=EPOCH.tzinfo)), zone)
    return instant(moment)


def parse_interval(text: str, zone: tzinfo | None = None) -> Interval:
    """Parse an interval START/END of two instants (see `parse_instant`). END is exclusive.

    Raises:
        ValueError: the text has another form, or END is not later than START.
    """
    start, slash, end = text.partition("/")
    if not slash:
        raise ValueError(f'"{text}" is not an interval; use 2026-11-01T00:00:00Z/2026-12-01T00:00:00Z')
    span = (parse_instant(start, zone), parse_instant(end, zone))
    if span[1] <= span[0]:
        raise ValueError(f'"{text}" ends before it starts; put the earlier instant first')
    return Interval(*span)


def parse_window(text: str, at: int, zone: tzinfo) -> Window:
    """Parse a window at the instant `at`.

    A duration (`30d`, `1h30m`) is the rolling window that ends at `at`. `day`, `week`, `month`, `quarter`, `year` and
    `fiscal-year` are calendar windows in the zone, measured up to `at`. START/END (see `parse_interval`) is measured
    completely, independent of `at`; a part without observations is unknown. `last 13 months` begins 13 months before
    `at`, at the same local time; days, weeks and years are counted in the same way.

    Raises:
        ValueError: the text has another form. The message has valid examples.
    """
    name = text.strip()
    if "/" in name:
        span = parse_interval(name, zone)
    elif name.lower() in tuple(Period):
        return calendar_window(Period(name.lower()), at, zone)
    elif last := _LAST.fullmatch(name):
        span = Interval(_earlier(int(last[1]), last[2].lower(), at, zone), at)
    else:
        span = _rolling(name, at)
    return Window(name, span, span)


def _earlier(count: int, unit: str, at: int, zone: tzinfo) -> int:
    """Return the instant `count` units before `at` in local time. In a shorter month, this is on its last day.

    Raises:
        ValueError: the count is 0.
    """
    if not count:
        raise ValueError("the window is empty; use last 13 months")
    local_time = local(at, zone).replace(tzinfo=EPOCH.tzinfo)
    if unit in ("day", "week"):
        local_time -= timedelta(**{f"{unit}s": count})
    else:
        month = local_time.year * 12 + local_time.month - 1 - count * (12 if unit == "year" else 1)
        year, month = month // 12, month % 12 + 1
        local_time = local_time.replace(year=year, month=month, day=min(local_time.day, monthrange(year, month)[1]))
    return first_instant(instant(local_time), zone)


def _rolling(name: str, at: int) -> Interval:
    try:
        length = parse_duration(name)
    except ValueError:
        length = 0
    if not length:
        raise ValueError(f'"{name}" is not a window; use 30d, 1h, {", ".join(Period)}, or START/END')
    return rolling(length, at)


def format_instant(at: int) -> str:
    """Return the instant as RFC 3339 in UTC, without microseconds if they are 0.

    >>> format_instant(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    return (EPOCH + timedelta(microseconds=at)).replace(tzinfo=None).isoformat() + "Z"
