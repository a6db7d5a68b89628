"""Check a chain of heads against the record that it is of, or against the part of it that a bundle holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sla.chain import (
    NO_HEAD,
    Head,
    Part,
    Position,
    Series,
    covered,
    fact_digest,
    fact_products,
    incident_digest,
    root,
    root_from,
    series_digest,
)
from sla.interval import DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from sla.fact import Fact
    from sla.incident import Incident
    from sla.observation import Run

FACT: Final = "fact"
INCIDENT: Final = "incident"


@dataclass(slots=True)
class Covered:
    """What a head covers: positions and digests of series, digests of facts and incidents by kind and id."""

    series: dict[Series, tuple[Position, str]] = field(default_factory=dict)
    items: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proof:
    """The way from the leaf of a product to the content of a head of so many products."""

    product: str
    index: int
    count: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Heads in order with their digests as recorded, and what they cover, by number.

    `proofs` are those of the products at hand; None where all products are.
    """

    heads: Sequence[Head]
    stated: Sequence[str]
    covered: Mapping[int, Covered]
    proofs: Mapping[int, Sequence[Proof]] | None = None

    @property
    def begin(self) -> int:
        """The number of the first head whose content can be checked: the last one that covers the whole record."""
        return max((head.number for head in self.heads if head.whole), default=1)


@dataclass(frozen=True, slots=True)
class Break:
    """A head whose content or link is not what it was when it was made. `product` is empty where none is meant."""

    head: int
    date: str
    product: str
    text: str

    def __str__(self) -> str:
        whose = f" of {self.product}" if self.product else ""
        return f"{self.date} (head {self.head}){whose}: {self.text}"

    def as_json(self) -> dict[str, str | int | None]:
        """Return it for programs."""
        return {"head": self.head, "day": self.date, "product": self.product or None, "text": self.text}


@dataclass(frozen=True, slots=True)
class Record:
    """What a chain is checked against: runs by series and `first`, facts and incidents."""

    runs: Mapping[Series, Sequence[Run]]
    facts: Sequence[Fact]
    incidents: Sequence[Incident]


def breaks(chain: Chain, record: Record) -> Iterator[Break]:
    """Yield where the chain is broken, in the order of its heads; nothing if it is not."""
    content = _Content(chain, record)
    before: Head | None = None
    for head, digest in zip(chain.heads, chain.stated, strict=True):
        for text in _link(before, head, digest):
            yield Break(head.number, head.date, "", text)
        if head.number >= chain.begin:
            yield from content.check(head)
        before = head


def _link(before: Head | None, head: Head, stated: str) -> Iterator[str]:
    if head.number != (1 if before is None else before.number + 1):
        yield "a head is missing before it"
    elif head.previous != (NO_HEAD if before is None else before.digest):
        yield "it does not follow from the head before"
    elif before is not None and head.day <= before.day and not head.whole:
        yield "it closes no later day than the head before"
    elif before is None and not head.whole:
        yield "the first head does not cover the whole record"
    if stated != head.digest:
        yield "its digest is not that of its parts"


class _Content:
    """Checks the content of one head after the other."""

    def __init__(self, chain: Chain, record: Record) -> None:
        self._chain, self._runs = chain, record.runs
        self._positions: dict[Series, Position] = {}
        self._products = fact_products(record.facts)
        self._facts = {fact.id: fact for fact in record.facts}
        self._incidents = {incident.id: incident for incident in record.incidents}

    def check(self, head: Head) -> Iterator[Break]:
        """Yield what of the content is not as it was; a head that covers the whole record begins anew."""
        if head.whole:
            self._positions.clear()
        found: list[Break] = []

        def report(product: str, text: str) -> None:
            found.append(Break(head.number, head.date, product, text))

        held = self._chain.covered.get(head.number, Covered())
        parts = self._parts(held, report)
        if self._chain.proofs is None:
            if not found and root([parts[name].leaf for name in sorted(parts)]) != head.content:
                report("", "its content is not that of the record: something was added or removed")
        else:
            _compare(parts, self._chain.proofs.get(head.number, ()), head, report)
        yield from found

    def _parts(self, held: Covered, report: Callable[[str, str], None]) -> dict[str, Part]:
        series: dict[str, dict[Series, str]] = {}
        for name, (position, stated) in held.series.items():
            product = name[0].partition("/")[0]
            series.setdefault(product, {})[name] = self._series(name, position, stated, report)
        items: dict[tuple[str, str], list[str]] = {}
        for (kind, identity), stated in held.items.items():
            product, now = self._item(kind, identity)
            if now != stated:
                what = "is missing" if now is None else "was changed"
                report(product, f"the {kind} {identity} {what}")
            items.setdefault((product, kind), []).append(now or stated)
        return {
            name: Part(name, series.get(name, {}), items.get((name, FACT), ()), items.get((name, INCIDENT), ()))
            for name in {*series, *(product for product, _ in items)}
        }

    def _series(self, name: Series, position: Position, stated: str, report: Callable[[str, str], None]) -> str:
        """Return the digest of what a head covers of a series; the stated one where it cannot be made any more."""
        before = self._positions.get(name)
        self._positions[name] = position
        product, _, check = name[0].partition("/")
        exact = self._chain.proofs is None  # a bundle's runs are cut at its instant
        try:
            now = series_digest(name, covered(self._runs.get(name, ()), before, position, exact=exact))
        except ValueError as error:
            report(product, f"runs of the check {check} were changed: {error}")
            return stated
        if now != stated:
            report(product, f"runs of the check {check} were changed, added or removed")
        return now

    def _item(self, kind: str, identity: str) -> tuple[str, str | None]:
        """Return the product and the digest of a fact or an incident; None where it is missing."""
        if kind == FACT and identity in self._facts:
            return self._products[identity], fact_digest(self._facts[identity])
        if kind == INCIDENT and identity in self._incidents:
            incident = self._incidents[identity]
            return incident.product, incident_digest(incident)
        return "", None


def _compare(
    parts: Mapping[str, Part], proofs: Sequence[Proof], head: Head, report: Callable[[str, str], None]
) -> None:
    by_product = {proof.product: proof for proof in proofs}
    for name in sorted({*parts, *by_product}):
        part, proof = parts.get(name), by_product.get(name)
        if part is None or proof is None:
            report(name, "what it covers and what proves it do not belong together")
            continue
        try:
            same = root_from(part.leaf, proof.index, proof.count, proof.path) == head.content
        except ValueError:
            same = False
        if not same:
            report(name, "its content is not that of the head")


def late_runs(chain: Chain, record: Record) -> Iterator[Run]:
    """Yield the runs from before the end of the last closed day that no head covers: they were recorded later."""
    if not chain.heads:
        return
    newest: dict[Series, int] = {}
    for number, held in sorted(chain.covered.items()):
        if number >= chain.begin:
            newest |= {name: position.first for name, (position, _) in held.series.items()}
    end = (chain.heads[-1].day + 1) * DAY
    for name, runs in record.runs.items():
        yield from (run for run in runs if newest.get(name, -1) < run.first < end)
