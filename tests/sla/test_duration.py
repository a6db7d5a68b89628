"""Tests of the format of durations: bounds are rounded outwards, and different bounds differ in text."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.duration import format_bounds, format_duration, format_full_duration, split_units
from sla.interval import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from sla.window import parse_duration


@pytest.mark.parametrize(
    ("low", "point", "high", "printed"),
    [
        (
            25 * HOUR + 10 * MINUTE,
            25 * HOUR + 30 * MINUTE,
            25 * HOUR + 50 * MINUTE,
            ("1d 1h 10m", "1d 1h 30m", "1d 1h 50m"),
        ),
        (25 * HOUR, 25 * HOUR + MINUTE, 25 * HOUR + 2 * MINUTE, ("1d 1h", "1d 1h 1m", "1d 1h 2m")),
        (3 * DAY, 3 * DAY + SECOND, 3 * DAY + HOUR, ("3d", "3d 1s", "3d 1h")),
        (0, 0, 59_999_999, ("0s", "0s", "1m")),
        (0, 30 * SECOND, MINUTE, ("0s", "30s", "1m")),
        (HOUR, HOUR, HOUR, ("1h", "1h", "1h")),
        (HOUR + 1, HOUR + 1, HOUR + 1, ("1h", "1h", "1h 1m")),
        (MINUTE, MINUTE + 1, MINUTE + 2, ("1m", "1m 0.000001s", "1m 0.000002s")),
        (599_877_000, 599_878_000, 599_879_000, ("9m 59.877s", "9m 59.878s", "9m 59.879s")),
        (1_000, 1_000, 5_600, ("1ms", "1ms", "6ms")),
        (1, 2, 999, ("1µs", "2µs", "999µs")),
        (999_999, SECOND, SECOND, ("999ms", "1s", "1s")),
        (DAY, DAY + 70 * MINUTE, DAY + 70 * MINUTE, ("1d", "1d 1h", "1d 2h")),
        (59_500_000, 59_500_000, 624_750_000, ("59.5s", "59.5s", "10m 25s")),
    ],
)
def test_different_bounds_have_different_texts(low: int, point: int, high: int, printed: tuple[str, str, str]) -> None:
    assert format_bounds(low, point, high) == printed


lengths = st.one_of(st.integers(0, 400 * DAY), st.integers(0, 2 * MINUTE), st.integers(0, 3000))
near = st.tuples(lengths, st.integers(0, 2 * HOUR), st.integers(0, 2 * SECOND)).map(
    lambda t: (t[0], t[0] + t[2], sum(t))
)
bounds = st.one_of(st.tuples(lengths, lengths, lengths).map(lambda t: tuple(sorted(t))), near)


@given(bounds)
def test_printed_bounds_contain_the_exact_bounds(exact: tuple[int, int, int]) -> None:
    printed = format_bounds(*exact)
    low, point, high = map(parse_duration, printed)
    assert low <= exact[0]
    assert exact[2] <= high
    assert low <= point <= high
    for i, j in ((0, 1), (1, 2), (0, 2)):
        assert exact[i] == exact[j] or printed[i] != printed[j]


def test_rounding_up_adds_less_than_a_unit() -> None:
    assert format_duration(34 * 60 * MINUTE + 1, up=True) == "1d 10h 1m"
    assert format_duration(10 * 24 * 60 * MINUTE + 1, up=True) == "10d 1h"


@given(lengths)
def test_truncated_part_is_small(microseconds: int) -> None:
    """At most 2 % for a minute or more. With `up`, at most the same part is added."""
    down, up = parse_duration(format_duration(microseconds)), parse_duration(format_duration(microseconds, up=True))
    assert down <= microseconds <= up
    if microseconds >= MINUTE:
        assert (up - down) * 50 <= microseconds


@given(lengths)
def test_negative_duration_is_formatted_like_a_positive_one(microseconds: int) -> None:
    """An overspent budget is shown next to the spent time, and must not look larger."""
    length = microseconds or 1
    assert format_duration(-length) == f"-{format_duration(length)}"


def test_all_units_of_a_duration() -> None:
    assert format_full_duration(DAY + HOUR + MINUTE + SECOND + 237 * MILLISECOND) == "1d 1h 1m 1.23s"
    assert format_full_duration(Fraction(1, 3)) == "0s"
    assert format_full_duration(7) == "7µs"
    assert split_units(0) == []
