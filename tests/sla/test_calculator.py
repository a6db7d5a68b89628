"""Tests of the calculator: allowed downtime, and the observations that measure and prove an objective."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.calculator import (
    MONTH,
    YEARS,
    Allowance,
    from_downtime,
    largest_interval,
    observations_to_prove,
    required_items,
    time_to_prove,
)
from sla.interval import DAY, MINUTE, SECOND
from sla.objective import Objective
from sla.readiness import Checklist, ChecklistItem

objectives = st.integers(1, 9_999_999).map(lambda n: Objective(Fraction(n, 10_000_000)))

# The seed page's seven levels with their right values: seconds a year, 30 days, a week, a day.
SEED = {
    "99": (315_360, 25_920, 6_048, 864),
    "99.5": (157_680, 12_960, 3_024, 432),
    "99.9": (31_536, 2_592, 604.8, 86.4),
    "99.95": (15_768, 1_296, 302.4, 43.2),
    "99.99": (3_153.6, 259.2, 60.48, 8.64),
    "99.995": (1_576.8, 129.6, 30.24, 4.32),
    "99.999": (315.36, 25.92, 6.048, 0.864),
}


@pytest.mark.parametrize("level", SEED)
def test_seven_levels_have_the_correct_downtimes(level: str) -> None:
    allowed = Allowance(Objective.parse(level)).allowed
    actual = tuple(float(allowed[name] / SECOND) for name in ("year", "month", "week", "day"))
    assert actual == SEED[level]


@given(objectives)
def test_four_quarters_are_a_year_and_seven_days_are_a_week(objective: Objective) -> None:
    for year in YEARS.values():
        allowed = Allowance(objective, year).allowed
        assert 4 * allowed["quarter"] == allowed["year"]
        assert 7 * allowed["day"] == allowed["week"]
        assert 30 * allowed["day"] == allowed["month"]


def test_json_has_exactly_the_documented_keys() -> None:
    actual = Allowance(Objective.parse("three nines")).as_json()
    assert actual == {
        "availability": 0.999,
        "nines": 3.0,
        "allowed_downtime_seconds": {
            "year": 31536.0,
            "quarter": 7884.0,
            "month": 2592.0,
            "week": 604.8,
            "day": 86.4,
        },
    }


def test_julian_year_is_six_hours_longer() -> None:
    assert (
        Allowance(Objective.parse(99), YEARS["365.25d"]).allowed["year"]
        == Fraction(6, 100) * 60 * MINUTE + (Allowance(Objective.parse(99)).allowed["year"])
    )


@given(objectives, st.integers(1, 365 * DAY))
def test_objective_is_computed_from_its_allowed_downtime(objective: Objective, days: int) -> None:
    window = days * 10_000_000
    assert from_downtime(int(objective.allowed(window)), window) == objective


@pytest.mark.parametrize(("downtime", "window"), [(DAY, DAY), (2 * DAY, DAY), (0, DAY), (1, 0)])
def test_downtime_as_long_as_the_window_is_rejected(downtime: int, window: int) -> None:
    with pytest.raises(ValueError, match=r"; (use|specify) "):
        from_downtime(downtime, window)


@given(objectives)
def test_largest_interval_fits_twice_into_the_allowed_downtime(o: Objective) -> None:
    interval = largest_interval(o)
    assert 2 * interval <= o.allowed(MONTH) < 2 * (interval + 1)


def test_five_nines_over_30_days_need_a_probe_every_12_96_seconds() -> None:
    assert largest_interval(Objective.parse("five nines")) == 12_960_000


@given(st.integers(1, 99_999).map(lambda n: Objective(Fraction(n, 100_000))))
def test_time_to_prove_is_the_shortest_that_proves_the_objective(objective: Objective) -> None:
    """Clopper-Pearson with only good observations: 0.05^(1/n) >= objective, checked without a logarithm."""
    n = observations_to_prove(objective)
    if n <= 2_000:
        assert objective.ratio**n <= Fraction(1, 20)
        assert n == 1 or objective.ratio ** (n - 1) > Fraction(1, 20)


def test_proof_of_five_nines_takes_209_days_with_one_probe_per_minute() -> None:
    assert observations_to_prove(Objective.parse("five nines")) == 299_572
    assert time_to_prove(Objective.parse("five nines"), MINUTE) / DAY == pytest.approx(208.04, abs=0.01)


def test_item_is_required_for_objectives_above_its_cap_only() -> None:
    items = tuple(ChecklistItem(c, c, c, c, Objective.parse(c).ratio) for c in ("99.95", "99.995"))
    checklist = Checklist("list", "List", "a page", items)
    assert required_items(Objective.parse("99.95"), checklist) == ()
    assert required_items(Objective.parse("99.99"), checklist) == items[:1]
    assert required_items(Objective.parse("99.999"), checklist) == items
