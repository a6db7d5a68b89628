"""Corrections: manual exclusions of past time. Facts are only added, never changed.

Example reasons: the probe's account was locked; the monitor used an outdated address. Observations do not change. The
contractual figure excludes the time and shows the correction's author, reason and date. A wrong correction is revoked
by another fact; both stay in the record.
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
    """An exclusion of an interval for a product. `made` is the time of the statement, microseconds since the epoch."""

    product: str
    interval: Interval
    author: str
    reason: str
    made: int

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits, computed from all other fields, so that copies of a fact have the same id."""
        return content_id(self.product, self.interval.start, self.interval.end, self.author, self.reason, self.made)

    def fact(self) -> Fact:
        """Return the correction as a fact of the record or the journal."""
        start, end = format_instant(self.interval.start), format_instant(self.interval.end)
        body = {"start": start, "end": end, "reason": self.reason}
        return Fact(self.id, self.made, self.author, CORRECTION, self.product, canonical(body))

    def exclusion(self) -> Exclusion:
        """Return the correction as an exclusion of the audit."""
        return Exclusion(self.interval, Cause.CORRECTION, self.id, self.author, self.reason, self.made)


@dataclass(frozen=True, slots=True)
class Revocation:
    """The revocation of a correction. It is final; to undo it, add the correction again."""

    correction: str
    author: str
    reason: str
    made: int

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits, computed from all other fields."""
        return content_id(self.correction, self.author, self.reason, self.made)

    def fact(self) -> Fact:
        """Return the revocation as a fact. The fact has no product, because its correction has one."""
        body = {"revokes": self.correction, "reason": self.reason}
        return Fact(self.id, self.made, self.author, REVOCATION, "", canonical(body))


def corrections_in(facts: Iterable[Fact]) -> Iterator[Correction | Revocation]:
    """Yield the corrections and revocations among the facts, in the order of the facts.

    Raises:
        ValueError: a body does not have the fields of its kind, or an id does not match the content.
    """
    for fact in facts:
        if fact.kind in (CORRECTION, REVOCATION):
            yield read(fact)


def read(fact: Fact) -> Correction | Revocation:
    """Return the correction or the revocation of a fact.

    Raises:
        ValueError: the body does not have the fields of its kind, or the id does not match the content.
    """
    try:
        body = fact.content()
        statement = _revocation(fact, body) if fact.kind == REVOCATION else _correction(fact, body)
    except (KeyError, TypeError):
        raise ValueError(f"the {fact.kind} {fact.id} lacks a part of its body") from None
    if statement.id != fact.id:
        raise ValueError(f"its id is not {statement.id}: it was changed after it was written")
    return statement


def _correction(fact: Fact, body: dict[str, Any]) -> Correction:
    span = Interval(parse_instant(str(body["start"])), parse_instant(str(body["end"])))
    return Correction(fact.product, span, fact.author, str(body["reason"]), fact.made)


def _revocation(fact: Fact, body: dict[str, Any]) -> Revocation:
    return Revocation(str(body["revokes"]), fact.author, str(body["reason"]), fact.made)


def revoked(facts: Iterable[Correction | Revocation]) -> dict[str, Revocation]:
    """Return the revocation of each revoked correction by the correction's id, the earliest if there are several.

    Of several revocations at one instant, the one with the lowest id counts, so the order of the facts does not matter.
    """
    revocations: dict[str, Revocation] = {}
    for fact in facts:
        if isinstance(fact, Revocation):
            earliest = revocations.get(fact.correction)
            if earliest is None or (fact.made, fact.id) < (earliest.made, earliest.id):
                revocations[fact.correction] = fact
    return revocations


def valid_corrections(facts: Iterable[Correction | Revocation]) -> Iterator[Correction]:
    """Yield the corrections that are not revoked, without duplicates, in the order of the facts."""
    known = dict.fromkeys(facts)
    revocations = revoked(known)
    for fact in known:
        if isinstance(fact, Correction) and fact.id not in revocations:
            yield fact
