"""Random designs of up to 12 parts, and their unavailability as a sum over all combinations of part states.

Implements docs/plans.md directly: a part is up while the part and all its needs are up. This module shares no code with
the model or the diagram.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from itertools import product

from hypothesis import strategies as st

from sla.feasibility import AtLeast, Coupling, Design, Structure
from tests.sla.feasibility.designs import design, external, site

MAX_PARTS = 12


def is_design_up(plan_design: Design, up: Mapping[str, bool]) -> bool:
    """Return whether the design is up. `up` has the state of each part and site without its needs."""
    parts = {part.id: part for part in plan_design.parts}

    def is_up_with_needs(name: str) -> bool:
        return up[name] and all(is_up_with_needs(need) for need in (parts[name].needs if name in parts else ()))

    def is_structure_up(structure: Structure) -> bool:
        if isinstance(structure, str):
            return parts[structure].coupling is Coupling.DECOUPLED or is_up_with_needs(structure)
        return sum(map(is_structure_up, structure.members)) >= structure.k

    outside_structure = set(parts) - (
        set() if plan_design.structure is None else with_needs(plan_design, part_names(plan_design.structure))
    )
    return (
        all(up[site.id] for site in plan_design.sites[:1])
        and all(map(is_structure_up, outside_structure))
        and (plan_design.structure is None or is_structure_up(plan_design.structure))
    )


def part_names(structure: Structure) -> set[str]:
    return {structure} if isinstance(structure, str) else set().union(*map(part_names, structure.members))


def with_needs(plan_design: Design, names: Collection[str]) -> set[str]:
    actual = set(names)
    for _ in plan_design.parts:
        actual |= {need for part in plan_design.parts if part.id in actual for need in part.needs}
    return actual


def enumerated_unavailability(plan_design: Design, probabilities: Mapping[str, Fraction]) -> Fraction:
    """Return the probability that the design is down, summed over all combinations."""
    down = Fraction(0)
    for states in product((True, False), repeat=len(probabilities)):
        up = dict(zip(probabilities, states, strict=True))
        if not is_design_up(plan_design, up):
            weight = Fraction(1)
            for name, probability in probabilities.items():
                weight *= 1 - probability if up[name] else probability
            down += weight
    return down


def structures(ids: list[str]) -> st.SearchStrategy[Structure]:
    def combine(members: st.SearchStrategy[Structure]) -> st.SearchStrategy[Structure]:
        branches = st.lists(members, min_size=1, max_size=4)
        return branches.flatmap(
            lambda branches: st.integers(1, len(branches)).map(lambda k: AtLeast(k, tuple(branches)))
        )

    return st.recursive(st.sampled_from(ids), combine, max_leaves=8)


@st.composite
def designs(draw: st.DrawFn, max_parts: int = MAX_PARTS) -> Design:
    """Generate designs of up to `max_parts` parts and sites: parts with needs, a structure, and up to two sites."""
    ids = [f"p{n}" for n in range(draw(st.integers(1, max_parts - 2)))]
    sites = tuple(site(f"s{n}") for n in range(draw(st.integers(0, 2))))
    plan_design = []
    for index, name in enumerate(ids):
        known = [*ids[:index], *(site.id for site in sites)]
        needs = draw(st.lists(st.sampled_from(known), unique=True, max_size=3)) if known else []
        loose = draw(st.integers(0, 5)) == 0
        plan_design.append(external(name, Coupling.DECOUPLED if loose else Coupling.HARD, needs=tuple(needs)))
    return design(*plan_design, sites=sites, structure=draw(st.none() | structures(ids)))


def part_and_site_ids(plan_design: Design) -> list[str]:
    return [part.id for part in (*plan_design.parts, *plan_design.sites)]
