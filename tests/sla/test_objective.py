"""Tests of objectives: parsing, and formats that round down."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.objective import Objective, apportion, format_duration, format_nines, format_percent, nines

ratios = st.fractions(0, 1, max_denominator=10**13)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("99.95%", "99.95%"),
        (" 99.95 % ", "99.95%"),
        ("99.95", "99.95%"),
        (99.95, "99.95%"),
        (99, "99%"),
        ("0.5%", "0.5%"),
        ("1", "1%"),  # only below 1 could a bare number be meant as a ratio
        ("99.99999999%", "99.99999999%"),
        ("one nine", "90%"),
        ("three nines", "99.9%"),
        ("Four and a half nines", "99.995%"),
        ("5 nines", "99.999%"),
        ("3.5 nines", "99.95%"),
        ("five-nines", "99.999%"),
    ],
)
def test_objectives_are_parsed_and_printed_exactly(text: str | float, printed: str) -> None:
    """The forms are percent with or without a sign, numbers and words."""
    assert str(Objective.parse(text)) == printed


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("100%", "use 99.99999% or less"),
        (100, "cannot be measured"),
        ("250%", "cannot be measured"),
        ("0%", "promises nothing"),
        (0, "promises nothing"),
        ("zero nines", "is not an objective"),
        ("0 nines", "promises nothing"),
        ("-3%", 'use 99.95% or "three nines"'),
        ("many nines", 'use 99.95% or "three nines"'),
        ("", "is not an objective"),
        (True, "is not an objective"),
        (float("nan"), "is not an objective"),
        (0.999, 'use "99.9%", or "0.999%" if that is meant'),
        ("0.9995", 'use "99.95%"'),
        (0.5, 'use "50%"'),
    ],
)
def test_invalid_objectives_are_rejected_with_a_remedy(text: str | float, remedy: str) -> None:
    """The message has valid examples, also for 100 %, 0 % and probable ratios."""
    with pytest.raises(ValueError, match=re.escape(remedy)):
        Objective.parse(text)


def test_periodic_objective_is_printed_rounded_down() -> None:
    """Twelve digits are printed."""
    assert str(Objective(Fraction(1, 3))) == "33.333333333333%"


# The right figures for the source page's levels: a year of 365 days, 30 days, a week, a day.
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("99%", ("315360", "25920", "6048", "864")),
        ("99.5%", ("157680", "12960", "3024", "432")),
        ("99.9%", ("31536", "2592", "604.8", "86.4")),
        ("99.95%", ("15768", "1296", "302.4", "43.2")),
        ("99.99%", ("3153.6", "259.2", "60.48", "8.64")),
        ("99.995%", ("1576.8", "129.6", "30.24", "4.32")),
        ("99.999%", ("315.36", "25.92", "6.048", "0.864")),
    ],
)
def test_allowed_downtime_of_the_seven_levels(text: str, seconds: tuple[str, ...]) -> None:
    """The values are exact, not floats."""
    lengths = (365 * DAY, 30 * DAY, 7 * DAY, DAY)
    assert [Objective.parse(text).allowed(x) for x in lengths] == [Fraction(s) * SECOND for s in seconds]


def test_nines_of_an_availability() -> None:
    """-log10(1 - ratio), with None for a ratio of 1 and no negative values."""
    assert nines(Fraction(999, 1000)) == pytest.approx(3, rel=1e-15)
    assert nines(1 - Fraction(1, 10**15)) == pytest.approx(15, rel=1e-15)
    assert nines(Fraction(1, 10**12)) == pytest.approx(4.342944819034689e-13, rel=1e-14)
    assert nines(0.5) == pytest.approx(0.3010299956639812, rel=1e-15)
    assert nines(1) is None
    assert str(nines(0)) == "0.0"
    for beyond in (Fraction(-1, 10), 1.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            nines(beyond)


@pytest.mark.parametrize(
    ("ratio", "digits", "printed"),
    [
        (Fraction("0.99996"), 2, "99.99%"),
        (Fraction("0.99996"), 3, "99.996%"),
        (Fraction(99999999, 100000000), 3, "99.999%"),
        (Fraction(2, 3), 0, "66%"),
        (Fraction(1), 1, "100.0%"),
        (0, 2, "0.00%"),
        (None, 2, "n/a"),
    ],
)
def test_percent_is_rounded_down(ratio: Fraction | None, digits: int, printed: str) -> None:
    """A ratio below 1 is never printed as 100 %."""
    assert format_percent(ratio, digits) == printed


@given(ratios, st.integers(0, 6))
def test_printed_figures_are_never_above_the_exact_ones(ratio: Fraction, digits: int) -> None:
    """The printed figure is at most the exact one, and less than one step below it. The same applies to nines."""
    printed = Fraction(format_percent(ratio, digits).rstrip("%")) / 100
    assert printed <= ratio < printed + Fraction(1, 10 ** (digits + 2))
    if ratio < 1:
        level = Fraction(format_nines(ratio)) * 100
        assert (1 - ratio) ** 100 <= Fraction(1, 10 ** int(level))
        assert (1 - ratio) ** 100 > Fraction(1, 10 ** (int(level) + 1))


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=8).filter(any), st.integers(0, 3))
def test_apportioned_shares_add_up_to_100_percent(parts: list[int], digits: int) -> None:
    shares, step = apportion(parts, digits), Fraction(1, 100 * 10**digits)
    assert sum(shares) == 1
    for part, share in zip(parts, shares, strict=True):
        assert (share / step).denominator == 1
        assert abs(share - Fraction(part, sum(parts))) < step


def test_apportion_uses_the_largest_remainders() -> None:
    assert [format_percent(share, 1) for share in apportion([1, 2, 3], 1)] == ["16.7%", "33.3%", "50.0%"]
    assert [format_percent(share, 0) for share in apportion([5], 0)] == ["100%"]


def test_nines_are_rounded_down_and_exact_for_integers() -> None:
    """Three nines are 3.00, slightly less is 2.99. No figure is n/a."""
    assert format_nines(Fraction("0.999")) == "3.00"
    assert format_nines(Fraction("0.998999999999")) == "2.99"
    assert format_nines(Fraction("0.9995"), 3) == "3.301"
    assert format_nines(0) == "0.00"
    assert (format_nines(None), format_nines(1)) == ("n/a", "n/a")


@pytest.mark.parametrize(
    ("microseconds", "printed"),
    [
        (0, "0s"),
        (Fraction(1, 3), "0s"),
        (7, "7µs"),
        (250_999, "250ms"),
        (864_000, "864ms"),
        (SECOND, "1s"),
        (25_920_000, "25.92s"),
        (43_200_000, "43.2s"),
        (59_999_999, "59.99s"),
        (MINUTE, "1m"),
        (43 * MINUTE + 12 * SECOND, "43m 12s"),
        (HOUR + Fraction(276 * MINUTE, 10), "1h 27m"),
        (DAY + 59 * MINUTE, "1d 59m"),
        (DAY + HOUR + 50 * MINUTE, "1d 1h 50m"),
        (DAY + 14 * MINUTE, "1d"),
        (HOUR + 59 * SECOND, "1h 59s"),
        (3 * DAY + 4 * HOUR + MINUTE, "3d 4h"),
        (-90 * SECOND, "-1m 30s"),
    ],
)
def test_durations_are_printed_in_two_or_three_units(microseconds: int | Fraction, printed: str) -> None:
    """The two largest units, and the third if it is 1 % of the duration or more. Smaller units are truncated."""
    assert format_duration(microseconds) == printed
