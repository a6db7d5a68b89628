"""Compare predictions for couplings, sites, failover and shared parts with their formulas."""

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
    Failover,
    Maintenance,
    Part,
    Planned,
    Repairable,
    Site,
    Standby,
    TooManySharedPartsError,
    build_model,
    expected_unavailability,
    parallel,
    predict,
)
from sla.interval import DAY, HOUR, MINUTE
from tests.sla.feasibility.designs import GOOD, POOR, design, external, failover, part, site


def test_parts_outside_the_structure_are_required() -> None:
    assert expected_unavailability(design(part("app"), part("db"))) == pytest.approx(1 - 0.999**2)
    spare = design(part("app"), part("a"), part("b"), structure=parallel("a", "b"))
    assert expected_unavailability(spare) == pytest.approx(1 - 0.999 * (1 - 0.001**2))


def test_two_of_three_parts_equal_two_of_three_replicas() -> None:
    by_structure = design(*(part(n, POOR) for n in "abc"), structure=AtLeast(2, tuple("abc")))
    assert expected_unavailability(by_structure) == pytest.approx(
        expected_unavailability(design(part("abc", replace(POOR, replicas=3, needed=2))))
    )


def test_coupling_determines_the_downtime_from_a_dependency() -> None:
    """Hard: all outages. Retried: only outages longer than the retry period, u x exp(-r/m). Decoupled: none."""
    app = part("app")
    alone = expected_unavailability(design(app))
    hard = expected_unavailability(design(app, external("mail", Coupling.HARD, POOR)))
    retried = expected_unavailability(design(app, external("mail", Coupling.RETRIED, POOR, retry_period=30 * MINUTE)))
    assert 1 - hard == pytest.approx(0.999 * 0.99)
    assert 1 - retried == pytest.approx(0.999 * (1 - 0.01 * math.exp(-0.5)))
    assert expected_unavailability(design(app, external("mail", Coupling.DECOUPLED, POOR))) == alone


def test_retry_hides_deployments_shorter_than_the_patience() -> None:
    short, long = Planned(7 * DAY, 5 * MINUTE), Planned(7 * DAY, 20 * MINUTE)
    mail = external("mail", Coupling.RETRIED, GOOD, retry_period=10 * MINUTE)
    without_deployments = expected_unavailability(design(mail))
    assert expected_unavailability(design(replace(mail, deployments=short))) == pytest.approx(without_deployments)
    half = 10 * MINUTE / (7 * DAY)
    assert 1 - expected_unavailability(design(replace(mail, deployments=long))) == pytest.approx(
        (1 - without_deployments) * (1 - half)
    )


def test_failover_hides_outages_after_the_rto_if_the_standby_is_up() -> None:
    """u1 x (1 - s x exp(-r/m) x a2), for exponential outages of mean m."""
    two = design(sites=(site("here", POOR), site("there", POOR)), failover=failover())
    hidden = 0.9 * math.exp(-0.25) * 0.99
    assert 1 - expected_unavailability(two) == pytest.approx(0.999 * (1 - 0.01 * (1 - hidden)))


def test_one_of_several_standbys_is_sufficient() -> None:
    three = design(sites=(site("a", POOR), site("b", POOR), site("c", POOR)), failover=failover(rto=0, success="1"))
    assert 1 - expected_unavailability(three) == pytest.approx(0.999 * (1 - 0.01**3))


def test_outage_of_a_covered_part_causes_a_failover() -> None:
    sites = (site("here"), site("there"))
    without_cover = design(part("app", POOR), sites=sites, failover=failover())
    covered = design(part("app", POOR), sites=sites, failover=failover(covers=("app",)))
    assert expected_unavailability(covered) < expected_unavailability(without_cover) / 1.5


def test_second_site_without_failover_has_no_effect() -> None:
    assert expected_unavailability(design(sites=(site("a"), site("b")))) == expected_unavailability(
        design(sites=(site("a"),))
    )


def test_shared_site_is_counted_once() -> None:
    """A dependency in another data centre adds the outages of that data centre to its own."""
    sites = (site("here", POOR),)
    shared = design(external("mail", Coupling.HARD, needs=("here",)), sites=sites)
    assert 1 - expected_unavailability(shared) == pytest.approx(0.99 * 0.999)
    apart = design(external("mail", Coupling.HARD, needs=("host",)), part("host", POOR), sites=sites)
    assert 1 - expected_unavailability(apart) == pytest.approx(0.99 * 0.99 * 0.999)


def test_two_retries_of_one_shared_part_are_nested() -> None:
    """The shorter retry does not hide an outage that the longer retry does not hide."""
    host = part("host", POOR)
    quick = external("quick", Coupling.RETRIED, GOOD, retry_period=10 * MINUTE, needs=("host",))
    slow = external("slow", Coupling.RETRIED, GOOD, retry_period=40 * MINUTE, needs=("host",))
    model = build_model(design(quick, slow, replace(host, coupling=Coupling.DECOUPLED)))
    perfect = model.probabilities() | {"quick": 0.0, "slow": 0.0}
    assert Diagram(model.structure).probability_down(perfect) == pytest.approx(0.01 * math.exp(-1 / 6))


