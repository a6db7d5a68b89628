"""Compare failure processes with closed forms: k of n, the repairable pair, exponential outages."""

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
def test_unavailability_of_one_part_is_mttr_over_mtbf_plus_mttr(mtbf: int, mttr: int) -> None:
    assert Repairable(mtbf, mttr).down == pytest.approx(mttr / (mtbf + mttr))


def test_two_of_three_is_the_binomial_tail() -> None:
    process = Repairable(9 * HOUR, HOUR, replicas=3, needed=2)
    assert process.down == pytest.approx(3 * 0.1**2 * 0.9 + 0.1**3)


@given(st.integers(1, 40))
def test_repairable_pair_is_down_until_one_replica_is_repaired(hours: int) -> None:
    """Both are down with probability u², and the first repair comes at twice the repair rate."""
    pair = Repairable(90 * HOUR, 10 * HOUR, replicas=2)
    assert pair.probability_down_longer_than(hours * HOUR) == pytest.approx(0.1**2 * math.exp(-2 * hours / 10))


def test_outage_durations_of_two_of_three_follow_the_differential_equation() -> None:
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
    assert process.probability_down_longer_than(4 * HOUR) == pytest.approx(p2 + p3, rel=1e-9)


@given(processes, st.integers(0, 30 * DAY), st.integers(0, 30 * DAY))
def test_longer_outages_are_not_more_probable(process: Repairable, some: int, options: int) -> None:
    assert process.probability_down_longer_than(0) == pytest.approx(process.down)
    assert (
        0
        <= process.probability_down_longer_than(some + options)
        <= process.probability_down_longer_than(some) * (1 + 1e-9)
    )


@given(processes)
def test_additional_replica_never_increases_the_unavailability(process: Repairable) -> None:
    options = Repairable(process.mtbf, process.mttr, process.replicas + 1, process.needed)
    assert options.down <= process.down * (1 + 1e-12)


@given(st.fractions(Fraction(1, 2), Fraction(9999, 10000)), st.integers(HOUR, DAY))
def test_from_availability_has_the_given_availability(availability: Fraction, mttr: int) -> None:
    assert 1 - Repairable.from_availability(availability, mttr).down == pytest.approx(float(availability), abs=1e-9)


def test_planned_downtime_has_the_expected_probabilities() -> None:
    weekly = Planned(7 * DAY, 10 * MINUTE)
    assert weekly.down == 10 / (7 * 24 * 60)
    assert weekly.probability_down_longer_than(4 * MINUTE) == 6 / (7 * 24 * 60)
    assert weekly.probability_down_longer_than(10 * MINUTE) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Repairable(0, HOUR), "must be positive"),
        (lambda: Repairable(HOUR, HOUR, 2, 3), "use 1 to 2"),
        (lambda: Planned(HOUR, HOUR), "shorten it"),
    ],
)
def test_invalid_values_are_rejected(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()


def test_probability_of_an_extremely_long_outage_is_0() -> None:
    """A probability below the smallest float is 0, and the computation ends early."""
    assert Repairable(5 * HOUR, MINUTE, replicas=3, needed=2).probability_down_longer_than(3650 * DAY) == 0
