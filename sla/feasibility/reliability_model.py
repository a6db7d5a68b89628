"""Convert a design to one structure of leaves and masks.

Leaves fail independently. A mask hides a part of each outage of its leaf. Retries hide the last `length` of each
outage, because a call that starts then succeeds in the end. A working failover hides each outage after its first
`length` while the standby is up. The exact computation and the simulation evaluate the same structure.

Overlapping outages of several leaves are retried and failed over independently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sla.feasibility.design import Coupling, Design, Part
from sla.feasibility.structure import ALWAYS_UP, AtLeast, Structure, names, parallel, series

if TYPE_CHECKING:
    from sla.feasibility.failure_process import Process

MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Retry:
    """A mask that is up in the last `length` of each outage of `leaf`. `shorter` is the leaf's next shorter retry."""

    leaf: str
    length: int
    shorter: int | None


@dataclass(frozen=True, slots=True)
class Switch:
    """A mask that is up from `length` after the start of each outage of `leaf`, with probability `success`."""

    leaf: str
    length: int
    success: Fraction


Mask = Retry | Switch


@dataclass(frozen=True, slots=True)
class Model:
    """A design as a `structure` over the keys of `leaves` and `masks`. Downtime of `excluded` is not counted."""

    structure: Structure
    leaves: Mapping[str, Process]
    masks: Mapping[str, Mask]
    excluded: Process | None

    def probabilities(self, scale: float = 1.0) -> dict[str, float]:
        """Return the probability of being down of each leaf, times `scale`, and of each mask while its leaf is down."""
        by_leaf = {name: leaf.down * scale for name, leaf in self.leaves.items()}
        return by_leaf | {name: self._mask_probability(mask) for name, mask in self.masks.items()}

    def _mask_probability(self, mask: Mask) -> float:
        leaf = self.leaves[mask.leaf]
        if isinstance(mask, Switch):
            return 1 - float(mask.success) * _share(leaf.probability_down_longer_than(mask.length), leaf.down)
        before = leaf.down if mask.shorter is None else leaf.probability_down_longer_than(mask.shorter)
        return _share(leaf.probability_down_longer_than(mask.length), before)


def build_model(design: Design) -> Model:
    """Build the model of a design."""
    return _Builder(design).model()


def deployments_leaf(part_id: str) -> str:
    """Return the name of the leaf of a part's deployments."""
    return f"{part_id}/deployments"


class _Builder:
    """Build the structure of a design, with its leaves and masks."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._parts = {part.id: part for part in design.parts}
        self._sites = {site.id: site for site in design.sites}
        self._leaves: dict[str, Process] = {}
        self._retry_periods: dict[str, set[int]] = {}
        self._masks: dict[str, Mask] = {}

    def model(self) -> Model:
        structure = self._design_structure()
        maintenance = self._design.maintenance
        if maintenance is not None and maintenance.counted:
            self._leaves[MAINTENANCE] = maintenance.windows
            structure = series(structure, MAINTENANCE)
        excluded = None if maintenance is None or maintenance.counted else maintenance.windows
        # Masks of one leaf are nested: a shorter retry hides no outage that a longer one does not hide.
        for leaf, lengths in self._retry_periods.items():
            ordered = sorted(lengths)
            for shorter, length in zip([None, *ordered], ordered, strict=False):
                self._masks[_retry(leaf, length)] = Retry(leaf, length, shorter)
        return Model(self._with_shorter_retries(structure), self._leaves, self._masks, excluded)

    def _design_structure(self) -> Structure:
        structure = self._design.structure
        # What a part in the structure needs is required only in that part's branch.
        in_structure = (
            {need for name in names(structure) for need in self._with_needs(name)} if structure is not None else set()
        )
        rest = [self._part_with_coupling(part) for part in self._design.parts if part.id not in in_structure]
        return series(self._site(), *rest, ALWAYS_UP if structure is None else self._replace_parts(structure))

    def _replace_parts(self, structure: Structure) -> Structure:
        if isinstance(structure, str):
            return self._part_with_coupling(self._parts[structure])
        return AtLeast(structure.k, tuple(self._replace_parts(member) for member in structure.members))

    def _site(self) -> Structure:
        return self._leaf_with_failover(self._design.sites[0].id, 0) if self._design.sites else ALWAYS_UP

    def _part_with_coupling(self, part: Part) -> Structure:
        if part.coupling is Coupling.DECOUPLED:
            return ALWAYS_UP
        return self._part_with_needs(part, part.retry_period if part.coupling is Coupling.RETRIED else 0)

    def _part_with_needs(self, part: Part, retry_period: int) -> Structure:
        """Return the part with all its direct and indirect needs, with retries of their outages."""
        return series(*(self._single_part(name, retry_period) for name in self._with_needs(part.id)))

    def _with_needs(self, name: str) -> dict[str, None]:
        """Return the part and all its direct and indirect needs."""
        needed, queue = {name: None}, [name]
        while queue:
            part = self._parts.get(queue.pop())
            new_needs = [need for need in part.needs if need not in needed] if part is not None else []
            needed |= dict.fromkeys(new_needs)
            queue += new_needs
        return needed

    def _single_part(self, name: str, retry_period: int) -> Structure:
        """Return a part or a site without its needs."""
        if name in self._sites:
            return self._leaf(name, self._sites[name].failures, retry_period)
        part = self._parts[name]
        covers = self._design.failover.covers if self._design.failover else ()
        leaf = (
            self._leaf_with_failover(name, retry_period)
            if name in covers
            else self._leaf(name, part.failures, retry_period)
        )
        if part.deployments is None:
            return leaf
        return series(leaf, self._leaf(deployments_leaf(name), part.deployments, retry_period))

    def _leaf(self, name: str, process: Process, retry_period: int) -> Structure:
        self._leaves[name] = process
        if not retry_period:
            return name
        self._retry_periods.setdefault(name, set()).add(retry_period)
        return parallel(name, _retry(name, retry_period))

    def _leaf_with_failover(self, name: str, retry_period: int) -> Structure:
        """Return a leaf of the first site, with failover to the other sites if it is configured."""
        process = self._sites[name].failures if name in self._sites else self._parts[name].failures
        leaf = self._leaf(name, process, retry_period)
        failover, others = self._design.failover, self._design.sites[1:]
        if failover is None or not others:
            return leaf
        switch = f"{name}~switch"
        self._masks[switch] = Switch(name, failover.rto, failover.success)
        standby = parallel(*(self._leaf(site.id, site.failures, retry_period) for site in others))
        return parallel(leaf, series(switch, standby))

    def _with_shorter_retries(self, structure: Structure) -> Structure:
        """Add the shorter retries of a leaf in parallel to each longer retry."""
        if not isinstance(structure, str):
            return AtLeast(structure.k, tuple(self._with_shorter_retries(member) for member in structure.members))
        mask = self._masks.get(structure)
        if not isinstance(mask, Retry):
            return structure
        shorter = sorted(length for length in self._retry_periods[mask.leaf] if length < mask.length)
        return parallel(*(_retry(mask.leaf, length) for length in shorter), structure)


def _retry(leaf: str, length: int) -> str:
    return f"{leaf}~retry:{length}"


def _share(part: float, total: float) -> float:
    return part / total if total else 0.0
