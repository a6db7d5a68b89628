"""Judging: no honest way to print a downtime is called wrong, and every plain slip is, with its name."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.claims import Claim, Verdict, audit
from sla.claims.periods import CONVENTIONS
from sla.claims.vocabulary import UNITS

LEVELS = ("99", "99.5", "99.8", "99.9", "99.95", "99.99", "99.995", "99.999", "99.9999")
levels = st.sampled_from(LEVELS)
periods = st.sampled_from(["year", "quarter", "month", "week", "day"])
units = st.sampled_from(["seconds", "minutes", "hours", "days"])


def printed(value: Fraction, digits: int, *, cut: bool) -> str:
    """Return the value in decimal, to the nearest or cut off."""
    scale = 10**digits
    steps = math.floor(value * scale) if cut else math.floor(value * scale + Fraction(1, 2))
    whole, part = divmod(steps, scale)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def only(text: str) -> Claim:
    (claim,) = audit(text).claims
    return claim


@given(levels, periods, units, st.integers(0, 4), st.booleans(), st.data())
def test_a_downtime_printed_to_any_digits_in_any_unit_by_any_convention_is_never_wrong(
    level: str, period: str, unit: str, digits: int, cut: bool, data: st.DataObject
) -> None:
    _, length = data.draw(st.sampled_from(CONVENTIONS[period]))
    truth = (1 - Fraction(level) / 100) * length
    figure = printed(truth / UNITS[unit][0], digits, cut=cut)
    claim = only(f"{level}% availability allows {figure} {unit} of downtime per {period}")
    assert claim.verdict is not Verdict.WRONG
    assert claim.period == period


@given(levels, periods, st.sampled_from([("hours", "minutes"), ("minutes", "seconds"), ("minutes", "hours")]))
def test_a_figure_in_the_wrong_unit_is_wrong_by_60_and_the_diagnosis_names_both_units(
    level: str, period: str, slip: tuple[str, str]
) -> None:
    meant, labelled = slip
    truth = (1 - Fraction(level) / 100) * CONVENTIONS[period][0][1]
    figure = printed(truth / UNITS[meant][0], 7, cut=False)
    claim = only(f"{level}% availability allows {figure} {labelled} of downtime per {period}")
    assert claim.verdict is Verdict.WRONG
    assert claim.diagnosis == f"{meant} labelled {labelled}"
    assert claim.factor is not None
    assert float(claim.factor) in (pytest.approx(60, rel=1e-2), pytest.approx(1 / 60, rel=1e-2))


@pytest.mark.parametrize(
    ("text", "words"),
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
def test_a_slip_is_named(text: str, words: str) -> None:
    claim = only(text)
    assert claim.verdict is Verdict.WRONG
    assert words in claim.diagnosis


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("99.9% uptime is less than 9 hours of downtime a year", Verdict.ROUNDED),
        ("99.99% uptime is less than 2 hours of downtime a year", Verdict.RIGHT),
        ("99.99% uptime is more than 10 minutes of downtime a year", Verdict.RIGHT),
        ("99.9% uptime is less than an hour of downtime a year", Verdict.WRONG),
        ("99.9% uptime is about 10 hours of downtime a year", Verdict.ROUNDED),
        ("99.9% uptime is about 9.5 hours of downtime a year", Verdict.ROUNDED),
        ("99.999% uptime is 6 minutes of downtime a year", Verdict.UNCLEAR),
        ("99.9% uptime is 8.70 hours of downtime a year", Verdict.UNCLEAR),
        ("99.9% uptime is 46 minutes of downtime a month", Verdict.UNCLEAR),
        ("99.9999% uptime is 0 minutes of downtime a year", Verdict.UNCLEAR),
        ("99.9% uptime is 0 minutes of downtime a year", Verdict.UNCLEAR),
        ("99.9% uptime, that is monthly 43 minutes of downtime", Verdict.ROUNDED),
        ("| SLA | Downtime per year |\n| 99.9% | 8.76 hours (525.6 min) |", Verdict.RIGHT),
        ("99.78% uptime is 19.3 hours of downtime a year", Verdict.ROUNDED),
        ("We had 99.9% uptime and 3 hours of downtime a month", Verdict.UNCLEAR),
        ("In business hours 99.9% uptime is 2 hours of downtime a year", Verdict.UNCLEAR),
    ],
)
def test_limits_hedges_and_doubts_are_honoured(text: str, verdict: Verdict) -> None:
    assert only(text).verdict is verdict


@pytest.mark.parametrize(
    ("text", "convention"),
    [
        ("99.9% is 8.76 hours of downtime a year", "exact, by a 365-day year"),
        ("99.9% is 8.77 hours of downtime a year", "by a 365.25-day year"),
        ("99.9% is 43.2 minutes of downtime a month", "exact, by a 30-day month"),
        ("99.9% is 43.83 minutes of downtime a month", "exact, by a 30.44-day month"),
        ("99.9% is 44.64 minutes of downtime a month", "31-day month"),
    ],
)
def test_the_convention_that_fits_is_said(text: str, convention: str) -> None:
    assert convention in only(text).diagnosis


def test_two_ways_of_writing_one_figure_are_checked_against_each_other() -> None:
    wrong = audit("99.9% availability: 8.76 hours = 8 hours 76 minutes a year").claims
    assert [(c.verdict, "internally inconsistent" in c.diagnosis) for c in wrong] == [
        (Verdict.RIGHT, False),
        (Verdict.WRONG, True),
    ]
    agreeing = only("99% availability: 87.6 minutes = 1 hour and 27.6 minutes")
    assert "internally consistent (87.6 minutes = 1 hour and 27.6 minutes)" in agreeing.diagnosis


def test_an_equality_elsewhere_on_the_line_says_nothing_of_the_claim() -> None:
    claim = audit("99.9% uptime: 43.2 hours of downtime a month; 60 minutes = 1 hour").claims[0]
    assert claim.diagnosis == "minutes labelled hours"


@pytest.mark.parametrize("text", ["1 day = 8 hours of downtime", "7 days x 24 hours = 168 hours of uptime"])
def test_definitions_and_formulas_are_no_contradictions(text: str) -> None:
    assert audit(text).claims == ()


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("99.95% × 99.99% = 99.94%", Verdict.ROUNDED),
        ("99.9% * 99.9% = 99.8001%", Verdict.RIGHT),
        ("99.9% x 99.9% = 99.9%", Verdict.WRONG),
        ("availability: 0.999 * 0.995 = 0.994", Verdict.ROUNDED),
        ("availability: 1 - (1 - 0.99)² = 0.9999", Verdict.RIGHT),
        ("availability: 1 - (1 - 0.99)(1 - 0.9) = 0.9", Verdict.WRONG),
        ("availability: 0.5 × 99.9% + 0.5 × 99.5% = 99.7%", Verdict.RIGHT),
        ("availability: 0.8 × 99.9% + 0.5 × 99.9% = 99.9%", Verdict.ROUNDED),
        ("availability: 0.8 × 99.9% + 0.5 × 99.9% = 89.47%", Verdict.WRONG),
        ("99.9% (web) × 99.5% (data) = 99.4%", Verdict.ROUNDED),
    ],
)
def test_an_equation_over_availabilities_is_worked_out(text: str, verdict: Verdict) -> None:
    assert only(text).verdict is verdict


@pytest.mark.parametrize(
    "text",
    ["2 × 99.9% = two data centres", "0.3 * 0.5 = 0.2", "99.9% x 3 = 5", "E = 0.99 mc^2", "availability = 1 / 0 = 0.9"],
)
def test_what_is_no_equation_over_availabilities_is_left_alone(text: str) -> None:
    assert audit(text).wrong == 0
