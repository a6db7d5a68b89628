"""The exact algebra against every combination of parts that are up and down: `needs`, structures, shared parts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings

from sla.feasibility import Design, Diagram, expected_down, model_of, parallel
from tests.sla.feasibility.designs import GOOD, POOR, design, part
from tests.sla.feasibility.enumeration import designs, enumerated, names_of


@settings(max_examples=200)
@given(designs())
def test_a_design_means_what_its_diagram_computes(made: Design) -> None:
    """To the last digit: chances are fractions."""
    chances = {name: Fraction(1, 3 + number) for number, name in enumerate(names_of(made))}
    assert Diagram(model_of(made).structure).down(chances) == enumerated(made, chances)


def test_what_one_branch_of_any_needs_is_not_needed_by_the_whole() -> None:
    """Two ways, one through a database of its own: down only when both are."""
    made = design(
        part("a", needs=("db",)),
        part("b"),
        part("db", POOR, needs=("disk",)),
        part("disk"),
        structure=parallel("a", "b"),
    )
    assert expected_down(made) == pytest.approx((1 - 0.999 * 0.99 * 0.999) * 0.001)


def test_what_both_branches_need_is_needed_by_the_whole() -> None:
    made = design(part("a", needs=("db",)), part("b", needs=("db",)), part("db", POOR), structure=parallel("a", "b"))
    assert expected_down(made) == pytest.approx(1 - 0.99 * (1 - 0.001**2))


def test_a_part_that_nothing_reaches_is_needed_beside_the_structure_with_what_it_needs() -> None:
    made = design(
        part("a", needs=("db",)),
        part("b"),
        part("db", POOR),
        part("web", needs=("net",)),
        part("net", GOOD),
        structure=parallel("a", "b"),
    )
    branches = (1 - 0.999 * 0.99) * 0.001
    assert expected_down(made) == pytest.approx(1 - (1 - branches) * 0.999**2)
