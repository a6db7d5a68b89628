"""Convert a design to one structure over leaves, which fail independently, and masks, which hide parts of outages.

A mask is a leaf that matters only while its masked leaf is down. Retries hide the last `length` of every outage (a call
made then succeeds eventually); a fail-over hides all but the first `length`, if it works and the standby is up. The
exact algebra and the simulation evaluate the same structure, so they cannot differ in meaning.

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
    """A mask that is up in the last `length` of each outage of `leaf`. `shorter`: next shorter retry of the leaf."""

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
    """The model: `structure` over the keys of `leaves` and `masks`; `excluded` is not counted."""

    structure: Structure
    leaves: Mapping[str, Process]
    masks: Mapping[str, Mask]
    excluded: Process | None

    def chances(self, scale: float = 1.0) -> dict[str, float]:
        """Return each leaf's probability to be down times `scale`, and each mask's while its leaf is down."""
        found = {name: leaf.down * scale for name, leaf in self.leaves.items()}
        return found | {name: self._masked(mask) for name, mask in self.masks.items()}

    def _masked(self, mask: Mask) -> float:
        leaf = self.leaves[mask.leaf]
        if isinstance(mask, Switch):
            return 1 - float(mask.success) * _ratio(leaf.lasting(mask.length), leaf.down)
        before = leaf.down if mask.shorter is None else leaf.lasting(mask.shorter)
        return _ratio(leaf.lasting(mask.length), before)


def model_of(design: Design) -> Model:
    """Return the design's model."""
    return _Builder(design).model()


def deployments_of(part_id: str) -> str:
    """Return the name of the leaf for a part's deployments."""
    return f"{part_id}/deployments"


class _Builder:
    """Builds the structure with its leaves and masks."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._parts = {part.id: part for part in design.parts}
        self._sites = {site.id: site for site in design.sites}
        self._leaves: dict[str, Process] = {}
        self._patiences: dict[str, set[int]] = {}
        self._masks: dict[str, Mask] = {}

    def model(self) -> Model:
        whole = self._whole()
        counted = self._design.maintenance
        if counted is not None and counted.counted:
            self._leaves[MAINTENANCE] = counted.windows
            whole = series(whole, MAINTENANCE)
        excluded = None if counted is None or counted.counted else counted.windows
        # Masks of one leaf are nested: an outage not hidden by a long retry is not hidden by a short one.
        for leaf, lengths in self._patiences.items():
            ordered = sorted(lengths)
            for shorter, length in zip([None, *ordered], ordered, strict=False):
                self._masks[_retry(leaf, length)] = Retry(leaf, length, shorter)
        return Model(self._nested(whole), self._leaves, self._masks, excluded)

    def _whole(self) -> Structure:
        asked = self._design.structure
        # Needs of a part in the structure are required in its branch, not by the whole.
        placed = {need for name in names(asked) for need in self._foundations(name)} if asked is not None else set()
        rest = [self._coupled(part) for part in self._design.parts if part.id not in placed]
        return series(self._site(), *rest, ALWAYS_UP if asked is None else self._replaced(asked))

    def _replaced(self, structure: Structure) -> Structure:
        if isinstance(structure, str):
            return self._coupled(self._parts[structure])
        return AtLeast(structure.k, tuple(self._replaced(member) for member in structure.members))

    def _site(self) -> Structure:
        return self._covered(self._design.sites[0].id, 0) if self._design.sites else ALWAYS_UP

    def _coupled(self, part: Part) -> Structure:
        if part.coupling is Coupling.DECOUPLED:
            return ALWAYS_UP
        return self._stands(part, part.patience if part.coupling is Coupling.RETRIED else 0)

    def _stands(self, part: Part, patience: int) -> Structure:
        """Return the part with all its direct and indirect needs, with retries of their outages."""
        return series(*(self._own(name, patience) for name in self._foundations(part.id)))

    def _foundations(self, name: str) -> dict[str, None]:
        """Return the part and all its direct and indirect needs."""
        found, asked = {name: None}, [name]
        while asked:
            part = self._parts.get(asked.pop())
            fresh = [need for need in part.needs if need not in found] if part is not None else []
            found |= dict.fromkeys(fresh)
            asked += fresh
        return found

    def _own(self, name: str, patience: int) -> Structure:
        """Return a part or a site without its needs."""
        if name in self._sites:
            return self._leaf(name, self._sites[name].failures, patience)
        part = self._parts[name]
        covers = self._design.fail_over.covers if self._design.fail_over else ()
        own = self._covered(name, patience) if name in covers else self._leaf(name, part.failures, patience)
        if part.deployments is None:
            return own
        return series(own, self._leaf(deployments_of(name), part.deployments, patience))

    def _leaf(self, name: str, process: Process, patience: int) -> Structure:
        self._leaves[name] = process
        if not patience:
            return name
        self._patiences.setdefault(name, set()).add(patience)
        return parallel(name, _retry(name, patience))

    def _covered(self, name: str, patience: int) -> Structure:
        """Return a leaf of the first site with fail-over to the others, if configured."""
        process = self._sites[name].failures if name in self._sites else self._parts[name].failures
        leaf = self._leaf(name, process, patience)
        handover, others = self._design.fail_over, self._design.sites[1:]
        if handover is None or not others:
            return leaf
        switch = f"{name}~switch"
        self._masks[switch] = Switch(name, handover.rto, handover.success)
        standby = parallel(*(self._leaf(site.id, site.failures, patience) for site in others))
        return parallel(leaf, series(switch, standby))

    def _nested(self, structure: Structure) -> Structure:
        """Add the shorter retries of a leaf in parallel to each longer one."""
        if not isinstance(structure, str):
            return AtLeast(structure.k, tuple(self._nested(member) for member in structure.members))
        mask = self._masks.get(structure)
        if not isinstance(mask, Retry):
            return structure
        shorter = sorted(length for length in self._patiences[mask.leaf] if length < mask.length)
        return parallel(*(_retry(mask.leaf, length) for length in shorter), structure)


def _retry(leaf: str, length: int) -> str:
    return f"{leaf}~retry:{length}"


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
