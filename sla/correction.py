"""Corrections: statements by people that past time is excluded. Facts are only added, never changed.

Examples: a locked probe account, a change of address that the monitor did not get. The record stays as it is; the
contractual figure excludes the time, with author, reason and time of the statement. A wrong correction is revoked by
another fact; both stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sla.exclusion import Cause, Exclusion
from sla.fact import CORRECTION, REVOCATION, Fact, canonical, content_id
from sla.interval import Interval
from sla.window import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Correction:
    """The interval is excluded for the product. `made` is when this was stated, microseconds since the epoch."""

    product: str
    interval: Interval
    author: str
    reason: str
    made: int

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that follow from all the rest: the same fact has the same id everywhere."""
        return content_id(self.product, self.interval.start, self.interval.end, self.author, self.reason, self.made)

    def fact(self) -> Fact:
        """Return it as the record and the journal keep it."""
        start, end = format_instant(self.interval.start), format_instant(self.interval.end)
        body = {"start": start, "end": end, "reason": self.reason}
        return Fact(self.id, self.made, self.author, CORRECTION, self.product, canonical(body))

    def exclusion(self) -> Exclusion:
        """Return it as the audit lists it."""
        return Exclusion(self.interval, Cause.CORRECTION, self.id, self.author, self.reason, self.made)


@dataclass(frozen=True, slots=True)
class Revocation:
    """A correction is revoked. A revocation cannot be revoked: state the correction again."""

    correction: str
    author: str
    reason: str
    made: int

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that follow from all the rest."""
        return content_id(self.correction, self.author, self.reason, self.made)

    def fact(self) -> Fact:
        """Return it as the record and the journal keep it. It names no product: its correction does."""
        body = {"revokes": self.correction, "reason": self.reason}
        return Fact(self.id, self.made, self.author, REVOCATION, "", canonical(body))


def corrections_in(facts: Iterable[Fact]) -> Iterator[Correction | Revocation]:
    """Yield the corrections and revocations among the facts, in their order.

    Raises:
        ValueError: the body of one is not what its kind has, or its id does not follow from its content.
    """
    for fact in facts:
        if fact.kind in (CORRECTION, REVOCATION):
            yield read(fact)


def read(fact: Fact) -> Correction | Revocation:
    """Return the correction or the revocation that the fact is.

    Raises:
        ValueError: the body is not what its kind has, or the id does not follow from the content.
    """
    try:
        body = fact.content()
        found = _revocation(fact, body) if fact.kind == REVOCATION else _correction(fact, body)
    except (KeyError, TypeError):
        raise ValueError(f"the {fact.kind} {fact.id} lacks a part of its body") from None
    if found.id != fact.id:
        raise ValueError(f"its id is not {found.id}: it was changed after it was written")
    return found


def _correction(fact: Fact, body: dict[str, Any]) -> Correction:
    span = Interval(parse_instant(str(body["start"])), parse_instant(str(body["end"])))
    return Correction(fact.product, span, fact.author, str(body["reason"]), fact.made)


def _revocation(fact: Fact, body: dict[str, Any]) -> Revocation:
    return Revocation(str(body["revokes"]), fact.author, str(body["reason"]), fact.made)


def revoked(facts: Iterable[Correction | Revocation]) -> dict[str, Revocation]:
    """Return the revocation of each revoked correction, the earliest if there are several.

    Of several at one instant it is the one with the lowest id, so that the order of the facts decides nothing.
    """
    found: dict[str, Revocation] = {}
    for fact in facts:
        if isinstance(fact, Revocation):
            held = found.get(fact.correction)
            if held is None or (fact.made, fact.id) < (held.made, held.id):
                found[fact.correction] = fact
    return found


def standing(facts: Iterable[Correction | Revocation]) -> Iterator[Correction]:
    """Yield the corrections that hold, each once, in the order of the facts. That order decides nothing else."""
    known = dict.fromkeys(facts)
    taken_back = revoked(known)
    for fact in known:
        if isinstance(fact, Correction) and fact.id not in taken_back:
            yield fact
