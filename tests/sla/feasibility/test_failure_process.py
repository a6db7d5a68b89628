"""Closed forms of the textbooks: k of n, the repairable pair, exponential outages."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.feasibility import Planned, Repairable
from sla.interval import DAY, HOUR, MINUTE

times = st.integers(MINUTE, 400 * DAY)
processes = st.integers(1, 5).flatmap(
    lambda n: st.builds(Repairable, st.integers(HOUR, 400 * DAY), times, st.just(n), st.integers(1, n))
)


@given(st.integers(HOUR, 400 * DAY), times)
def test_one_part_is_mttr_over_the_cycle(mtbf: int, mttr: int) -> None:
    assert Repairable(mtbf, mttr).down == pytest.approx(mttr / (mtbf + mttr))


def test_two_of_three_is_the_binomial_tail() -> None:
    process = Repairable(9 * HOUR, HOUR, replicas=3, needed=2)
    assert process.down == pytest.approx(3 * 0.1**2 * 0.9 + 0.1**3)


@given(st.integers(1, 40))
def test_a_repairable_pair_is_down_until_either_is_repaired(hours: int) -> None:
    """Both down with chance u², and out of it at twice the rate of repair."""
    pair = Repairable(90 * HOUR, 10 * HOUR, replicas=2)
    assert pair.lasting(hours * HOUR) == pytest.approx(0.1**2 * math.exp(-2 * hours / 10))


def test_a_chain_of_three_lasts_as_its_equation_says() -> None:
    """2 of 3 needed: p2' = -(2r + f) p2 + 3r p3, p3' = f p2 - 3r p3, integrated in small steps (Runge-Kutta)."""
    process = Repairable(5 * HOUR, 2 * HOUR, replicas=3, needed=2)
    fail, repair, step = 1 / 5, 1 / 2, 0.001

    def slope(p2: float, p3: float) -> tuple[float, float]:
        return -(2 * repair + fail) * p2 + 3 * repair * p3, fail * p2 - 3 * repair * p3

    u = 2 / 7
    p2, p3 = 3 * u**2 * (1 - u), u**3
    for _ in range(4000):  # four hours
        a = slope(p2, p3)
        b = slope(p2 + step / 2 * a[0], p3 + step / 2 * a[1])
        c = slope(p2 + step / 2 * b[0], p3 + step / 2 * b[1])
        d = slope(p2 + step * c[0], p3 + step * c[1])
        p2 += step / 6 * (a[0] + 2 * b[0] + 2 * c[0] + d[0])
        p3 += step / 6 * (a[1] + 2 * b[1] + 2 * c[1] + d[1])
    assert process.lasting(4 * HOUR) == pytest.approx(p2 + p3, rel=1e-9)


@given(processes, st.integers(0, 30 * DAY), st.integers(0, 30 * DAY))
def test_lasting_longer_is_never_likelier(process: Repairable, some: int, more: int) -> None:
    assert process.lasting(0) == pytest.approx(process.down)
    assert 0 <= process.lasting(some + more) <= process.lasting(some) * (1 + 1e-9)


@given(processes)
def test_one_more_replica_never_makes_it_worse(process: Repairable) -> None:
    more = Repairable(process.mtbf, process.mttr, process.replicas + 1, process.needed)
    assert more.down <= process.down * (1 + 1e-12)


@given(st.fractions(Fraction(1, 2), Fraction(9999, 10000)), st.integers(HOUR, DAY))
def test_availability_and_mtbf_say_the_same(availability: Fraction, mttr: int) -> None:
    assert 1 - Repairable.of(availability, mttr).down == pytest.approx(float(availability), abs=1e-9)


def test_a_plan_is_down_for_its_share_and_outlasts_what_is_shorter() -> None:
    weekly = Planned(7 * DAY, 10 * MINUTE)
    assert weekly.down == 10 / (7 * 24 * 60)
    assert weekly.lasting(4 * MINUTE) == 6 / (7 * 24 * 60)
    assert weekly.lasting(10 * MINUTE) == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Repairable(0, HOUR), "must be positive"),
        (lambda: Repairable(HOUR, HOUR, 2, 3), "use 1 to 2"),
        (lambda: Planned(HOUR, HOUR), "shorten it"),
    ],
)
def test_what_cannot_be_is_refused(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=says):
        make()


def test_an_outage_of_several_that_would_have_to_last_for_ages_does_not() -> None:
    """Beyond what a float can hold the chance is 0, and is not reckoned on with."""
    assert Repairable(5 * HOUR, MINUTE, replicas=3, needed=2).lasting(3650 * DAY) == 0
