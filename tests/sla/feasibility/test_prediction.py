"""What couplings, sites, fail-over and shared parts come to, each beside its formula."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from sla.feasibility import (
    YEAR,
    AtLeast,
    Coupling,
    Design,
    Diagram,
    EntangledError,
    FailOver,
    Maintenance,
    Part,
    Planned,
    Repairable,
    Site,
    Standby,
    expected_down,
    model_of,
    parallel,
    predict,
)
from sla.interval import DAY, HOUR, MINUTE
from tests.sla.feasibility.designs import GOOD, POOR, design, handover, outside, part, site


def test_parts_that_the_structure_does_not_name_are_all_needed() -> None:
    assert expected_down(design(part("app"), part("db"))) == pytest.approx(1 - 0.999**2)
    spare = design(part("app"), part("a"), part("b"), structure=parallel("a", "b"))
    assert expected_down(spare) == pytest.approx(1 - 0.999 * (1 - 0.001**2))


def test_two_of_three_by_structure_is_two_of_three_by_replicas() -> None:
    named = design(*(part(n, POOR) for n in "abc"), structure=AtLeast(2, tuple("abc")))
    assert expected_down(named) == pytest.approx(
        expected_down(design(part("abc", replace(POOR, replicas=3, needed=2))))
    )


def test_a_dependency_costs_what_its_coupling_lets_through() -> None:
    """Hard: all of it. Retried: what outlasts the patience, u x exp(-r/m). Decoupled: nothing."""
    app = part("app")
    alone = expected_down(design(app))
    hard = expected_down(design(app, outside("mail", Coupling.HARD, POOR)))
    retried = expected_down(design(app, outside("mail", Coupling.RETRIED, POOR, patience=30 * MINUTE)))
    assert 1 - hard == pytest.approx(0.999 * 0.99)
    assert 1 - retried == pytest.approx(0.999 * (1 - 0.01 * math.exp(-0.5)))
    assert expected_down(design(app, outside("mail", Coupling.DECOUPLED, POOR))) == alone


def test_a_retry_outlasts_short_deployments_of_others_altogether() -> None:
    short, long = Planned(7 * DAY, 5 * MINUTE), Planned(7 * DAY, 20 * MINUTE)
    mail = outside("mail", Coupling.RETRIED, GOOD, patience=10 * MINUTE)
    bare = expected_down(design(mail))
    assert expected_down(design(replace(mail, deployments=short))) == pytest.approx(bare)
    half = 10 * MINUTE / (7 * DAY)
    assert 1 - expected_down(design(replace(mail, deployments=long))) == pytest.approx((1 - bare) * (1 - half))


def test_a_fail_over_hides_what_comes_after_the_rto_if_it_works_and_the_standby_is_up() -> None:
    """u1 x (1 - s x exp(-r/m) x a2), for exponential outages of mean m."""
    two = design(sites=(site("here", POOR), site("there", POOR)), fail_over=handover())
    hidden = 0.9 * math.exp(-0.25) * 0.99
    assert 1 - expected_down(two) == pytest.approx(0.999 * (1 - 0.01 * (1 - hidden)))


def test_any_of_several_standbys_will_do() -> None:
    three = design(sites=(site("a", POOR), site("b", POOR), site("c", POOR)), fail_over=handover(rto=0, success="1"))
    assert 1 - expected_down(three) == pytest.approx(0.999 * (1 - 0.01**3))


def test_a_covered_part_is_handed_over_like_the_site() -> None:
    sites = (site("here"), site("there"))
    bare = design(part("app", POOR), sites=sites, fail_over=handover())
    covered = design(part("app", POOR), sites=sites, fail_over=handover(covers=("app",)))
    assert expected_down(covered) < expected_down(bare) / 1.5


def test_without_fail_over_a_second_site_changes_nothing() -> None:
    assert expected_down(design(sites=(site("a"), site("b")))) == expected_down(design(sites=(site("a"),)))


def test_what_stands_on_the_same_site_is_lost_once() -> None:
    """A dependency in our own data centre costs only its own outages; in another one, that one's as well."""
    sites = (site("here", POOR),)
    shared = design(outside("mail", Coupling.HARD, needs=("here",)), sites=sites)
    assert 1 - expected_down(shared) == pytest.approx(0.99 * 0.999)
    apart = design(outside("mail", Coupling.HARD, needs=("host",)), part("host", POOR), sites=sites)
    assert 1 - expected_down(apart) == pytest.approx(0.99 * 0.99 * 0.999)


def test_two_patiences_over_one_shared_part_are_nested() -> None:
    """What the longer retry does not hide, the shorter one does not either: the worse of the two decides."""
    host = part("host", POOR)
    quick = outside("quick", Coupling.RETRIED, GOOD, patience=10 * MINUTE, needs=("host",))
    slow = outside("slow", Coupling.RETRIED, GOOD, patience=40 * MINUTE, needs=("host",))
    model = model_of(design(quick, slow, replace(host, coupling=Coupling.DECOUPLED)))
    perfect = model.chances() | {"quick": 0.0, "slow": 0.0}
    assert Diagram(model.structure).down(perfect) == pytest.approx(0.01 * math.exp(-1 / 6))


