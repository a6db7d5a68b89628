"""Tests of windows, durations and instants as text."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.objective import format_duration
from sla.window import (
    WINDOWS,
    format_instant,
    parse_duration,
    parse_instant,
    parse_interval,
    parse_window,
    rolling,
)


def test_rolling_window_ends_now() -> None:
    """The end is exclusive."""
    assert rolling(HOUR, 10 * HOUR) == Interval(9 * HOUR, 10 * HOUR)


def test_rolling_windows_have_the_length_of_their_names() -> None:
    """There are seven rolling windows, the shortest first."""
    assert {name: parse_duration(name) for name in WINDOWS} == WINDOWS
    assert list(WINDOWS.values()) == sorted(WINDOWS.values())


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("30s", 30 * SECOND),
        ("500ms", SECOND // 2),
        ("7us", 7),
        ("7µs", 7),
        ("1h30m", 90 * MINUTE),
        ("1h 30m", 90 * MINUTE),
        ("43m12s", 43 * MINUTE + 12 * SECOND),
        ("1.5h", 90 * MINUTE),
        ("0.5ms", 500),
        ("2w1d", 15 * DAY),
        ("1w", 7 * DAY),
        (" 30d ", 30 * DAY),
        ("0s", 0),
    ],
)
def test_durations_are_parsed(text: str, microseconds: int) -> None:
    """The results are exact microseconds."""
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize("text", ["30 sec", "", "30", "-5m", "5m1h", "1m1m", "s", "1h,5m", "1e3s", "0.5us"])
def test_invalid_duration_is_rejected(text: str) -> None:
    """The message quotes the text and has valid examples."""
    with pytest.raises(ValueError, match="use 30s, 5m or 1h") as caught:
        parse_duration(text)
    assert f'"{text}"' in str(caught.value)


@given(st.integers(0, 1000 * DAY))
def test_printed_durations_can_be_parsed(microseconds: int) -> None:
    """A printed duration is parsed as at most its value, and is printed in the same way again."""
    printed = format_duration(microseconds)
    assert parse_duration(printed) <= microseconds
    assert format_duration(parse_duration(printed)) == printed


def test_instants_are_rfc_3339_in_utc() -> None:
    """Microseconds are omitted if they are 0. This also applies before the epoch."""
    assert format_instant(0) == "1970-01-01T00:00:00Z"
    assert format_instant(1_500_000) == "1970-01-01T00:00:01.500000Z"
    assert format_instant(-1) == "1969-12-31T23:59:59.999999Z"
    assert format_instant(1_793_000_000 * SECOND) == "2026-10-26T07:33:20Z"


NOW = parse_instant("2025-11-20T18:00:00Z")
VANCOUVER = ZoneInfo("America/Vancouver")


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.5+01:00", SECOND // 2),
        ("1970-01-01T01:00:00 01:00", 0),
        (" 1969-12-31 16:00:00-08:00 ", 0),
        ("1970-01-01T00:00:00.0000019Z", 1),
    ],
)
def test_instants_are_parsed(text: str, microseconds: int) -> None:
    """RFC 3339 with any offset, also with a plus that was decoded as a space. Further digits are truncated."""
    assert parse_instant(text) == microseconds


@pytest.mark.parametrize("text", ["", "now", "2026-11-20", "2026-11-20T18:00:00", "2026-13-20T18:00:00Z"])
def test_instant_without_an_offset_is_rejected(text: str) -> None:
    """The message quotes the text and has valid examples."""
    with pytest.raises(ValueError, match="is not an instant with a UTC offset; use 2026-11-20T18:00:00Z"):
        parse_instant(text)


def test_local_time_is_parsed_with_a_zone() -> None:
    """A repeated local time means its first occurrence. A given offset has priority."""
    assert parse_instant("2025-11-02T01:30", VANCOUVER) == parse_instant("2025-11-02T08:30:00Z")
    assert parse_instant("2025-11-01", VANCOUVER) == parse_instant("2025-11-01T07:00:00Z")
    assert parse_instant("2026-11-01T00:00:00Z", VANCOUVER) == parse_instant("2026-11-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("30d", "2025-10-21T18:00:00Z", "2025-11-20T18:00:00Z"),
        ("1h30m", "2025-11-20T16:30:00Z", "2025-11-20T18:00:00Z"),
        ("day", "2025-11-20T08:00:00Z", "2025-11-20T18:00:00Z"),
        ("Month", "2025-11-01T07:00:00Z", "2025-11-20T18:00:00Z"),
        ("fiscal-year", "2025-04-01T07:00:00Z", "2025-11-20T18:00:00Z"),
        ("2025-11-01T00:00:00Z/2025-12-01T00:00:00Z", "2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z"),
        ("2025-10-01/2025-11-01", "2025-10-01T07:00:00Z", "2025-11-01T07:00:00Z"),
    ],
)
def test_windows_are_parsed(text: str, start: str, end: str) -> None:
    """Rolling and calendar windows are measured up to now, START/END up to its end."""
    window = parse_window(text, NOW, VANCOUVER)
    assert window.measured == Interval(parse_instant(start), parse_instant(end))
    assert window.in_progress == (text.lower() in ("day", "month", "fiscal-year"))
    assert window.name == (text.lower() if window.in_progress else text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fortnight", "is not a window; use 30d, 1h, day, week, month, quarter, year, fiscal-year, or START/END"),
        ("0s", "is not a window"),
        ("", "is not a window"),
        ("2026-11-01T00:00:00Z/then", '"then" is not an instant'),
        ("2026-12-01T00:00:00Z/2026-11-01T00:00:00Z", "ends before it starts"),
        ("2026-12-01T00:00:00Z/2026-12-01T00:00:00Z", "ends before it starts"),
    ],
)
def test_invalid_window_is_rejected(text: str, message: str) -> None:
    """The message quotes the text and has valid examples."""
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_window(text, NOW, VANCOUVER)


def test_interval_without_a_slash_is_rejected() -> None:
    """The message has a valid example."""
    with pytest.raises(ValueError, match="is not an interval; use 2026-11-01T00:00:00Z/2026-12-01T00:00:00Z"):
        parse_interval("2026-11-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("last 13 months", "2025-02-28T12:00:00-08:00"),
        ("Last 1 month", "2026-02-28T12:00:00-08:00"),
        ("last 2 weeks", "2026-03-17T12:00:00-07:00"),
        ("last 30 days", "2026-03-01T12:00:00-08:00"),
        ("last 1 year", "2025-03-31T12:00:00-07:00"),
    ],
)
def test_window_of_the_last_calendar_units_begins_at_the_same_local_time(text: str, start: str) -> None:
    """The last day of a shorter month stands for a missing day; the clocks changed on 8 March."""
    at = parse_instant("2026-03-31T12:00:00-07:00")
    window = parse_window(text, at, ZoneInfo("America/Vancouver"))
    assert window.measured == window.full == Interval(parse_instant(start), at)


@pytest.mark.parametrize("text", ["last 0 days", "last months", "last 13 fortnights"])
def test_window_of_no_or_unknown_units_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="window"):
        parse_window(text, 0, ZoneInfo("America/Vancouver"))
