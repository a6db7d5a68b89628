"""Tests of the exact lower bound, compared with the binomial distribution computed with 50 digits."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.confidence_bound import ConfidenceBound, lower_confidence_bound


def exact(good: int, known: int) -> tuple[Decimal, Decimal]:
    """Return the bound and its complement, by bisection over the tail P(bad <= known - good) = 0.05 with Decimal."""
    bad = known - good
    weights = [math.comb(known, j) for j in range(bad + 1)]

    def tail(miss: Decimal) -> Decimal:
        return sum((w * miss**j * (1 - miss) ** (known - j) for j, w in enumerate(weights)), Decimal(0))

    low, high = Decimal(0), Decimal(1)
    for _ in range(150):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > Decimal("0.05") else (low, middle)
    return 1 - low, low


@pytest.mark.parametrize(
    ("good", "known"),
    [
        (5, 7),
        (1, 2),
        (1, 60),
        (59, 60),
        (30, 60),
        (15, 17),
        (99, 100),
        (990, 1000),
        (43195, 43200),
        (1, 300),
        (999_990, 10**6),
    ],
)
def test_bound_and_nines_are_exact(good: int, known: int) -> None:
    """Both have thirteen correct digits, also near 0 and 1."""
    with localcontext() as context:
        context.prec = 50
        up, miss = exact(good, known)
        bound = lower_confidence_bound(good, known)
        assert bound is not None
        assert abs(Decimal(bound.availability) / up - 1) < Decimal("1e-13")
        assert abs(Decimal(bound.nines) / -miss.log10() - 1) < Decimal("1e-13")


def test_record_without_bad_observations_proves_the_nth_root() -> None:
    """The bound is 0.05 ** (1 / n), and the nines are precise for ten million observations."""
    assert lower_confidence_bound(7, 7) == ConfidenceBound(
        0.05 ** (1 / 7), pytest.approx(-math.log10(1 - 0.05 ** (1 / 7)), rel=1e-12)
    )
    bound = lower_confidence_bound(10**7, 10**7)
    assert bound is not None
    # 1 - 0.05 ** (1 / n) = L / n - L ** 2 / (2 n ** 2) + ..., L = log 20
    slip = math.log(20) / 10**7
    assert bound.nines == pytest.approx(-math.log10(slip - slip**2 / 2), rel=1e-13)


def test_no_good_observation_proves_0_and_no_observation_gives_none() -> None:
    """The results are 0 with 0 nines, and None."""
    assert lower_confidence_bound(0, 5) == ConfidenceBound(0.0, 0.0)
    assert lower_confidence_bound(0, 0) is None


@pytest.mark.parametrize(("good", "known"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_rejected(good: int, known: int) -> None:
    """Cases: more good than known, and negative counts."""
    with pytest.raises(ValueError, match="out of 5"):
        lower_confidence_bound(good, known)


def test_worked_example() -> None:
    """5 of 7 give 0.34 and 0.18 nines."""
    bound = lower_confidence_bound(5, 7)
    assert bound is not None
    assert (round(bound.availability, 2), round(bound.nines, 2)) == (0.34, 0.18)


@given(st.integers(1, 10**7), st.integers(0, 10**7))
def test_good_observations_raise_and_bad_ones_lower_the_bound(good: int, bad: int) -> None:
    """The bound is also below the observed availability."""
    bound, better, worse = (
        lower_confidence_bound(good, good + bad),
        lower_confidence_bound(good + 1, good + bad + 1),
        lower_confidence_bound(good, good + bad + 1),
    )
    assert bound is not None
    assert better is not None
    assert worse is not None
    assert worse.availability < bound.availability < better.availability
    assert worse.nines < bound.nines < better.nines
    assert bound.availability < good / (good + bad)
