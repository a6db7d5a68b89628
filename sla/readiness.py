"""Readiness: a checklist of prerequisites, their attestations, and the claim ceiling of unmet prerequisites.

Measured figures describe the past; readiness limits promises for the future. Three months without downtime do not make
a product without disaster recovery a five-nines product, because its data centre may still fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """A prerequisite. While it is unmet, no availability above `cap` may be claimed.

    `source` is the quoted sentence that defines the item.

    Raises:
        ValueError: the cap is not above 0 and below 1.
    """

    id: str
    title: str
    text: str
    source: str
    cap: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.cap < 1:
            raise ValueError(f"the cap of {self.id} is a share above 0 and below 1 (99.95% is 0.9995): {self.cap}")


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

    def unknown_attestations(self, attestations: Iterable[Attestation]) -> tuple[Attestation, ...]:
        """Return the attestations of items that are not on the list. They have no effect; most are misspelt."""
        known = {item.id for item in self.items}
        return tuple(a for a in attestations if a.item not in known)


@dataclass(frozen=True, slots=True)
class Attestation:
    """The attestation of an item by a person, valid before the instant `until` (microseconds since the epoch)."""

    item: str
    by: str
    until: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class ItemStatus:
    """The status of an item at an instant. It is met if `attestation`, the one that is valid longest, is still valid.

    If the item is unmet, `attestation` is the last expired one, or None.
    """

    item: ChecklistItem
    met: bool
    attestation: Attestation | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """The status of a checklist at an instant."""

    checklist: Checklist
    statuses: tuple[ItemStatus, ...]

    @property
    def unmet(self) -> tuple[ChecklistItem, ...]:
        """The items without a valid attestation, in the order of the list."""
        return tuple(s.item for s in self.statuses if not s.met)

    @property
    def ceiling(self) -> Fraction | None:
        """The highest availability that may be claimed: the smallest cap of the unmet items. None if all are met."""
        return min((item.cap for item in self.unmet), default=None)

    @property
    def causes(self) -> tuple[ChecklistItem, ...]:
        """The unmet items that determine the ceiling. They must be met to raise it."""
        return tuple(item for item in self.unmet if item.cap == self.ceiling)

    def allows(self, claim: Fraction) -> bool:
        """Return whether the availability may be claimed, that is, whether it is not above the ceiling."""
        return self.ceiling is None or claim <= self.ceiling


def readiness(checklist: Checklist, attestations: Iterable[Attestation], at: int) -> Readiness:
    """Return the status of the checklist at the instant. An item without a valid attestation is unmet."""
    latest: dict[str, Attestation] = {}
    for each in attestations:
        current = latest.get(each.item)
        if current is None or each.until > current.until:
            latest[each.item] = each
    return Readiness(checklist, tuple(_status(item, latest.get(item.id), at) for item in checklist.items))


def _status(item: ChecklistItem, attestation: Attestation | None, at: int) -> ItemStatus:
    return ItemStatus(item, attestation is not None and at < attestation.until, attestation)
