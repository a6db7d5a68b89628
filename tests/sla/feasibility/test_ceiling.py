"""What may be promised, apart from the arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.feasibility import Coupling, Design, FailOver, Limit, Maintenance, Planned, Standby, contradictions, limits
from sla.feasibility.ceiling import met_after
from sla.interval import DAY, MINUTE
from sla.readiness import Checklist, ChecklistItem
from tests.sla.feasibility.designs import design, handover, outside, part, site

ITEMS = {
    "disaster-recovery": "0.9995",
    "decoupled": "0.99995",
    "zero-downtime-deployment": "0.99995",
    "preserves-transactions": "0.99995",
    "stateless": "0.99995",
}
_LISTED = (ChecklistItem(name, name.title(), "text", "as it says", Fraction(cap)) for name, cap in ITEMS.items())
CHECKLIST = Checklist("list", "A list", "the page", tuple(_LISTED))
TWO_SITES = (site("here"), site("there"))


def safe(**fields: object) -> Design:
    return design(sites=TWO_SITES, fail_over=handover(), **fields)


def test_without_disaster_recovery_the_pages_cap_holds_whatever_is_said() -> None:
    ceiling = limits(design(), CHECKLIST, tuple(ITEMS))
    assert ceiling.at_most == Fraction("0.9995")
    assert ceiling.limits[0].reason == "Disaster-Recovery: no standby in another data centre"
    assert (ceiling.limits[0].source, ceiling.limits[0].quote) == ("the page", "as it says")
    assert ceiling.caps(Fraction("0.9996"))
    assert not ceiling.caps(Fraction("0.9995"))


def test_with_the_whole_list_nothing_caps() -> None:
    ceiling = limits(safe(), CHECKLIST, tuple(ITEMS))
    assert ceiling.at_most is None
    assert not ceiling.caps(Fraction("0.9999999"))


def test_an_item_that_nobody_speaks_for_is_unmet() -> None:
    ceiling = limits(safe(), CHECKLIST, [item for item in ITEMS if item != "stateless"])
    assert [limit.reason for limit in ceiling.limits] == ["Stateless: the plan does not list it under meets"]


def test_a_plans_own_rule_counts_too_and_the_lowest_stands_first() -> None:
    tier = Limit(Fraction("0.995"), "the tier", "its page")
    assert limits(design(), CHECKLIST, (), [tier]).limits[0] is tier


@pytest.mark.parametrize(
    ("made", "item", "says"),
    [
        (design(part("app"), outside("mail", Coupling.HARD)), "decoupled", "depends on Mail"),
        (design(outside("mail", Coupling.RETRIED, patience=MINUTE)), "decoupled", "for a limited time only"),
        (design(part("app", deployments=Planned(DAY, MINUTE))), "zero-downtime-deployment", "deployments of App"),
        (
            design(maintenance=Maintenance(Planned(DAY, MINUTE))),
            "zero-downtime-deployment",
            "maintenance causes downtime",
        ),
        (design(sites=TWO_SITES, fail_over=FailOver(Standby.COLD, 0, Fraction(1))), "preserves-transactions", "cold"),
        (design(sites=TWO_SITES), "disaster-recovery", "no standby"),
    ],
)
def test_a_design_shows_what_it_does_not_meet(made: Design, item: str, says: str) -> None:
    (reason,) = contradictions(made, item)
    assert says in reason
    assert any(limit.reason.endswith(reason) for limit in limits(made, CHECKLIST, tuple(ITEMS)).limits)


def test_a_decoupled_dependency_contradicts_nothing() -> None:
    assert contradictions(design(outside("mail", Coupling.DECOUPLED)), "decoupled") == ()


def test_a_change_meets_what_it_was_made_for_and_nothing_that_takes_somebodys_word() -> None:
    assert met_after(design(), safe(), ("stateless",)) == ("stateless", "disaster-recovery")
