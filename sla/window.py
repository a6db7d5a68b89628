"""Windows of time that figures are given for, and how instants and durations are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from sla.interval import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, WEEK, Interval

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

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
_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|us|µs|[wdhms])\s*")


def rolling(length: int, at: int) -> Interval:
    """Return the window of `length` microseconds that ends at (and does not hold) the instant `at`."""
    return Interval(at - length, at)


def parse_duration(text: str) -> int:
    """Return microseconds: `30s`, `500ms`, `1h30m`, `1h 30m`, `1.5h`, `30d`; larger units first, each at most once.

    Raises:
        ValueError: it is not so written, or not a whole number of microseconds. The message says what to write.
    """
    rest, total, below = text.strip(), Fraction(0), 2 * WEEK
    while rest or below > WEEK:
        part = _PART.match(rest)
        unit = _UNITS[part[2].replace("µ", "u")] if part else below
        if part is None or unit >= below:
            raise ValueError(f'"{text}" is not a duration; write 30s, 5m or 1h')
        total, below, rest = total + Fraction(part[1]) * unit, unit, rest[part.end() :]
    if total.denominator != 1:
        raise ValueError(f'"{text}" is finer than a microsecond; write 30s, 5m or 1h')
    return int(total)


def format_instant(at: int) -> str:
    """Return the instant as RFC 3339 in UTC, with microseconds only where there are any.

    >>> format_instant(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    return (EPOCH + timedelta(microseconds=at)).replace(tzinfo=None).isoformat() + "Z"
