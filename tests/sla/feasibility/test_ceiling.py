"""Tests of the ceilings of an availability that may be promised."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.feasibility import (
    Coupling,
    Design,
    Failover,
    Limit,
    Maintenance,
    Planned,
    Standby,
    contradictions,
    find_ceiling,
)
from sla.feasibility.ceiling import met_items_after
from sla.interval import DAY, MINUTE
from sla.readiness import Checklist, ChecklistItem
from tests.sla.feasibility.designs import design, external, failover, part, site

ITEMS = {
    "disaster-recovery": "0.9995",
    "decoupled": "0.99995",
    "zero-downtime-deployment": "0.99995",
    "preserves-transactions": "0.99995",
    "stateless": "0.99995",
}
_ITEMS = (ChecklistItem(name, name.title(), "text", "as it says", Fraction(cap)) for name, cap in ITEMS.items())
CHECKLIST = Checklist("list", "A list", "the page", tuple(_ITEMS))
TWO_SITES = (site("here"), site("there"))


def with_warm_standby(**fields: object) -> Design:
    return design(sites=TWO_SITES, failover=failover(), **fields)


def test_without_disaster_recovery_the_ceiling_is_99_95_percent() -> None:
    ceiling = find_ceiling(design(), CHECKLIST, tuple(ITEMS))
    assert ceiling.maximum == Fraction("0.9995")
    assert ceiling.limits[0].reason == "Disaster-Recovery: no standby in another data centre"
    assert (ceiling.limits[0].source, ceiling.limits[0].quote) == ("the page", "as it says")
    assert ceiling.is_below(Fraction("0.9996"))
    assert not ceiling.is_below(Fraction("0.9995"))


def test_without_unmet_items_there_is_no_ceiling() -> None:
    ceiling = find_ceiling(with_warm_standby(), CHECKLIST, tuple(ITEMS))
    assert ceiling.maximum is None
    assert not ceiling.is_below(Fraction("0.9999999"))


def test_item_that_the_plan_does_not_list_is_unmet() -> None:
    ceiling = find_ceiling(with_warm_standby(), CHECKLIST, [item for item in ITEMS if item != "stateless"])
    assert [limit.reason for limit in ceiling.limits] == ["Stateless: the plan does not list it under meets"]


def test_limits_of_the_plan_are_included_and_the_lowest_is_first() -> None:
    tier = Limit(Fraction("0.995"), "the tier", "its page")
    assert find_ceiling(design(), CHECKLIST, (), [tier]).limits[0] is tier


@pytest.mark.parametrize(
    ("plan_design", "item", "expected"),
    [
        (design(part("app"), external("mail", Coupling.HARD)), "decoupled", "depends on Mail"),
        (design(external("mail", Coupling.RETRIED, retry_period=MINUTE)), "decoupled", "for a limited time only"),
        (design(part("app", deployments=Planned(DAY, MINUTE))), "zero-downtime-deployment", "deployments of App"),
        (
            design(maintenance=Maintenance(Planned(DAY, MINUTE))),
            "zero-downtime-deployment",
            "maintenance causes downtime",
        ),
        (design(sites=TWO_SITES, failover=Failover(Standby.COLD, 0, Fraction(1))), "preserves-transactions", "cold"),
        (design(sites=TWO_SITES), "disaster-recovery", "no standby"),
    ],
)
def test_contradicted_item_limits_the_promise_with_a_reason(plan_design: Design, item: str, expected: str) -> None:
    (reason,) = contradictions(plan_design, item)
    assert expected in reason
    assert any(limit.reason.endswith(reason) for limit in find_ceiling(plan_design, CHECKLIST, tuple(ITEMS)).limits)


def test_decoupled_dependency_does_not_contradict_decoupled() -> None:
    assert contradictions(design(external("mail", Coupling.DECOUPLED)), "decoupled") == ()


def test_part_inside_the_design_does_not_contradict_decoupled() -> None:
    for coupling in (Coupling.HARD, Coupling.RETRIED):
        inside = part("db", coupling=coupling, retry_period=MINUTE)
        assert contradictions(design(inside), "decoupled") == ()


def test_change_adds_only_met_items_that_follow_from_the_design() -> None:
    assert met_items_after(design(), with_warm_standby(), ("stateless",)) == ("stateless", "disaster-recovery")
