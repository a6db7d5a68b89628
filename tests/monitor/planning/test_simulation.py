"""Simulated years against closed forms. Every seed is fixed: a test that passes does so always, on any machine."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from monitor.errors import NinewatchError
from monitor.planning.simulation import LEVELS, Years, simulate
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
from tests.sla.feasibility.designs import design, fail_over, outside, part, site

OFTEN = Repairable(90 * HOUR, 10 * HOUR)  # down 1 in 10: many outages, so that few years say much


def within_sampling_error(made: Design, years: int = 2_000) -> bool:
    """Whether the mean of the years lies within three standard errors of the exact figure."""
    drawn = simulate(made, years, seed=7)
    error = drawn.availabilities.std() / years**0.5
    return bool(abs(drawn.mean_down - expected_unavailability(made)) < 3 * error)


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_k_of_three_comes_to_the_binomial_tail(needed: int) -> None:
    assert within_sampling_error(design(part("a", replace(OFTEN, replicas=3, needed=needed))))


def test_a_repairable_pair_comes_to_its_closed_form() -> None:
    """Down u² of the time, in outages of mttr / 2 on average: so many of them, and so long."""
    pair = design(part("a", OFTEN), part("b", OFTEN), structure=parallel("a", "b"))
    drawn = simulate(pair, 2_000, seed=7)
    assert drawn.mean_down == pytest.approx(0.01, rel=0.02)
    assert within_sampling_error(pair)


@pytest.mark.parametrize(
    "made",
    [
        design(part("a", OFTEN), part("b", OFTEN)),
        design(*(part(n, OFTEN) for n in "abc"), structure=parallel(series("a", "b"), series("a", "c"))),
        design(*(part(n, OFTEN) for n in "abcd"), structure=AtLeast(2, tuple("abcd"))),
        design(part("a"), outside("b", Coupling.RETRIED, OFTEN, patience=4 * HOUR)),
        design(part("a", OFTEN, deployments=Planned(7 * DAY, 5 * HOUR))),
        design(sites=(site("a", OFTEN), site("b", OFTEN)), fail_over=fail_over(rto=3 * HOUR, success="0.7")),
        design(
            part("app", OFTEN, needs=("a",)),
            sites=(site("a", OFTEN), site("b", OFTEN)),
            fail_over=fail_over(rto=HOUR, success="0.9", covers=("app",)),
        ),
        design(
            outside("b", Coupling.RETRIED, replace(OFTEN, replicas=2), patience=2 * HOUR, needs=("host",)),
            outside("c", Coupling.RETRIED, OFTEN, patience=HOUR, needs=("host",)),
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
        "fail-over",
        "covered",
        "nested-retries",
        "maintenance",
        "excluded",
    ],
)
def test_the_years_come_to_the_exact_figure(made: Design) -> None:
    """The simulation and the algebra read one model; here they are held to mean the same by it."""
    assert within_sampling_error(made)


def test_the_same_seed_gives_the_same_years_and_another_one_others() -> None:
    made = design(part("a", OFTEN))
    first, again, other = (simulate(made, 50, seed).downtime.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_more_years_begin_with_the_same_ones() -> None:
    made = design(part("a", OFTEN))
    assert simulate(made, 700, 1).downtime[:30].tolist() == simulate(made, 30, 1).downtime.tolist()


def test_a_parts_years_do_not_depend_on_what_else_is_in_the_design() -> None:
    """So that two designs differ by their difference and not by luck: the better one is so in every single year."""
    alone = simulate(design(part("a", OFTEN)), 50, 1).downtime
    more = simulate(design(part("a", OFTEN), part("b", OFTEN)), 50, 1).downtime
    assert (more >= alone).all()


def test_these_very_figures_come_out_everywhere() -> None:
    """Drawn from a stream that is fixed for ever; a change here changes every plan's answer."""
    drawn = simulate(design(part("a", Repairable(30 * DAY, HOUR))), 20, seed=1)
    # microseconds; log1p may differ in its last bit
    assert drawn.downtime[:3].tolist() == pytest.approx(
        [46892146649, 37525566608, 42899933856], abs=1_000
    )  # us: log1p may differ in its last bit


def test_outages_run_on_from_one_year_into_the_next() -> None:
    """One outage of years on end is downtime in each of them, and no year has more than it is long."""
    drawn = simulate(design(part("a", Repairable(YEAR, 20 * YEAR))), 200, 1)
    assert drawn.downtime.max() == YEAR
    assert drawn.mean_down == pytest.approx(20 / 21, abs=0.05)


def test_excluded_maintenance_leaves_the_year_and_counted_does_not() -> None:
    windows = Planned(30 * DAY, DAY)
    counted, excluded = (
        simulate(design(part("a", OFTEN), maintenance=Maintenance(windows, kept)), 40, 1) for kept in (True, False)
    )
    assert (counted.counted == YEAR).all()
    assert (excluded.counted <= YEAR - 11 * DAY).all()
    assert (excluded.downtime < counted.downtime).all()


def years(*downtimes: int) -> Years:
    return Years(np.array(downtimes, np.int64), np.full(len(downtimes), YEAR, np.int64))


def test_a_year_at_the_level_reaches_it_to_the_microsecond() -> None:
    allowed = YEAR // 100_000  # 99.999 %: 315.36 s, a whole number of microseconds
    assert years(allowed).chance(LEVELS[-1]) == 1.0
    assert years(allowed + 1).chance(LEVELS[-1]) == 0.0


def test_quantiles_are_years_that_were_drawn() -> None:
    drawn = years(*(n * YEAR // 100 for n in range(20)))
    assert drawn.quantile(Fraction(1, 20)) == pytest.approx(0.81)
    assert drawn.quantile(Fraction(1, 2)) == pytest.approx(0.90)
    assert drawn.quantile(Fraction(19, 20)) == pytest.approx(0.99)


def test_what_would_take_an_hour_to_draw_is_refused_with_what_to_ask_for() -> None:
    busy = design(*(part(f"p{n}", Repairable(HOUR, MINUTE, 20)) for n in range(50)))
    with pytest.raises(NinewatchError, match=r"use --years \d+ or fewer"):
        simulate(busy, 10_000, 1)


def test_a_part_that_hardly_ever_fails_keeps_within_range() -> None:
    assert simulate(design(part("a", Repairable(10**22, HOUR))), 20, 1).downtime.sum() == 0