def test_part_with_many_paths_is_counted_once() -> None:
    """In 40 layers of two parts, each part needs both parts of the layer below: 2^40 paths, 80 parts."""
    layers = [(part("l0"), part("r0"))]
    for n in range(1, 40):
        below = (f"l{n - 1}", f"r{n - 1}")
        layers.append((part(f"l{n}", needs=below), part(f"r{n}", needs=below)))
    assert expected_unavailability(design(*(part for layer in layers for part in layer))) == pytest.approx(
        1 - 0.999**80
    )


def test_maintenance_is_counted_or_excluded() -> None:
    windows = Planned(30 * DAY, 3 * HOUR)
    counted, excluded = (design(maintenance=Maintenance(windows, counted)) for counted in (True, False))
    assert 1 - expected_unavailability(counted) == pytest.approx(0.999 * (1 - 3 / 720))
    assert expected_unavailability(excluded) == expected_unavailability(design())


def test_parts_that_only_fail_together_share_the_downtime() -> None:
    pair = predict(design(part("a", POOR), part("b", POOR), structure=parallel("a", "b")))
    assert [contributor.share for contributor in pair.contributors] == pytest.approx([0.5, 0.5])
    assert pair.downtime == pytest.approx(0.01**2 * YEAR)


def test_contributions_are_the_shares_of_aumann_and_shapley() -> None:
    """Of 2 of 3 parts, down if ab + bc + ca - 2abc: part a adds t(b + c) - 2t^2 bc while all rise from 0 to 1 times."""
    down = {"a": 0.1, "b": 0.3, "c": 0.5}
    parts = [part(name, Repairable(round(10 * HOUR / share) - 10 * HOUR, 10 * HOUR)) for name, share in down.items()]
    prediction = predict(design(*parts, structure=AtLeast(2, tuple(down))))
    product = math.prod(down.values())
    added = {name: share * (sum(down.values()) - share) / 2 - 2 * product / 3 for name, share in down.items()}
    shares = {contributor.id: contributor.share for contributor in prediction.contributors}
    assert shares == pytest.approx({name: share / sum(added.values()) for name, share in added.items()}, rel=1e-9)


def test_contributors_are_ordered_by_downtime_and_have_names() -> None:
    prediction = predict(design(part("app"), part("db", POOR, deployments=Planned(7 * DAY, MINUTE))))
    assert [(contributor.id, contributor.name) for contributor in prediction.contributors] == [
        ("db", "Db"),
        ("app", "App"),
        ("db/deployments", "deployments of Db"),
    ]


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """Generate designs with shared parts, retries, sites, failover, deployments and replicas."""
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
                external=True,
                coupling=coupling,
                retry_period=draw(st.integers(1, HOUR)),
            )
        )
    sites = tuple(Site(f"s{n}", f"s{n}", draw(processes)) for n in range(draw(st.integers(1, 3))))
    covers = tuple(draw(st.lists(st.sampled_from(ids), unique=True)))
    failover = Failover(Standby.WARM, draw(st.integers(0, HOUR)), draw(st.fractions(Fraction(1, 9), 1)), covers)
    k = draw(st.integers(1, len(ids)))
    plan_design = Design("d", tuple(parts), sites, failover, None, AtLeast(k, tuple(ids)))
    try:
        expected_unavailability(plan_design)
    except TooManySharedPartsError:  # tested in test_decision_diagram
        reject()
    return plan_design


@given(designs())
def test_contributors_add_up_to_the_downtime(plan_design: Design) -> None:
    """The sum is exact, also with shared parts."""
    prediction = predict(plan_design)
    assert sum(contributor.downtime for contributor in prediction.contributors) == pytest.approx(
        prediction.downtime, abs=1e-3
    )
    assert sum(contributor.share for contributor in prediction.contributors) == pytest.approx(
        1 if prediction.unavailability else 0
    )
    assert all(contributor.downtime >= 0 for contributor in prediction.contributors)


@given(designs(), st.integers(0, 4))
def test_additional_replica_never_lowers_availability(plan_design: Design, index: int) -> None:
    replicated_part = plan_design.parts[index % len(plan_design.parts)]
    replicated = replace(
        replicated_part, failures=replace(replicated_part.failures, replicas=replicated_part.failures.replicas + 1)
    )
    parts = tuple(replicated if part is replicated_part else part for part in plan_design.parts)
    assert expected_unavailability(replace(plan_design, parts=parts)) <= expected_unavailability(plan_design) * (
        1 + 1e-9
    )


@given(designs())
def test_design_is_not_better_than_its_worst_hard_dependency(plan_design: Design) -> None:
    all_required = replace(plan_design, structure=None, failover=None)
    hard = [part.failures.down for part in plan_design.parts if part.coupling is Coupling.HARD]
    assert expected_unavailability(all_required) >= max([*hard, plan_design.sites[0].failures.down]) * (1 - 1e-9)


def test_small_unavailability_is_not_rounded() -> None:
    prediction = predict(design(part("app")))
    assert prediction.exact_availability == 1 - Fraction(prediction.unavailability)
    assert prediction.availability == 1.0 - prediction.unavailability
    assert prediction.downtime == prediction.unavailability * YEAR
