"""Test verdicts: a right downtime is never wrong, and each known mistake is wrong with its diagnosis."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.claims import Claim, ClaimVerdict, audit
from sla.claims.periods import CONVENTIONS
from sla.claims.vocabulary import UNITS

LEVELS = ("99", "99.5", "99.8", "99.9", "99.95", "99.99", "99.995", "99.999", "99.9999")
levels = st.sampled_from(LEVELS)
periods = st.sampled_from(["year", "quarter", "month", "week", "day"])
units = st.sampled_from(["seconds", "minutes", "hours", "days"])


def decimal_text(value: Fraction, digits: int, *, truncate: bool) -> str:
    """Return the value as a decimal number, rounded or truncated."""
    scale = 10**digits
    steps = math.floor(value * scale) if truncate else math.floor(value * scale + Fraction(1, 2))
    whole, part = divmod(steps, scale)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def single_claim(text: str) -> Claim:
    (claim,) = audit(text).claims
    return claim


@given(levels, periods, units, st.integers(0, 4), st.booleans(), st.data())
def test_correct_downtime_in_any_unit_and_convention_is_never_wrong(
    level: str, period: str, unit: str, digits: int, truncate: bool, data: st.DataObject
) -> None:
    _, length = data.draw(st.sampled_from(CONVENTIONS[period]))
    true_value = (1 - Fraction(level) / 100) * length
    figure = decimal_text(true_value / UNITS[unit][0], digits, truncate=truncate)
    claim = single_claim(f"{level}% availability allows {figure} {unit} of downtime per {period}")
    assert claim.verdict is not ClaimVerdict.WRONG
    assert claim.period == period


@given(levels, periods, st.sampled_from([("hours", "minutes"), ("minutes", "seconds"), ("minutes", "hours")]))
def test_figure_in_a_wrong_unit_is_wrong_and_the_diagnosis_has_both_units(
    level: str, period: str, mistake: tuple[str, str]
) -> None:
    right_unit, labelled = mistake
    true_value = (1 - Fraction(level) / 100) * CONVENTIONS[period][0][1]
    figure = decimal_text(true_value / UNITS[right_unit][0], 7, truncate=False)
    claim = single_claim(f"{level}% availability allows {figure} {labelled} of downtime per {period}")
    assert claim.verdict is ClaimVerdict.WRONG
    assert claim.diagnosis == f"{right_unit} labelled {labelled}"
    assert claim.factor is not None
    assert float(claim.factor) in (pytest.approx(60, rel=1e-2), pytest.approx(1 / 60, rel=1e-2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("99.9% uptime: 43.2 minutes of downtime per year", "month for year"),
        ("99.9% uptime: 8.76 hours of downtime per month", "year for month"),
        ("99.9% uptime: 3.65 days of downtime per year", "off by one nine: that is the downtime of 99 %"),
        ("99.5% uptime: 8.76 hours of downtime per year", "another row's figure: that is the downtime of 99.9 %"),
        ("99.99% uptime: 52.65 minutes of downtime per year", "two digits are swapped: it is 52.56 min"),
        ("99.9% uptime: 8 h 76 min of downtime per year", "decimals of the larger unit"),
        ("99% uptime: 361.35 days of downtime per year", "that is the uptime, not the downtime"),
        ("99.9% uptime: 43.2 seconds of downtime per year", "minutes labelled seconds, and month for year"),
        ("99.9% uptime: 3.3 hours of downtime per year", "no known mistake"),
        ("99.9% uptime: 5 h 90 min of downtime per year", "no known mistake"),
    ],
)
def test_known_mistakes_are_diagnosed(text: str, message: str) -> None:
    claim = single_claim(text)
    assert claim.verdict is ClaimVerdict.WRONG
    assert message in claim.diagnosis


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("99.9% uptime is less than 9 hours of downtime a year", ClaimVerdict.ROUNDED),
        ("99.99% uptime is less than 2 hours of downtime a year", ClaimVerdict.RIGHT),
        ("99.99% uptime is more than 10 minutes of downtime a year", ClaimVerdict.RIGHT),
        ("99.9% uptime is less than an hour of downtime a year", ClaimVerdict.WRONG),
        ("99.9% uptime is about 10 hours of downtime a year", ClaimVerdict.ROUNDED),
        ("99.9% uptime is about 9.5 hours of downtime a year", ClaimVerdict.ROUNDED),
        ("99.999% uptime is 6 minutes of downtime a year", ClaimVerdict.UNCLEAR),
        ("99.9% uptime is 8.70 hours of downtime a year", ClaimVerdict.UNCLEAR),
        ("99.9% uptime is 46 minutes of downtime a month", ClaimVerdict.UNCLEAR),
        ("99.9999% uptime is 0 minutes of downtime a year", ClaimVerdict.UNCLEAR),
        ("99.9% uptime is 0 minutes of downtime a year", ClaimVerdict.UNCLEAR),
        ("99.9% uptime, that is monthly 43 minutes of downtime", ClaimVerdict.ROUNDED),
        ("| SLA | Downtime per year |\n| 99.9% | 8.76 hours (525.6 min) |", ClaimVerdict.RIGHT),
        ("99.78% uptime is 19.3 hours of downtime a year", ClaimVerdict.ROUNDED),
        ("We had 99.9% uptime and 3 hours of downtime a month", ClaimVerdict.UNCLEAR),
        ("In business hours 99.9% uptime is 2 hours of downtime a year", ClaimVerdict.UNCLEAR),
    ],
)
def test_limits_approximations_and_unclear_figures_have_the_expected_verdict(text: str, verdict: ClaimVerdict) -> None:
    assert single_claim(text).verdict is verdict


@pytest.mark.parametrize(
    ("text", "convention"),
    [
        ("99.9% is 8.76 hours of downtime a year", "exact, for a 365-day year"),
        ("99.9% is 8.77 hours of downtime a year", "for a 365.25-day year"),
        ("99.9% is 43.2 minutes of downtime a month", "exact, for a 30-day month"),
        ("99.9% is 43.83 minutes of downtime a month", "exact, for a 30.44-day month"),
        ("99.9% is 44.64 minutes of downtime a month", "31-day month"),
    ],
)
def test_diagnosis_has_the_convention_that_fits(text: str, convention: str) -> None:
    assert convention in single_claim(text).diagnosis


def test_durations_stated_as_equal_are_compared() -> None:
    wrong = audit("99.9% availability: 8.76 hours = 8 hours 76 minutes a year").claims
    assert [(c.verdict, "internally inconsistent" in c.diagnosis) for c in wrong] == [
        (ClaimVerdict.RIGHT, False),
        (ClaimVerdict.WRONG, True),
    ]
    agreeing = single_claim("99% availability: 87.6 minutes = 1 hour and 27.6 minutes")
    assert "internally consistent (87.6 minutes = 1 hour and 27.6 minutes)" in agreeing.diagnosis


def test_unrelated_equality_on_the_line_does_not_change_the_diagnosis() -> None:
    claim = audit("99.9% uptime: 43.2 hours of downtime a month; 60 minutes = 1 hour").claims[0]
    assert claim.diagnosis == "minutes labelled hours"


@pytest.mark.parametrize("text", ["1 day = 8 hours of downtime", "7 days x 24 hours = 168 hours of uptime"])
def test_definitions_and_formulas_give_no_claim(text: str) -> None:
    assert audit(text).claims == ()


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("99.95% × 99.99% = 99.94%", ClaimVerdict.ROUNDED),
        ("99.9% * 99.9% = 99.8001%", ClaimVerdict.RIGHT),
        ("99.9% x 99.9% = 99.9%", ClaimVerdict.WRONG),
        ("availability: 0.999 * 0.995 = 0.994", ClaimVerdict.ROUNDED),
        ("availability: 1 - (1 - 0.99)² = 0.9999", ClaimVerdict.RIGHT),
        ("availability: 1 - (1 - 0.99)(1 - 0.9) = 0.9", ClaimVerdict.WRONG),
        ("availability: 0.5 × 99.9% + 0.5 × 99.5% = 99.7%", ClaimVerdict.RIGHT),
        ("availability: 0.8 × 99.9% + 0.5 × 99.9% = 99.9%", ClaimVerdict.ROUNDED),
        ("availability: 0.8 × 99.9% + 0.5 × 99.9% = 89.47%", ClaimVerdict.WRONG),
        ("99.9% (web) × 99.5% (data) = 99.4%", ClaimVerdict.ROUNDED),
    ],
)
def test_equations_over_availabilities_are_checked(text: str, verdict: ClaimVerdict) -> None:
    assert single_claim(text).verdict is verdict


@pytest.mark.parametrize(
    "text",
    ["2 × 99.9% = two data centres", "0.3 * 0.5 = 0.2", "99.9% x 3 = 5", "E = 0.99 mc^2", "availability = 1 / 0 = 0.9"],
)
def test_other_equations_are_not_wrong(text: str) -> None:
    assert audit(text).wrong == 0
