"""Tests of exact predictions (`needs`, structures, shared parts), compared with a sum over all states."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings

from sla.feasibility import Design, Diagram, build_model, expected_unavailability, parallel
from tests.sla.feasibility.designs import GOOD, POOR, design, part
from tests.sla.feasibility.enumeration import designs, enumerated_unavailability, part_and_site_ids


@settings(max_examples=200)
@given(designs())
def test_diagram_of_a_design_equals_the_sum_over_all_states(plan_design: Design) -> None:
    """The comparison is exact, because the probabilities are fractions."""
    probabilities = {name: Fraction(1, 3 + number) for number, name in enumerate(part_and_site_ids(plan_design))}
    assert Diagram(build_model(plan_design).structure).probability_down(probabilities) == enumerated_unavailability(
        plan_design, probabilities
    )


def test_need_of_one_parallel_branch_is_required_only_by_that_branch() -> None:
    """The design is down only if both branches are down; one branch needs a database."""
    plan_design = design(
        part("a", needs=("db",)),
        part("b"),
        part("db", POOR, needs=("disk",)),
        part("disk"),
        structure=parallel("a", "b"),
    )
    assert expected_unavailability(plan_design) == pytest.approx((1 - 0.999 * 0.99 * 0.999) * 0.001)


def test_need_of_both_branches_is_required_by_the_design() -> None:
    plan_design = design(
        part("a", needs=("db",)), part("b", needs=("db",)), part("db", POOR), structure=parallel("a", "b")
    )
    assert expected_unavailability(plan_design) == pytest.approx(1 - 0.99 * (1 - 0.001**2))


def test_part_outside_the_structure_is_required_with_its_needs() -> None:
    plan_design = design(
        part("a", needs=("db",)),
        part("b"),
        part("db", POOR),
        part("web", needs=("net",)),
        part("net", GOOD),
        structure=parallel("a", "b"),
    )
    branches = (1 - 0.999 * 0.99) * 0.001
    assert expected_unavailability(plan_design) == pytest.approx(1 - (1 - branches) * 0.999**2)
