"""Corrections: somebody's word that time did not count, after the fact. Facts are only ever added.

A probe account that was locked, a change of address that the monitor was not told of: the record stays as it is, and
the contractual figure leaves the time out, with author, reason and time of making beside it. What was said in error is
revoked by another fact; both stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sla.exclusion import Cause, Exclusion

if TYPE_CHECKING:
    from sla.interval import Interval


@dataclass(frozen=True, slots=True)
class Correction:
    """The interval is not to count for the product. `made` is when that was said, microseconds since the epoch."""

    product: str
    interval: Interval
    author: str
    reason: str
    made: int

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that follow from all the rest: the same fact has the same id everywhere."""
        return _digest(self.product, self.interval.start, self.interval.end, self.author, self.reason, self.made)

    def exclusion(self) -> Exclusion:
        """Return it as the audit lists it."""
        return Exclusion(self.interval, Cause.CORRECTION, self.id, self.author, self.reason, self.made)


@dataclass(frozen=True, slots=True)
class Revocation:
    """A correction is taken back. It cannot be revoked in turn: whoever was right before says so again."""

    correction: str
    author: str
    reason: str
    made: int

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that follow from all the rest."""
        return _digest(self.correction, self.author, self.reason, self.made)


Fact = Correction | Revocation


def _digest(*parts: str | int) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def revoked(facts: Iterable[Fact]) -> dict[str, Revocation]:
    """Return the revocation of each correction that is taken back, the earliest if there are several.

    Of several at one instant it is the one with the lowest id, so that the order of the facts decides nothing.
    """
    found: dict[str, Revocation] = {}
    for fact in facts:
        if isinstance(fact, Revocation):
            held = found.get(fact.correction)
            if held is None or (fact.made, fact.id) < (held.made, held.id):
                found[fact.correction] = fact
    return found


def standing(facts: Iterable[Fact]) -> Iterator[Correction]:
    """Yield the corrections that hold, each once, in the order of the facts. That order decides nothing else."""
    known = dict.fromkeys(facts)
    taken_back = revoked(known)
    for fact in known:
        if isinstance(fact, Correction) and fact.id not in taken_back:
            yield fact
