"""Readiness: a checklist of prerequisites, the evidence for its items, and the claim ceiling of unmet prerequisites.

Measured figures describe the past; readiness limits promises for the future: three months without downtime do not make
a product without disaster recovery a five-nines product. A ceiling is a limit, not a guarantee: a product that meets
all items may still miss every objective.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sla.evidence import Evidence, EvidenceKind
from sla.objective import Objective

if TYPE_CHECKING:
    from fractions import Fraction

DRILLS: Final = ("failover", "failback", "restore", "deploy")  # kinds of drills with a measured recovery time


class DrillShows(StrEnum):
    """A measurement that a drill must include, and must have passed, to be evidence for an item."""

    RECOVERY_TIME = "recovery_time"
    """An RTO was promised and met."""

    NO_LOSS = "no_loss"
    """A recovery point was measured, and no acknowledged data were lost."""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """A prerequisite. While it is unmet, no availability above `cap` may be claimed.

    `source` quotes the sentence that defines the item, `question` asks whether it is met, and `because` completes "at
    most 99.95 %, because ...". `kinds` are the accepted kinds of evidence, `drills` those of drills, which must have
    measured `drill_shows`. Evidence is valid for at most `validity` microseconds after its date.

    Raises:
        ValueError: the cap is not above 0 and below 1.
    """

    id: str
    title: str
    text: str
    source: str
    cap: Fraction
    question: str = ""
    because: str = ""
    kinds: tuple[EvidenceKind, ...] = (EvidenceKind.ATTESTATION,)
    validity: int | None = None
    drills: tuple[str, ...] = DRILLS
    drill_shows: tuple[DrillShows, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.cap < 1:
            raise ValueError(f"the cap of {self.id} is a share above 0 and below 1 (99.95% is 0.9995): {self.cap}")

    def limited(self, evidence: Evidence) -> Evidence:
        """Return the evidence with its validity limited to that of the item."""
        if self.validity is None or evidence.on is None:
            return evidence
        return replace(evidence, until=min(evidence.until, evidence.on + self.validity))


@dataclass(frozen=True, slots=True)
class Checklist:
    """A list of prerequisites, with its source.

    Raises:
        ValueError: two items have the same id.
    """

    id: str
    title: str
    source: str
    items: tuple[ChecklistItem, ...]

    def __post_init__(self) -> None:
        ids: set[str] = set()
        for item in self.items:
            if item.id in ids:
                raise ValueError(f"the checklist {self.id} has two items {item.id}; rename one")
            ids.add(item.id)

    def find(self, item: str) -> ChecklistItem | None:
        """Return the item with this id, or None."""
        return next((candidate for candidate in self.items if candidate.id == item), None)


class ItemState(StrEnum):
    """The state of an item. EXPIRED: it was met, but all evidence for it has expired; it counts as unmet."""

    MET = "met"
    UNMET = "unmet"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ItemStatus:
    """The state of an item at an instant, with all its evidence, newest last.

    `decisive` is the evidence that decides the state, or None. Measured evidence against an item prevails over all
    evidence for it, until it expires or newer evidence of its kind replaces it.
    """

    item: ChecklistItem
    state: ItemState
    evidence: tuple[Evidence, ...]
    decisive: Evidence | None

    @property
    def met(self) -> bool:
        """Whether the item is met."""
        return self.state is ItemState.MET

    def as_json(self) -> dict[str, Any]:
        """Return the object of `ninewatch readiness --json`."""
        return {
            "id": self.item.id,
            "state": self.state.value,
            "cap": float(self.item.cap),
            "evidence": [item_evidence.as_json() for item_evidence in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class Readiness:
    """The status of a checklist at an instant."""

    checklist: Checklist
    statuses: tuple[ItemStatus, ...]

    @property
    def unmet(self) -> tuple[ChecklistItem, ...]:
        """The items that are not met, expired ones included, in the order of the list."""
        return tuple(s.item for s in self.statuses if not s.met)

    @property
    def ceiling(self) -> Fraction | None:
        """The highest availability that may be claimed: the smallest cap of the unmet items. None if all are met."""
        return min((item.cap for item in self.unmet), default=None)

    @property
    def causes(self) -> tuple[ChecklistItem, ...]:
        """The unmet items that determine the ceiling. Meet them to raise it."""
        return tuple(item for item in self.unmet if item.cap == self.ceiling)

    @property
    def next_ceiling(self) -> Fraction | None:
        """The ceiling once the items that determine the current one are met. None if no ceiling remains."""
        return min((item.cap for item in self.unmet if item.cap != self.ceiling), default=None)

    def count(self, state: ItemState) -> int:
        """Return the number of items in the state."""
        return sum(status.state is state for status in self.statuses)

    def allows(self, claim: Fraction) -> bool:
        """Return whether the availability may be claimed: it is at most the ceiling."""
        return self.ceiling is None or claim <= self.ceiling

    def limit_text(self, objective: Objective) -> str:
        """Return objective, ceiling and cause as a sentence without full stop."""
        if self.ceiling is None:
            return f"objective {objective}; all prerequisites are met, so the checklist sets no limit"
        reasons = (cause.because or f'"{cause.title}" is not met' for cause in self.causes)
        return (
            f"objective {objective}; this design can claim {Objective(self.ceiling)} at most, "
            f"because {' and '.join(reasons)}"
        )

    def as_json(self, product: str, objective: Objective) -> dict[str, Any]:
        """Return the object of `ninewatch readiness --json`."""
        return {
            "product": product,
            "objective": float(objective.ratio),
            "ceiling": None if self.ceiling is None else float(self.ceiling),
            "items": [status.as_json() for status in self.statuses],
        }


def readiness(checklist: Checklist, evidence: Iterable[Evidence], at: int) -> Readiness:
    """Return the status of the checklist at the instant. An item without valid evidence is unmet."""
    by_item: dict[str, list[Evidence]] = {}
    for item_evidence in evidence:
        by_item.setdefault(item_evidence.item, []).append(item_evidence)
    return Readiness(checklist, tuple(_status(item, by_item.get(item.id, ()), at) for item in checklist.items))


def _status(item: ChecklistItem, evidence: Iterable[Evidence], at: int) -> ItemStatus:
    applicable = [
        item.limited(item_evidence)
        for item_evidence in evidence
        if item_evidence.kind in item.kinds and item_evidence.exists_at(at)
    ]
    applicable.sort(key=_begin)
    newest = {
        item_evidence.kind: item_evidence
        for item_evidence in applicable
        if item_evidence.kind is not EvidenceKind.ATTESTATION
    }
    against = [
        item_evidence
        for item_evidence in newest.values()
        if item_evidence.supports is False and item_evidence.is_valid(at)
    ]
    if against:
        return ItemStatus(item, ItemState.UNMET, tuple(applicable), max(against, key=_begin))
    for_it = [item_evidence for item_evidence in applicable if item_evidence.supports]
    longest = max(for_it, key=lambda item_evidence: item_evidence.until, default=None)
    if longest is not None and any(item_evidence.is_valid(at) for item_evidence in for_it):
        return ItemStatus(item, ItemState.MET, tuple(applicable), longest)
    state = ItemState.UNMET if longest is None else ItemState.EXPIRED
    return ItemStatus(item, state, tuple(applicable), longest)


def _begin(evidence: Evidence) -> int:
    return 0 if evidence.on is None else evidence.on
