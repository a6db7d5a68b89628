"""Service credits: bands, exact amounts, what is claimable, and the deadline."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.calendar import Window
from sla.interval import DAY, HOUR, MINUTE, Interval
from sla.measured import Measured
from sla.observation_counts import Counts
from sla.service_credit import CreditBand, CreditTerms, format_amount, monthly_credit, rounded_down
from sla.states import Durations
from sla.window import format_instant, parse_instant

VANCOUVER = ZoneInfo("America/Vancouver")
BANDS = (CreditBand(Fraction("0.999"), Fraction("0.1")), CreditBand(Fraction("0.99"), Fraction("0.25")))
TERMS = CreditTerms(Fraction("99.99"), "CAD", BANDS, 30 * DAY)
OCTOBER = Interval(parse_instant("2025-10-01T07:00:00Z"), parse_instant("2025-11-01T07:00:00Z"))
WINDOW = Window("month", OCTOBER, OCTOBER)


def measured(down: int = 0, unknown: int = 0, guessed_up: int = 0) -> Measured:
    durations = Durations(up=OCTOBER.length - down - unknown, down=down, unknown=unknown, guessed_up=guessed_up)
    return Measured(OCTOBER, 0, durations, Counts(0, 0, 0), OCTOBER.length)


@pytest.mark.parametrize(
    ("availability", "share"),
    [("1", "0"), ("0.999", "0"), ("0.9989999", "0.1"), ("0.99", "0.1"), ("0.98999", "0.25"), ("0", "0.25")],
)
def test_band_applies_below_its_limit_and_the_highest_credit_counts(availability: str, share: str) -> None:
    assert TERMS.share(Fraction(availability)) == Fraction(share)


def test_credit_is_the_exact_share_of_the_fee_and_rounded_down_once() -> None:
    """A tenth of 99.99 is 9.999."""
    credit = monthly_credit(TERMS, WINDOW, measured(down=2 * HOUR), VANCOUVER)
    assert credit.claimable is not None
    assert credit.claimable.amount == Fraction("9.999")
    assert credit.claimable.rounded == Decimal("9.99")
    assert format_amount(credit.claimable.rounded * 1000, "CAD") == "9,990.00 CAD"
    assert credit.as_json()["claimable_amount"] == "9.99"


def test_unknown_time_is_never_claimed() -> None:
    """A day without observations gives the highest credit at the minimum, none at the maximum."""
    credit = monthly_credit(TERMS, WINDOW, measured(unknown=DAY), VANCOUVER)
    low, point, high = (one.share for one in credit.credits if one is not None)
    assert (low, point, high) == (Fraction(1, 4), 0, 0)
    assert credit.claimable is None


def test_claim_is_the_certain_part_if_further_downtime_is_possible() -> None:
    credit = monthly_credit(TERMS, WINDOW, measured(down=HOUR, unknown=DAY), VANCOUVER)
    low, _, high = credit.credits
    assert low is not None
    assert credit.claimable == high
    assert (low.share, credit.claimable and credit.claimable.share) == (Fraction(1, 4), Fraction(1, 10))


def test_nothing_is_claimable_before_the_month_is_over_and_final() -> None:
    elapsed = Window("month", OCTOBER, Interval(OCTOBER.start, OCTOBER.end - DAY))
    assert monthly_credit(TERMS, elapsed, measured(down=2 * HOUR), VANCOUVER).claimable is None
    provisional = replace(measured(down=2 * HOUR), provisional=True)
    assert monthly_credit(TERMS, WINDOW, provisional, VANCOUVER).claimable is None


def test_month_that_is_all_excluded_has_no_figure() -> None:
    nothing = Measured(OCTOBER, OCTOBER.length, Durations(), Counts(0, 0, 0), 0)
    credit = monthly_credit(TERMS, WINDOW, nothing, VANCOUVER)
    assert tuple(credit.credits) == (None, None, None)
    assert credit.as_json()["at_availability"] == {"low": None, "point": None, "high": None}


def test_deadline_of_days_is_a_local_midnight_also_when_clocks_change() -> None:
    """Clocks were set back on 2 November 2025: 30 days after the month are 721 hours."""
    deadline = TERMS.deadline(OCTOBER.end, VANCOUVER)
    assert deadline is not None
    assert format_instant(deadline) == "2025-12-01T08:00:00Z"
    assert replace(TERMS, claim_within=90 * MINUTE).deadline(OCTOBER.end, VANCOUVER) == OCTOBER.end + 90 * MINUTE
    assert replace(TERMS, claim_within=None).deadline(OCTOBER.end, VANCOUVER) is None


@given(down=st.integers(0, 3 * DAY), unknown=st.integers(0, 3 * DAY), more=st.integers(0, DAY))
def test_credits_are_ordered_and_more_downtime_gives_no_lower_credit(down: int, unknown: int, more: int) -> None:
    def amounts(seconds: int) -> list[Fraction]:
        monthly = monthly_credit(TERMS, WINDOW, measured(down=seconds, unknown=unknown), VANCOUVER)
        return [one.amount for one in monthly.credits if one is not None]

    low, point, high = amounts(down)
    assert low >= point >= high
    assert all(later >= earlier for later, earlier in zip(amounts(down + more), amounts(down), strict=True))


@given(st.fractions(0, 10**9))
def test_rounded_amount_is_less_than_a_hundredth_below_the_exact_one(amount: Fraction) -> None:
    rounded = rounded_down(amount)
    assert rounded.as_tuple().exponent == -2
    assert 0 <= amount - Fraction(rounded) < Fraction(1, 100)
