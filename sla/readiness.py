"""Readiness: a checklist of prerequisites, their attestations, and the claim ceiling of the unmet ones.

Measured figures say what was; readiness says what may be promised. A record of three clean months does not make a
product without disaster recovery a five-nines product: it has not met its data centre's outage yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One prerequisite. While it is unmet, no availability above `cap` may be claimed.

    `source` is the sentence that it was taken from, word for word.

    Raises:
        ValueError: the cap is not above 0 and below 1. The message says what to write.
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
    """Prerequisites that belong together, and where they are written.

    Raises:
        ValueError: two items share an id.
    """

    id: str
    title: str
    source: str
    items: tuple[ChecklistItem, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for item in self.items:
            if item.id in seen:
                raise ValueError(f"the checklist {self.id} has two items {item.id}; rename one")
            seen.add(item.id)

    def strangers(self, attestations: Iterable[Attestation]) -> tuple[Attestation, ...]:
        """Return the attestations of items that are not on the list: misspelt, mostly. They meet nothing."""
        known = {item.id for item in self.items}
        return tuple(a for a in attestations if a.item not in known)


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person attests an item up to, and not including, the instant `until` (microseconds since the epoch)."""

    item: str
    by: str
    until: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One item at an instant: met while an attestation of it is in force, which is the one that lasts longest.

    Where it is unmet, `attestation` is the one that expired last, None if there never was one.
    """

    item: ChecklistItem
    met: bool
    attestation: Attestation | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """A checklist at an instant."""

    checklist: Checklist
    standings: tuple[Standing, ...]

    @property
    def unmet(self) -> tuple[ChecklistItem, ...]:
        """The items without a valid attestation, in the order of the list."""
        return tuple(s.item for s in self.standings if not s.met)

    @property
    def ceiling(self) -> Fraction | None:
        """The highest availability that may be claimed, the smallest cap of the unmet items; None when all are met."""
        return min((item.cap for item in self.unmet), default=None)

    @property
    def causes(self) -> tuple[ChecklistItem, ...]:
        """The unmet items that hold the ceiling where it is: those that have to be met to raise it."""
        return tuple(item for item in self.unmet if item.cap == self.ceiling)

    def allows(self, claim: Fraction) -> bool:
        """Return whether the availability may be claimed. A claim at the ceiling may."""
        return self.ceiling is None or claim <= self.ceiling


def readiness(checklist: Checklist, attestations: Iterable[Attestation], at: int) -> Readiness:
    """Return how the checklist stands at the instant. An item without an attestation in force is unmet."""
    latest: dict[str, Attestation] = {}
    for each in attestations:
        held = latest.get(each.item)
        if held is None or each.until > held.until:
            latest[each.item] = each
    return Readiness(checklist, tuple(_standing(item, latest.get(item.id), at) for item in checklist.items))


def _standing(item: ChecklistItem, attestation: Attestation | None, at: int) -> Standing:
    return Standing(item, attestation is not None and at < attestation.until, attestation)
