"""Receipts: facts about anchored heads, and about heads of other daemons that this daemon stores as a witness."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sla.fact import ANCHOR, WITNESSED, Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sla.chain import Head

TIMESTAMP: Final = "timestamp"
GIT: Final = "git"
WITNESS: Final = "witness"


@dataclass(frozen=True, slots=True)
class Receipt:
    """An anchored head: the id and kind of the anchor, and its proof.

    `made` is in microseconds. `proof` depends on the kind: the token and CA of a time-stamping service, the commit of a
    repository, or the time at which a witness fetched the head.
    """

    anchor: str
    by: str
    number: int
    day: str
    head: str
    made: int
    proof: Mapping[str, Any] = field(default_factory=dict)

    def fact(self) -> Fact:
        """Return the receipt as a fact."""
        body = {"by": self.by, "number": self.number, "day": self.day, "head": self.head, "proof": dict(self.proof)}
        return Fact.of(self.made, self.anchor, ANCHOR, "", body)

    @classmethod
    def of(cls, anchor: str, by: str, head: Head, made: int, proof: Mapping[str, Any]) -> Receipt:
        """Return the receipt of a head."""
        return cls(anchor, by, head.number, head.date, head.digest, made, proof)


def receipts(facts: Iterable[Fact]) -> Iterator[Receipt]:
    """Yield the receipts in the facts. Invalid receipts are omitted."""
    for fact in facts:
        if fact.kind == ANCHOR:
            try:
                body = fact.content()
                number, proof = int(body["number"]), dict(body["proof"])
                by, day, head = (str(body[name]) for name in ("by", "day", "head"))
            except (ValueError, KeyError, TypeError):
                continue
            yield Receipt(fact.author, by, number, day, head, fact.made, proof)


@dataclass(frozen=True, slots=True)
class WitnessedHead:
    """A head of another ninewatch, fetched at `made` (microseconds)."""

    source: str
    number: int
    day: str
    head: str
    made: int

    def fact(self) -> Fact:
        """Return the witnessed head as a fact."""
        body = {"number": self.number, "day": self.day, "head": self.head}
        return Fact.of(self.made, self.source, WITNESSED, "", body)


def seen_heads(facts: Iterable[Fact], source: str) -> dict[int, WitnessedHead]:
    """Return the fetched heads of a source by number. The first head with a number counts."""
    heads: dict[int, WitnessedHead] = {}
    for fact in facts:
        if fact.kind == WITNESSED and fact.author == source:
            body = fact.content()
            head = WitnessedHead(source, int(body["number"]), str(body["day"]), str(body["head"]), fact.made)
            heads.setdefault(head.number, head)
    return heads