def test_what_many_ways_lead_to_is_counted_once() -> None:
    """Forty layers of two parts, each standing on both of the layer below: 2^40 ways down, 80 parts."""
    layers = [(part("l0"), part("r0"))]
    for n in range(1, 40):
        below = (f"l{n - 1}", f"r{n - 1}")
        layers.append((part(f"l{n}", needs=below), part(f"r{n}", needs=below)))
    assert expected_down(design(*(each for layer in layers for each in layer))) == pytest.approx(1 - 0.999**80)


def test_maintenance_counts_or_leaves_the_year() -> None:
    windows = Planned(30 * DAY, 3 * HOUR)
    counted, excluded = (design(maintenance=Maintenance(windows, counted)) for counted in (True, False))
    assert 1 - expected_down(counted) == pytest.approx(0.999 * (1 - 3 / 720))
    assert expected_down(excluded) == expected_down(design())


def test_members_of_a_pair_share_what_they_can_only_do_together() -> None:
    pair = predict(design(part("a", POOR), part("b", POOR), structure=parallel("a", "b")))
    assert [each.share for each in pair.contributors] == pytest.approx([0.5, 0.5])
    assert pair.downtime == pytest.approx(0.01**2 * YEAR)


def test_the_largest_contributor_stands_first_by_its_name() -> None:
    found = predict(design(part("app"), part("db", POOR, deployments=Planned(7 * DAY, MINUTE))))
    assert [(each.id, each.name) for each in found.contributors] == [
        ("db", "Db"),
        ("app", "App"),
        ("db/deployments", "deployments of Db"),
    ]


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """Designs with everything in them: sharing, retries, sites, fail-over, deployments, replicas."""
    processes = st.builds(
        Repairable, st.integers(10 * DAY, 400 * DAY), st.integers(MINUTE, DAY), st.integers(1, 3), st.just(1)
    )
    ids = [f"p{n}" for n in range(draw(st.integers(1, 4)))]
    parts = []
    for index, name in enumerate(ids):
        coupling = draw(st.sampled_from(Coupling))
        parts.append(
            Part(
                name,
                name,
                draw(processes),
                tuple(draw(st.lists(st.sampled_from([*ids[:index], "s0"]), unique=True, max_size=2))),
                draw(st.none() | st.builds(Planned, st.just(7 * DAY), st.integers(1, HOUR))),
                outside=True,
                coupling=coupling,
                patience=draw(st.integers(1, HOUR)),
            )
        )
    sites = tuple(Site(f"s{n}", f"s{n}", draw(processes)) for n in range(draw(st.integers(1, 3))))
    covers = tuple(draw(st.lists(st.sampled_from(ids), unique=True)))
    fail_over = FailOver(Standby.WARM, draw(st.integers(0, HOUR)), draw(st.fractions(Fraction(1, 9), 1)), covers)
    k = draw(st.integers(1, len(ids)))
    made = Design("d", tuple(parts), sites, fail_over, None, AtLeast(k, tuple(ids)))
    try:
        expected_down(made)
    except EntangledError:  # a refusal that has tests of its own
        reject()
    return made


@given(designs())
def test_contributors_add_up_to_the_downtime(made: Design) -> None:
    """No double counting and nothing left over, whatever is shared."""
    found = predict(made)
    assert sum(each.downtime for each in found.contributors) == pytest.approx(found.downtime, abs=1e-3)
    assert sum(each.share for each in found.contributors) == pytest.approx(1 if found.down else 0)
    assert all(each.downtime >= 0 for each in found.contributors)


@given(designs(), st.integers(0, 4))
def test_one_more_replica_never_lowers_availability(made: Design, index: int) -> None:
    chosen = made.parts[index % len(made.parts)]
    more = replace(chosen, failures=replace(chosen.failures, replicas=chosen.failures.replicas + 1))
    parts = tuple(more if each is chosen else each for each in made.parts)
    assert expected_down(replace(made, parts=parts)) <= expected_down(made) * (1 + 1e-9)


@given(designs())
def test_a_whole_of_all_parts_is_no_better_than_its_worst_leaf_that_nothing_hides(made: Design) -> None:
    alone = replace(made, structure=None, fail_over=None)
    hard = [each.failures.down for each in made.parts if each.coupling is Coupling.HARD]
    assert expected_down(alone) >= max([*hard, made.sites[0].failures.down]) * (1 - 1e-9)


def test_a_prediction_loses_no_digit_of_a_small_downtime() -> None:
    found = predict(design(part("app")))
    assert found.exact == 1 - Fraction(found.down)
    assert found.availability == 1.0 - found.down
    assert found.downtime == found.down * YEAR
