"""Tests of the exact probability of a structure, compared with a sum over all states of its parts."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.feasibility import AtLeast, Diagram, Structure, TooManySharedPartsError, names, parallel, series

PARTS = "abcde"
probabilities = st.fixed_dictionaries({name: st.fractions(0, 1, max_denominator=20) for name in PARTS})


def combine(members: st.SearchStrategy[Structure]) -> st.SearchStrategy[Structure]:
    """Generate structures of at least k members, with k from 0 (always up) to all members."""
    return st.lists(members, min_size=1, max_size=4).flatmap(
        lambda selected: st.integers(0, len(selected)).map(lambda k: AtLeast(k, tuple(selected)))
    )


structures: st.SearchStrategy[Structure] = st.recursive(st.sampled_from(PARTS), combine, max_leaves=12)


def is_up(structure: Structure, up: dict[str, bool]) -> bool:
    if isinstance(structure, str):
        return up[structure]
    return sum(is_up(member, up) for member in structure.members) >= structure.k


def enumerated_probability(structure: Structure, down: dict[str, Fraction]) -> Fraction:
    """Add up the probabilities of all states in which the structure is down."""
    total = Fraction(0)
    for states in product((True, False), repeat=len(PARTS)):
        up = dict(zip(PARTS, states, strict=True))
        if not is_up(structure, up):
            total += prod((1 - down[name] if up[name] else down[name]) for name in PARTS)
    return total


@given(structures, probabilities)
def test_probability_equals_the_sum_over_all_states(structure: Structure, down: dict[str, Fraction]) -> None:
    """The result is exact, also if parts occur several times."""
    assert Diagram(structure).probability_down(down) == enumerated_probability(structure, down)


@given(structures, probabilities)
def test_importance_is_the_increase_when_the_part_goes_down(structure: Structure, down: dict[str, Fraction]) -> None:
    """Birnbaum importance: the probability with the part down minus the probability with the part up."""
    diagram = Diagram(structure)
    for name, slope in diagram.importances({name: float(probability) for name, probability in down.items()}).items():
        difference = diagram.probability_down(down | {name: Fraction(1)}) - diagram.probability_down(
            down | {name: Fraction(0)}
        )
        assert slope == pytest.approx(float(difference), abs=1e-12)
        assert slope >= -1e-15


@given(structures, probabilities, st.sampled_from(PARTS))
def test_more_reliable_part_never_increases_the_probability(
    structure: Structure, down: dict[str, Fraction], name: str
) -> None:
    diagram = Diagram(structure)
    assert diagram.probability_down(down | {name: down[name] / 2}) <= diagram.probability_down(down)


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5, unique=True), probabilities)
def test_series_and_parallel_have_the_textbook_probabilities(parts: list[str], down: dict[str, Fraction]) -> None:
    values = [down[name] for name in parts]
    assert Diagram(series(*parts)).probability_down(down) >= max(values)
    assert Diagram(parallel(*parts)).probability_down(down) <= min(values)
    assert Diagram(series(*parts)).probability_down(down) == 1 - prod(1 - probability for probability in values)
    assert Diagram(parallel(*parts)).probability_down(down) == prod(values)


def test_part_shared_by_both_members_is_counted_once() -> None:
    """Two servers (down 1 in 10) share a network (down 1 in 100). Multiplication would give 0.0119."""
    structure = parallel(series("a", "n"), series("b", "n"))
    down = {"a": Fraction(1, 10), "b": Fraction(1, 10), "n": Fraction(1, 100)}
    assert Diagram(structure).probability_down(down) == Fraction(1, 100) + Fraction(99, 100) * Fraction(1, 100)


def test_structure_without_members_is_always_up() -> None:
    assert Diagram(series()).probability_down({}) == 0
    assert Diagram(parallel(series(), "a")).probability_down({"a": Fraction(1)}) == 0


def test_very_small_probabilities_are_exact() -> None:
    """Four parts of 1e-6 in parallel give 1e-24, which is lost in 1 minus an availability."""
    assert Diagram(parallel(*"abcd")).probability_down(dict.fromkeys("abcd", 1e-6)) == pytest.approx(1e-24, rel=1e-12)


def test_structure_of_hundreds_of_parts() -> None:
    parts = [f"p{n}" for n in range(300)]
    diagram = Diagram(series(*(parallel(name, f"{name}'") for name in parts)))
    assert len(list(names(series(*diagram.parts)))) == 600
    assert diagram.probability_down(dict.fromkeys(diagram.parts, 0.01)) == pytest.approx(1 - 0.9999**300)


def test_too_many_shared_parts_are_rejected() -> None:
    """The first members of 200 pairs come before all second members, so the diagram needs 2^200 nodes."""
    first, second = [f"a{n}" for n in range(200)], [f"b{n}" for n in range(200)]
    crossed = parallel(series(*first), series(*map(parallel, first, second)))
    with pytest.raises(TooManySharedPartsError, match="split the design"):
        Diagram(crossed)


def test_too_deep_structure_is_rejected_with_the_same_message() -> None:
    first, second = (series(*(f"{letter}{n}" for n in range(1_000))) for letter in "ab")
    with pytest.raises(TooManySharedPartsError, match="split the design"):
        Diagram(parallel(first, second))
