"""Check a hash chain against its record, or against the part of the record in a bundle."""

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
    covered_runs,
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
    """The content of a head: positions and digests of series, and digests of facts and incidents by kind and id."""

    series: dict[Series, tuple[Position, str]] = field(default_factory=dict)
    items: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proof:
    """The Merkle path from the leaf of a product to the content of a head with `count` products."""

    product: str
    index: int
    count: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The heads in order, with their recorded digests and, by number, their content.

    `proofs` has the proofs of the available products. None if all products are available.
    """

    heads: Sequence[Head]
    recorded_digests: Sequence[str]
    covered: Mapping[int, Covered]
    proofs: Mapping[int, Sequence[Proof]] | None = None

    @property
    def begin(self) -> int:
        """The number of the first head whose content can be checked: the last head that covers the complete record."""
        return max((head.number for head in self.heads if head.full), default=1)


@dataclass(frozen=True, slots=True)
class Break:
    """A change of a head's content or link. `product` is empty if the change does not concern a single product."""

    head: int
    date: str
    product: str
    text: str

    def __str__(self) -> str:
        product = f" of {self.product}" if self.product else ""
        return f"{self.date} (head {self.head}){product}: {self.text}"

    def as_json(self) -> dict[str, str | int | None]:
        """Return the break as JSON data."""
        return {"head": self.head, "day": self.date, "product": self.product or None, "text": self.text}


@dataclass(frozen=True, slots=True)
class Record:
    """The data that a chain is checked against: runs by series in the order of `first`, facts and incidents."""

    runs: Mapping[Series, Sequence[Run]]
    facts: Sequence[Fact]
    incidents: Sequence[Incident]


def find_breaks(chain: Chain, record: Record) -> Iterator[Break]:
    """Yield the breaks of the chain in the order of its heads."""
    content = _ContentChecker(chain, record)
    previous: Head | None = None
    for head, digest in zip(chain.heads, chain.recorded_digests, strict=True):
        for text in _link_breaks(previous, head, digest):
            yield Break(head.number, head.date, "", text)
        if head.number >= chain.begin:
            yield from content.check(head)
        previous = head


def _link_breaks(previous: Head | None, head: Head, recorded_digest: str) -> Iterator[str]:
    if head.number != (1 if previous is None else previous.number + 1):
        yield "a head before this one is missing"
    elif head.previous != (NO_HEAD if previous is None else previous.digest):
        yield "its link to the previous head is wrong"
    elif previous is not None and head.day <= previous.day and not head.full:
        yield "its day is not later than the day of the previous head"
    elif previous is None and not head.full:
        yield "the first head does not cover the complete record"
    if recorded_digest != head.digest:
        yield "its digest does not match its fields"


class _ContentChecker:
    """Check the contents of the heads in order."""

    def __init__(self, chain: Chain, record: Record) -> None:
        self._chain, self._runs = chain, record.runs
        self._positions: dict[Series, Position] = {}
        self._products = fact_products(record.facts)
        self._facts = {fact.id: fact for fact in record.facts}
        self._incidents = {incident.id: incident for incident in record.incidents}

    def check(self, head: Head) -> Iterator[Break]:
        """Yield the breaks of the head's content. A head that covers the complete record resets the positions."""
        if head.full:
            self._positions.clear()
        breaks: list[Break] = []

        def report(product: str, text: str) -> None:
            breaks.append(Break(head.number, head.date, product, text))

        content = self._chain.covered.get(head.number, Covered())
        parts = self._parts(content, report)
        if self._chain.proofs is None:
            if not breaks and root([parts[name].leaf for name in sorted(parts)]) != head.content:
                report("", "its content does not match the record: data was added or removed")
        else:
            _check_proofs(parts, self._chain.proofs.get(head.number, ()), head, report)
        yield from breaks

    def _parts(self, content: Covered, report: Callable[[str, str], None]) -> dict[str, Part]:
        series: dict[str, dict[Series, str]] = {}
        for name, (position, recorded_digest) in content.series.items():
            product = name[0].partition("/")[0]
            series.setdefault(product, {})[name] = self._series_digest(name, position, recorded_digest, report)
        items: dict[tuple[str, str], list[str]] = {}
        for (kind, identity), recorded_digest in content.items.items():
            product, current_digest = self._item_digest(kind, identity)
            if current_digest != recorded_digest:
                change = "is missing" if current_digest is None else "was changed"
                report(product, f"the {kind} {identity} {change}")
            items.setdefault((product, kind), []).append(current_digest or recorded_digest)
        return {
            name: Part(name, series.get(name, {}), items.get((name, FACT), ()), items.get((name, INCIDENT), ()))
            for name in {*series, *(product for product, _ in items)}
        }

    def _series_digest(
        self, name: Series, position: Position, recorded_digest: str, report: Callable[[str, str], None]
    ) -> str:
        """Return the digest of the runs that a head covers. If the runs do not match, return the recorded digest."""
        previous = self._positions.get(name)
        self._positions[name] = position
        product, _, check = name[0].partition("/")
        exact = self._chain.proofs is None  # the runs of a bundle end at its instant
        try:
            current_digest = series_digest(
                name, covered_runs(self._runs.get(name, ()), previous, position, exact=exact)
            )
        except ValueError as error:
            report(product, f"runs of the check {check} were changed: {error}")
            return recorded_digest
        if current_digest != recorded_digest:
            report(product, f"runs of the check {check} were changed, added or removed")
        return current_digest

    def _item_digest(self, kind: str, identity: str) -> tuple[str, str | None]:
        """Return the product and the digest of a fact or incident. Returns no product and None if it is missing."""
        if kind == FACT and identity in self._facts:
            return self._products[identity], fact_digest(self._facts[identity])
        if kind == INCIDENT and identity in self._incidents:
            incident = self._incidents[identity]
            return incident.product, incident_digest(incident)
        return "", None


def _check_proofs(
    parts: Mapping[str, Part], proofs: Sequence[Proof], head: Head, report: Callable[[str, str], None]
) -> None:
    by_product = {proof.product: proof for proof in proofs}
    for name in sorted({*parts, *by_product}):
        part, proof = parts.get(name), by_product.get(name)
        if part is None or proof is None:
            report(name, "its content and its proof do not belong together")
            continue
        try:
            is_equal = root_from(part.leaf, proof.index, proof.count, proof.path) == head.content
        except ValueError:
            is_equal = False
        if not is_equal:
            report(name, "its content does not match the head")


def late_runs(chain: Chain, record: Record) -> Iterator[Run]:
    """Yield the runs that began before the end of the last closed day but that no head covers."""
    if not chain.heads:
        return
    last_covered: dict[Series, int] = {}
    for number, content in sorted(chain.covered.items()):
        if number >= chain.begin:
            last_covered |= {name: position.first for name, (position, _) in content.series.items()}
    end = (chain.heads[-1].day + 1) * DAY
    for name, runs in record.runs.items():
        yield from (run for run in runs if last_covered.get(name, -1) < run.first < end)
