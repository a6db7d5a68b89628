"""Random designs of up to 12 parts, and the chance that one is down, summed over every combination of what is up.

It reads a design as docs/plans.md explains it: a part is up while it and all that it needs are up. It shares no code
with the model or the diagram.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from itertools import product

from hypothesis import strategies as st

from sla.feasibility import AtLeast, Coupling, Design, Structure
from tests.sla.feasibility.designs import design, outside, site

MOST = 12


def whole_is_up(made: Design, up: Mapping[str, bool]) -> bool:
    """Return whether the whole is up while exactly these parts and sites fail or not by themselves."""
    parts = {each.id: each for each in made.parts}

    def stands(name: str) -> bool:
        return up[name] and all(stands(need) for need in (parts[name].needs if name in parts else ()))

    def counts(structure: Structure) -> bool:
        if isinstance(structure, str):
            return parts[structure].coupling is Coupling.DECOUPLED or stands(structure)
        return sum(map(counts, structure.members)) >= structure.k

    alone = set(parts) - (set() if made.structure is None else reached(made, named(made.structure)))
    return (
        all(up[each.id] for each in made.sites[:1])
        and all(map(counts, alone))
        and (made.structure is None or counts(made.structure))
    )


def named(structure: Structure) -> set[str]:
    return {structure} if isinstance(structure, str) else set().union(*map(named, structure.members))


def reached(made: Design, names: Collection[str]) -> set[str]:
    found = set(names)
    for _ in made.parts:
        found |= {need for each in made.parts if each.id in found for need in each.needs}
    return found


def enumerated(made: Design, chances: Mapping[str, Fraction]) -> Fraction:
    """Return the chance that the whole is down, summed over all combinations."""
    down = Fraction(0)
    for states in product((True, False), repeat=len(chances)):
        up = dict(zip(chances, states, strict=True))
        if not whole_is_up(made, up):
            weight = Fraction(1)
            for name, chance in chances.items():
                weight *= 1 - chance if up[name] else chance
            down += weight
    return down


def structures(ids: list[str]) -> st.SearchStrategy[Structure]:
    def whole(members: st.SearchStrategy[Structure]) -> st.SearchStrategy[Structure]:
        listed = st.lists(members, min_size=1, max_size=4)
        return listed.flatmap(lambda each: st.integers(1, len(each)).map(lambda k: AtLeast(k, tuple(each))))

    return st.recursive(st.sampled_from(ids), whole, max_leaves=8)


@st.composite
def designs(draw: st.DrawFn, most: int = MOST) -> Design:
    """Parts that need earlier ones, a structure over any of them, up to two sites; up to `most` in all."""
    ids = [f"p{n}" for n in range(draw(st.integers(1, most - 2)))]
    sites = tuple(site(f"s{n}") for n in range(draw(st.integers(0, 2))))
    made = []
    for index, name in enumerate(ids):
        known = [*ids[:index], *(each.id for each in sites)]
        needs = draw(st.lists(st.sampled_from(known), unique=True, max_size=3)) if known else []
        loose = draw(st.integers(0, 5)) == 0
        made.append(outside(name, Coupling.DECOUPLED if loose else Coupling.HARD, needs=tuple(needs)))
    return design(*made, sites=sites, structure=draw(st.none() | structures(ids)))


def names_of(made: Design) -> list[str]:
    return [each.id for each in (*made.parts, *made.sites)]
