"""The exact lower bound, checked against the binomial distribution summed with fifty digits."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.proof import Proof, proven


def exact(good: int, known: int) -> tuple[Decimal, Decimal]:
    """The bound and its complement by bisection over the tail, P(bad <= known - good) = 0.05, in Decimal."""
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
    """Both to thirteen digits, however close to 0 or 1."""
    with localcontext() as context:
        context.prec = 50
        up, miss = exact(good, known)
        proof = proven(good, known)
        assert proof is not None
        assert abs(Decimal(proof.availability) / up - 1) < Decimal("1e-13")
        assert abs(Decimal(proof.nines) / -miss.log10() - 1) < Decimal("1e-13")


def test_a_spotless_record_proves_the_root() -> None:
    """0.05 ** (1 / n), with nines that keep their digits for ten million observations."""
    assert proven(7, 7) == Proof(0.05 ** (1 / 7), pytest.approx(-math.log10(1 - 0.05 ** (1 / 7)), rel=1e-12))
    proof = proven(10**7, 10**7)
    assert proof is not None
    # 1 - 0.05 ** (1 / n) = L / n - L ** 2 / (2 n ** 2) + ..., L = log 20
    slip = math.log(20) / 10**7
    assert proof.nines == pytest.approx(-math.log10(slip - slip**2 / 2), rel=1e-13)


def test_nothing_good_proves_nothing_and_nothing_known_has_no_figure() -> None:
    """0 and no nines; None."""
    assert proven(0, 5) == Proof(0.0, 0.0)
    assert proven(0, 0) is None


@pytest.mark.parametrize(("good", "known"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(good: int, known: int) -> None:
    """More good than known, or fewer than none."""
    with pytest.raises(ValueError, match="out of 5"):
        proven(good, known)


def test_worked_example() -> None:
    """5 of 7: 0.34 and 0.18 nines."""
    proof = proven(5, 7)
    assert proof is not None
    assert (round(proof.availability, 2), round(proof.nines, 2)) == (0.34, 0.18)


@given(st.integers(1, 10**7), st.integers(0, 10**7))
def test_more_evidence_never_proves_less(good: int, bad: int) -> None:
    """One more good observation raises the bound, one more bad one lowers it, and it lies below what was observed."""
    here, better, worse = proven(good, good + bad), proven(good + 1, good + bad + 1), proven(good, good + bad + 1)
    assert here is not None
    assert better is not None
    assert worse is not None
    assert worse.availability < here.availability < better.availability
    assert worse.nines < here.nines < better.nines
    assert here.availability < good / (good + bad)
