"""Simulated years compared with exact formulas. Every seed is fixed, so the results do not vary."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from monitor.errors import NinewatchError
from monitor.planning.simulation import LEVELS, SimulatedYears, simulate
from sla.feasibility import (
    YEAR,
    AtLeast,
    Coupling,
    Design,
    Maintenance,
    Planned,
    Repairable,
    expected_unavailability,
    parallel,
    series,
)
from sla.interval import DAY, HOUR, MINUTE
from tests.sla.feasibility.designs import design, external, failover, part, site

OFTEN = Repairable(90 * HOUR, 10 * HOUR)  # down for 1 of 10 hours: many outages, so that few years are enough


def within_sampling_error(tested_design: Design, years: int = 2_000) -> bool:
    """Return whether the mean of the years is within three standard errors of the exact value."""
    sample = simulate(tested_design, years, seed=7)
    error = sample.availabilities.std() / years**0.5
    return bool(abs(sample.mean_unavailability - expected_unavailability(tested_design)) < 3 * error)


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_k_of_three_equals_the_binomial_tail(needed: int) -> None:
    assert within_sampling_error(design(part("a", replace(OFTEN, replicas=3, needed=needed))))


def test_repairable_pair_equals_its_closed_form() -> None:
    """It is down for u² of the time, in outages of mttr / 2 on average. Their number and length are compared."""
    pair = design(part("a", OFTEN), part("b", OFTEN), structure=parallel("a", "b"))
    years = simulate(pair, 2_000, seed=7)
    assert years.mean_unavailability == pytest.approx(0.01, rel=0.02)
    assert within_sampling_error(pair)


@pytest.mark.parametrize(
    "tested_design",
    [
        design(part("a", OFTEN), part("b", OFTEN)),
        design(*(part(n, OFTEN) for n in "abc"), structure=parallel(series("a", "b"), series("a", "c"))),
        design(*(part(n, OFTEN) for n in "abcd"), structure=AtLeast(2, tuple("abcd"))),
        design(part("a"), external("b", Coupling.RETRIED, OFTEN, retry_period=4 * HOUR)),
        design(part("a", OFTEN, deployments=Planned(7 * DAY, 5 * HOUR))),
        design(sites=(site("a", OFTEN), site("b", OFTEN)), failover=failover(rto=3 * HOUR, success="0.7")),
        design(
            part("app", OFTEN, needs=("a",)),
            sites=(site("a", OFTEN), site("b", OFTEN)),
            failover=failover(rto=HOUR, success="0.9", covers=("app",)),
        ),
        design(
            external("b", Coupling.RETRIED, replace(OFTEN, replicas=2), retry_period=2 * HOUR, needs=("host",)),
            external("c", Coupling.RETRIED, OFTEN, retry_period=HOUR, needs=("host",)),
            part("host", OFTEN, coupling=Coupling.DECOUPLED),
        ),
        design(part("a", OFTEN), maintenance=Maintenance(Planned(30 * DAY, 12 * HOUR), counted=True)),
        design(part("a", OFTEN), maintenance=Maintenance(Planned(30 * DAY, 12 * HOUR), counted=False)),
    ],
    ids=[
        "series",
        "shared",
        "k-of-n",
        "retry",
        "deployments",
        "failover",
        "covered",
        "nested-retries",
        "maintenance",
        "excluded",
    ],
)
def test_mean_of_the_years_equals_the_exact_figure(tested_design: Design) -> None:
    """The simulation and the algebra use the same model."""
    assert within_sampling_error(tested_design)


def test_years_depend_on_the_seed() -> None:
    tested_design = design(part("a", OFTEN))
    first, same_seed, other = (simulate(tested_design, 50, seed).downtime.tolist() for seed in (1, 1, 2))
    assert first == same_seed != other


def test_longer_simulation_begins_with_the_same_years() -> None:
    tested_design = design(part("a", OFTEN))
    assert simulate(tested_design, 700, 1).downtime[:30].tolist() == simulate(tested_design, 30, 1).downtime.tolist()


def test_years_of_a_part_do_not_depend_on_other_parts() -> None:
    """Two designs therefore differ by their difference and not by chance: the better one is better in every year."""
    alone = simulate(design(part("a", OFTEN)), 50, 1).downtime
    extended = simulate(design(part("a", OFTEN), part("b", OFTEN)), 50, 1).downtime
    assert (extended >= alone).all()


def test_simulated_figures_are_the_same_on_every_machine() -> None:
    """The random stream is fixed; a change here changes every plan's output."""
    years = simulate(design(part("a", Repairable(30 * DAY, HOUR))), 20, seed=1)
    # microseconds; log1p may differ in its last bit
    assert years.downtime[:3].tolist() == pytest.approx(
        [46892146649, 37525566608, 42899933856], abs=1_000
    )  # us: log1p may differ in its last bit


def test_outage_continues_into_the_next_year() -> None:
    """One outage of several years is downtime in each of them, and at most a year's length."""
    years = simulate(design(part("a", Repairable(YEAR, 20 * YEAR))), 200, 1)
    assert years.downtime.max() == YEAR
    assert years.mean_unavailability == pytest.approx(20 / 21, abs=0.05)


def test_excluded_maintenance_is_removed_from_the_year() -> None:
    windows = Planned(30 * DAY, DAY)
    counted, excluded = (
        simulate(design(part("a", OFTEN), maintenance=Maintenance(windows, with_maintenance)), 40, 1)
        for with_maintenance in (True, False)
    )
    assert (counted.remaining == YEAR).all()
    assert (excluded.remaining <= YEAR - 11 * DAY).all()
    assert (excluded.downtime < counted.downtime).all()


def years(*downtimes: int) -> SimulatedYears:
    return SimulatedYears(np.array(downtimes, np.int64), np.full(len(downtimes), YEAR, np.int64))


def test_year_at_exactly_the_objective_meets_it() -> None:
    allowed = YEAR // 100_000  # 99.999 %: 315.36 s, a whole number of microseconds
    assert years(allowed).share_reaching(LEVELS[-1]) == 1.0
    assert years(allowed + 1).share_reaching(LEVELS[-1]) == 0.0


def test_quantiles_are_simulated_years() -> None:
    sample = years(*(n * YEAR // 100 for n in range(20)))
    assert sample.quantile(Fraction(1, 20)) == pytest.approx(0.81)
    assert sample.quantile(Fraction(1, 2)) == pytest.approx(0.90)
    assert sample.quantile(Fraction(19, 20)) == pytest.approx(0.99)


def test_too_long_simulation_is_rejected_with_a_remedy() -> None:
    busy = design(*(part(f"p{n}", Repairable(HOUR, MINUTE, 20)) for n in range(50)))
    with pytest.raises(NinewatchError, match=r"use --years \d+ or fewer"):
        simulate(busy, 10_000, 1)


def test_very_reliable_part_stays_within_range() -> None:
    assert simulate(design(part("a", Repairable(10**22, HOUR))), 20, 1).downtime.sum() == 0
