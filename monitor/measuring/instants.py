"""Parse timestamps of logs to microseconds since the Unix epoch, one by one or by column.

`instant` is the definition. `instants` returns the same for a column, much faster if its cells have the same format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.localtime import offset
from sla.window import EPOCH

Instants = npt.NDArray[np.int64]
Digits = npt.NDArray[np.uint8]  # one row per timestamp, one column per byte

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:[.,](\d+))? ?(?:(UTC|[Zz])|([+-])(\d\d)(?::?(\d\d))?)", re.ASCII
)
_EPOCH = re.compile(r"[+-]?\d{1,20}(\.\d{0,40})?([eE][+-]?\d\d?)?", re.ASCII)
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_800  # the years 1 and 10000, in seconds
_FRACTION = re.compile(r"\d[.,](\d+)", re.ASCII)
_AMBIGUOUS_DATE = re.compile(r"\d{1,4}[/.]\d{1,2}[/.]\d{2,4}\b|\d{1,2}-\d{1,2}-\d{4}\b", re.ASCII)
_UNIT_HINTS = {  # factor to seconds -> hint
    10**3: "are these milliseconds? divide them by 1000",
    10**6: "are these microseconds? divide them by 1000000",
    10**9: "are these nanoseconds? divide them by 1000000000",
}
_MICROSECOND_DIGITS = 6  # digits after the decimal point
_MAX_WIDTH = 64  # bytes; no timestamp is longer, and every row of a column takes as much memory as the longest
_FORMAT_HINT = "use 2026-11-20T18:00:00Z, or seconds since 1970"


def instant(text: str, zone: tzinfo | None = None) -> int:
    """Parse RFC 3339 with any offset, or seconds since the Unix epoch.

    Digits beyond microseconds are dropped. A leap second becomes the following second. A space may replace the T. With
    a zone, a time without an offset is local time of that zone.

    Raises:
        ValueError: the text has neither format.
    """
    stripped = text.strip()
    if match := _RFC3339.fullmatch(stripped):
        return _instant_of_rfc3339(stripped, match)
    if zone is not None and (match := _RFC3339.fullmatch(f"{stripped}Z")):
        return _instant_of_local_time(_instant_of_rfc3339(f"{stripped}Z", match), zone, stripped)
    if not _EPOCH.fullmatch(stripped):
        raise ValueError(_error_text(stripped))
    seconds = Fraction(stripped)
    if not _EARLIEST <= seconds < _LATEST:
        hint = next((f"; {hint}" for factor, hint in _UNIT_HINTS.items() if abs(seconds) < factor * _LATEST), "")
        raise ValueError(f'"{stripped}" seconds since 1970 is outside the years 1 to 9999{hint}')
    return seconds * SECOND // 1


def _instant_of_local_time(local_time: int, zone: tzinfo, stripped: str) -> int:
    """Return the only instant with the local time `local_time` in the zone."""
    candidates = {
        local_time - utc_offset for utc_offset in (offset(local_time - DAY, zone), offset(local_time + DAY, zone))
    }
    candidates = {at for at in candidates if at + offset(at, zone) == local_time}
    if len(candidates) != 1:
        occurrence = "occurs twice" if candidates else "does not occur"
        raise ValueError(f'"{stripped}" {occurrence} in {zone} because of a clock change; add the offset')
    return candidates.pop()


def resolution(text: str) -> int:
    """Return the resolution of a timestamp in microseconds: a second, a tenth, ...; 0 for microseconds."""
    digits = _FRACTION.search(text.strip())
    return (
        10 ** (_MICROSECOND_DIGITS - len(digits[1]))
        if digits and len(digits[1]) < _MICROSECOND_DIGITS
        else 0
        if digits
        else SECOND
    )


def _instant_of_rfc3339(stripped: str, match: re.Match[str]) -> int:
    day, clock, second, fraction, _, sign, hours, minutes = match.groups()
    leap = second == "60"
    utc_offset = int(hours or 0) * HOUR + int(minutes or 0) * MINUTE
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'59' if leap else second}+00:00")
        if int(hours or 0) > 23 or int(minutes or 0) > 59:
            raise ValueError("no such offset")
        at = (
            (moment - EPOCH) // timedelta(microseconds=1) + leap * SECOND + (utc_offset if sign == "-" else -utc_offset)
        )
        if not _EARLIEST * SECOND <= at < _LATEST * SECOND:
            raise ValueError("beyond the calendar")
    except ValueError:
        raise ValueError(f'"{stripped}" is not a valid date and time; {_FORMAT_HINT}') from None
    return at + int((fraction or "")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0"))


def _error_text(stripped: str) -> str:
    shortened = stripped if len(stripped) <= 40 else f"{stripped[:40]}..."
    if _RFC3339.fullmatch(f"{stripped}Z"):
        return f'"{shortened}" has no offset; use {shortened}Z if it is UTC, or use --times-in ZONE'
    if _AMBIGUOUS_DATE.match(stripped):
        return f'"{shortened}" is a date with unknown order of day and month; {_FORMAT_HINT}'
    return f'"{shortened}" is not a timestamp; {_FORMAT_HINT}'


def instants(texts: Sequence[str], zone: tzinfo | None = None) -> Instants:
    """Return the instants of the texts.

    Raises:
        ValueError: a cell is not a valid instant (see `instant`).
    """
    if max(map(len, texts), default=0) > _MAX_WIDTH:
        return _parse_one_by_one(texts, zone)
    cells = np.array(texts, dtype=np.bytes_)
    rows = cells.view(np.uint8).reshape(len(texts), cells.itemsize)
    widths = np.count_nonzero(rows, axis=1)
    result = np.empty(len(texts), np.int64)
    for width in np.unique(widths):
        has_width = widths == width
        result[has_width] = _parse_equal_width(rows[has_width, :width], zone)
    return result


def _parse_one_by_one(texts: Iterable[str], zone: tzinfo | None) -> Instants:
    return np.array([instant(text, zone) for text in texts], np.int64)


def _parse_equal_width(rows: Digits, zone: tzinfo | None) -> Instants:
    """Return the instants of rows of equal width: vectorised if they differ in digits only, else one by one."""
    first = rows[0]
    is_digit = (first >= ord("0")) & (first <= ord("9"))
    separators = rows[:, ~is_digit]
    if ((rows[:, is_digit] - ord("0")) > 9).any() or (separators != first[~is_digit]).any():
        return _parse_one_by_one((row.tobytes().decode() for row in rows), zone)
    shape = "".join("0" if digit else chr(byte) for byte, digit in zip(first, is_digit, strict=True))
    for pattern, read in _SHAPES.items():
        if match := pattern.fullmatch(shape):
            at = read(rows, match)
            if at is not None and (at >= _EARLIEST * SECOND).all() and (at < _LATEST * SECOND).all():
                return at
    return _parse_one_by_one((row.tobytes().decode() for row in rows), zone)


def _decimal_numbers(rows: Digits, start: int, end: int) -> Instants:
    """Return the decimal numbers in the columns start <= c < end."""
    number = np.zeros(len(rows), np.int64)
    for column in range(start, end):
        number = number * 10 + rows[:, column].astype(np.int64) - ord("0")
    return number


def _fraction(rows: Digits, match: re.Match[str]) -> Instants:
    """Return the microseconds of the group `fraction`, 0 without one."""
    start, end = match.span("fraction")
    end = min(end, start + _MICROSECOND_DIGITS)
    return _decimal_numbers(rows, start, end) * np.int64(10 ** (_MICROSECOND_DIGITS - (end - start)))


def _parse_seconds(rows: Digits, match: re.Match[str]) -> Instants:
    seconds = _decimal_numbers(rows, *match.span("seconds"))
    return seconds * SECOND + _fraction(rows, match)


def _parse_calendar(rows: Digits, match: re.Match[str]) -> Instants | None:
    year, month, day, hour, minute, second = (_decimal_numbers(rows, at, at + width) for at, width in _FIELDS)
    months = ((year - 1970) * 12 + month - 1).view("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[D]").astype(np.int64)
    is_valid = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= following - first)
    is_valid &= (hour < 24) & (minute < 60) & (second < 60)
    utc_offset = np.zeros(len(rows), np.int64)
    if match["sign"]:
        at = match.end("sign")
        hours, minutes = _decimal_numbers(rows, at, at + 2), _decimal_numbers(rows, match.end() - 2, match.end())
        is_valid &= (hours < 24) & (minutes < 60)
        utc_offset = (hours * HOUR + minutes * MINUTE) * (-1 if match["sign"] == "-" else 1)
    if not is_valid.all():
        return None
    clock = hour * HOUR + minute * MINUTE + second * SECOND
    return (first + day - 1) * DAY + clock + _fraction(rows, match) - utc_offset


_FIELDS = ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2))  # of the calendar's shape: column and width
_SHAPES: dict[re.Pattern[str], Callable[[Digits, re.Match[str]], Instants | None]] = {
    re.compile(r"0000-00-00[Tt ]00:00:00(?:[.,](?P<fraction>0+))?(?:[Zz]|(?P<sign>[+-])00:?00)"): _parse_calendar,
    re.compile(r"(?P<seconds>0{1,12})(?:\.(?P<fraction>0+))?"): _parse_seconds,
}
