"""The exact chance of a structure, against every state of its parts written out one by one."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.feasibility import AtLeast, Diagram, EntangledError, Structure, names, parallel, series

PARTS = "abcde"
chances = st.fixed_dictionaries({name: st.fractions(0, 1, max_denominator=20) for name in PARTS})


def whole(members: st.SearchStrategy[Structure]) -> st.SearchStrategy[Structure]:
    """At least k of some members, k from 0 (always up) to all of them."""
    return st.lists(members, min_size=1, max_size=4).flatmap(
        lambda made: st.integers(0, len(made)).map(lambda k: AtLeast(k, tuple(made)))
    )


structures: st.SearchStrategy[Structure] = st.recursive(st.sampled_from(PARTS), whole, max_leaves=12)


def is_up(structure: Structure, up: dict[str, bool]) -> bool:
    if isinstance(structure, str):
        return up[structure]
    return sum(is_up(member, up) for member in structure.members) >= structure.k


def enumerated(structure: Structure, down: dict[str, Fraction]) -> Fraction:
    """Add up the chances of all states in which the structure is down."""
    found = Fraction(0)
    for states in product((True, False), repeat=len(PARTS)):
        up = dict(zip(PARTS, states, strict=True))
        if not is_up(structure, up):
            found += prod((1 - down[name] if up[name] else down[name]) for name in PARTS)
    return found


@given(structures, chances)
def test_shared_parts_are_conditioned_on_not_multiplied(structure: Structure, down: dict[str, Fraction]) -> None:
    """To the last digit the same as the sum over all states, whichever parts occur twice."""
    assert Diagram(structure).down(down) == enumerated(structure, down)


@given(structures, chances)
def test_importance_is_what_losing_the_part_adds(structure: Structure, down: dict[str, Fraction]) -> None:
    """Birnbaum: the chance to be down with the part down, less that with the part up."""
    diagram = Diagram(structure)
    for name, slope in diagram.importance({name: float(chance) for name, chance in down.items()}).items():
        difference = diagram.down(down | {name: Fraction(1)}) - diagram.down(down | {name: Fraction(0)})
        assert slope == pytest.approx(float(difference), abs=1e-12)
        assert slope >= -1e-15


@given(structures, chances, st.sampled_from(PARTS))
def test_a_better_part_never_makes_the_whole_worse(structure: Structure, down: dict[str, Fraction], name: str) -> None:
    diagram = Diagram(structure)
    assert diagram.down(down | {name: down[name] / 2}) <= diagram.down(down)


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5, unique=True), chances)
def test_series_is_no_better_than_its_worst_and_parallel_no_worse_than_its_best(
    parts: list[str], down: dict[str, Fraction]
) -> None:
    each = [down[name] for name in parts]
    assert Diagram(series(*parts)).down(down) >= max(each)
    assert Diagram(parallel(*parts)).down(down) <= min(each)
    assert Diagram(series(*parts)).down(down) == 1 - prod(1 - chance for chance in each)
    assert Diagram(parallel(*parts)).down(down) == prod(each)


def test_a_part_that_both_members_stand_on_fails_them_together() -> None:
    """Two servers, each down 1 in 10, on one network down 1 in 100: multiplying would give 0.0119 instead."""
    structure = parallel(series("a", "n"), series("b", "n"))
    down = {"a": Fraction(1, 10), "b": Fraction(1, 10), "n": Fraction(1, 100)}
    assert Diagram(structure).down(down) == Fraction(1, 100) + Fraction(99, 100) * Fraction(1, 100)


def test_nothing_needed_is_always_up() -> None:
    assert Diagram(series()).down({}) == 0
    assert Diagram(parallel(series(), "a")).down({"a": Fraction(1)}) == 0


def test_tiny_chances_keep_their_digits() -> None:
    """Four parts at 1e-6 in parallel: 1e-24, which 1 minus an availability could not say."""
    assert Diagram(parallel(*"abcd")).down(dict.fromkeys("abcd", 1e-6)) == pytest.approx(1e-24, rel=1e-12)


def test_hundreds_of_parts_are_no_matter() -> None:
    parts = [f"p{n}" for n in range(300)]
    diagram = Diagram(series(*(parallel(name, f"{name}'") for name in parts)))
    assert len(list(names(series(*diagram.parts)))) == 600
    assert diagram.down(dict.fromkeys(diagram.parts, 0.01)) == pytest.approx(1 - 0.9999**300)


def test_what_is_out_of_reach_is_refused() -> None:
    """Two hundred pairs whose first members are asked before any second one: all their states have to be told apart."""
    first, second = [f"a{n}" for n in range(200)], [f"b{n}" for n in range(200)]
    crossed = parallel(series(*first), series(*map(parallel, first, second)))
    with pytest.raises(EntangledError, match="split the design"):
        Diagram(crossed)


def test_a_design_too_deep_to_follow_is_refused_in_the_same_words() -> None:
    first, second = (series(*(f"{letter}{n}" for n in range(1_000))) for letter in "ab")
    with pytest.raises(EntangledError, match="split the design"):
        Diagram(parallel(first, second))
