"""Windows, durations as people write them, instants as machines do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.objective import format_duration
from sla.window import WINDOWS, format_instant, parse_duration, rolling


def test_a_rolling_window_ends_now() -> None:
    """Half open: the instant itself is not in it."""
    assert rolling(HOUR, 10 * HOUR) == Interval(9 * HOUR, 10 * HOUR)


def test_windows_are_as_long_as_their_names_say() -> None:
    """The seven rolling windows, shortest first."""
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
        (" 30d ", 30 * DAY),
        ("0s", 0),
    ],
)
def test_durations_read(text: str, microseconds: int) -> None:
    """Exact microseconds."""
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize("text", ["30 sec", "", "30", "-5m", "5m1h", "1m1m", "s", "1h,5m", "1e3s", "0.5us"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    """The message quotes it and says what to write."""
    with pytest.raises(ValueError, match="write 30s, 5m or 1h") as caught:
        parse_duration(text)
    assert f'"{text}"' in str(caught.value)


@given(st.integers(0, 1000 * DAY))
def test_what_was_printed_reads_back(microseconds: int) -> None:
    """A printed duration is read as no more than it was, and prints the same again."""
    printed = format_duration(microseconds)
    assert parse_duration(printed) <= microseconds
    assert format_duration(parse_duration(printed)) == printed


def test_instants_are_rfc_3339_in_utc() -> None:
    """Microseconds only where there are any; before the epoch too."""
    assert format_instant(0) == "1970-01-01T00:00:00Z"
    assert format_instant(1_500_000) == "1970-01-01T00:00:01.500000Z"
    assert format_instant(-1) == "1969-12-31T23:59:59.999999Z"
    assert format_instant(1_793_000_000 * SECOND) == "2026-10-26T07:33:20Z"
