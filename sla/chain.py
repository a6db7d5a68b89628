"""The chain of heads over a record: each closed day has a head, a digest of its content and of the head before.

The content of a head is a Merkle tree (as in RFC 9162, section 2.1) with one leaf per product, so that the part of one
product can be proved without the others. A leaf covers the runs of each check and vantage, the facts and the resolved
incidents that no head before covers. Runs are covered as they stood: of the newest run of a series, which may go on,
the head keeps the position, and the next head covers it once more. Whatever arrives late is covered by the next head.

A head that is `whole` begins anew: it covers the whole record. The first one does, and one after a wrong clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sla.correction import read as read_correction
from sla.fact import CORRECTION, REVOCATION, Fact, canonical
from sla.interval import DAY
from sla.localtime import day_numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sla.incident import Incident
    from sla.observation import Run

FORMAT: Final = 1
NO_HEAD: Final = "0" * 64  # what the first head has as the head before

Series = tuple[str, str]  # check and vantage


@dataclass(frozen=True, slots=True)
class Position:
    """The newest run of a series as a head covers it: its first and last instant, and its counts until then."""

    first: int
    last: int
    count: int
    latency_count: int
    latency_sum: int
    latency_max: int

    @classmethod
    def of(cls, run: Run) -> Position:
        """Return the position that a run is at."""
        return cls(run.first, run.last, run.count, run.latency_count, run.latency_sum, run.latency_max)

    def of_run(self, run: Run) -> Run:
        """Return the run as it stood at this position."""
        return replace(
            run,
            last=self.last,
            count=self.count,
            latency_count=self.latency_count,
            latency_sum=self.latency_sum,
            latency_max=self.latency_max,
        )


@dataclass(frozen=True, slots=True)
class Head:
    """One link of the chain. `day` and `since` are days since 1970 (UTC): the last and the first that it closes.

    `since` is None where it covers all before `day`. `made` is microseconds. `content` is the root of the tree,
    `previous` the digest of the head before.
    """

    number: int
    day: int
    since: int | None
    made: int
    whole: bool
    content: str
    previous: str

    @property
    def digest(self) -> str:
        """The head itself: SHA-256 over all the rest, in hexadecimal."""
        rest = [self.number, self.day, self.since, self.made, self.whole, self.content, self.previous]
        return digest("head", [FORMAT, *rest])

    @property
    def date(self) -> str:
        """The last day that it closes, as 2026-11-29."""
        return day_numbered(self.day).isoformat()

    @property
    def first_date(self) -> str | None:
        """The first day that it closes; None where it covers all before."""
        return None if self.since is None else day_numbered(self.since).isoformat()


def closed_day(now: int) -> int:
    """Return the last day (UTC, days since 1970) that is over at the instant."""
    return now // DAY - 1


def digest(kind: str, content: object) -> str:
    """Return the SHA-256 of canonical JSON, with the kind of what it is of."""
    return hashlib.sha256(f"ninewatch {kind}\n{canonical(content)}".encode()).hexdigest()


def series_digest(series: Series, runs: Iterable[Run]) -> str:
    """Return the digest of the runs of one check and vantage."""
    rows = [
        [
            run.outcome.value,
            run.reason,
            *(run.first, run.last, run.count, run.hold),
            *(run.latency_count, run.latency_sum, run.latency_max),
            run.seeded,
        ]
        for run in runs
    ]
    return digest("runs", [*series, rows])


def fact_digest(fact: Fact) -> str:
    """Return the digest of a fact."""
    return digest("fact", [fact.id, fact.made, fact.author, fact.kind, fact.product, fact.content()])


def incident_digest(incident: Incident) -> str:
    """Return the digest of a resolved incident."""
    failures = [None if each is None else each.as_json() for each in (incident.first, incident.last)]
    rest = [incident.opened, incident.resolved, incident.reason, incident.downtime]
    return digest("incident", [incident.id, incident.product, incident.check, *rest, *failures])


def fact_products(facts: Iterable[Fact]) -> dict[str, str]:
    """Return the product of each fact by its id; a revocation has that of its correction, others none may be empty."""
    found = {fact.id: fact.product for fact in facts if fact.kind == CORRECTION}
    return {fact.id: found.get(_revoked(fact), "") if fact.kind == REVOCATION else fact.product for fact in facts}


def _revoked(fact: Fact) -> str:
    try:
        return str(getattr(read_correction(fact), "correction", ""))
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Part:
    """What a head covers of one product: digests of its series, facts and incidents."""

    product: str
    series: Mapping[Series, str]
    facts: Sequence[str] = ()
    incidents: Sequence[str] = ()

    @property
    def leaf(self) -> str:
        """The leaf of the tree."""
        series = [[*name, self.series[name]] for name in sorted(self.series)]
        return digest("product", [self.product, series, sorted(self.facts), sorted(self.incidents)])


def root(leaves: Sequence[str]) -> str:
    """Return the root of the tree over the leaves, in their order."""
    if not leaves:
        return digest("tree", [])
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return _node(root(leaves[:split]), root(leaves[split:]))


def path(leaves: Sequence[str], index: int) -> list[str]:
    """Return the digests that lead from a leaf to the root, the nearest first."""
    if len(leaves) < 2:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*path(leaves[:split], index), root(leaves[split:])]
    return [*path(leaves[split:], index - split), root(leaves[:split])]


def root_from(leaf: str, index: int, count: int, way: Sequence[str]) -> str:
    """Return the root that a leaf and its path lead to.

    Raises:
        ValueError: the path is not one of a leaf at this index of so many.
    """
    if not 0 <= index < count or (count == 1 and way):
        raise ValueError("the path does not belong to the leaf")
    if count == 1:
        return leaf
    if not way:
        raise ValueError("the path is too short")
    split = _split(count)
    *inner, other = way
    if index < split:
        return _node(root_from(leaf, index, split, inner), other)
    return _node(other, root_from(leaf, index - split, count - split, inner))


def _split(count: int) -> int:
    """Return the largest power of two below the count."""
    return 1 << ((count - 1).bit_length() - 1)


def _node(left: str, right: str) -> str:
    return hashlib.sha256(f"ninewatch node\n{left}\n{right}".encode()).hexdigest()


def covered(runs: Sequence[Run], before: Position | None, upto: Position, *, exact: bool = True) -> list[Run]:
    """Return what a head covers of a series: the runs from the position of the head before to its own.

    `runs` are those of the series by `first`, as they are now. With `exact` off one of them may have been cut at an
    instant as if its observations were evenly spaced, which leaves it without latencies.

    Raises:
        ValueError: a position is not one of these runs: they were changed since. The message says how.
    """
    found = [run for run in runs if (before is None or run.first >= before.first) and run.first <= upto.first]
    if not found or found[-1].first != upto.first:
        raise ValueError("the run that went on then is missing")
    if before is not None and found[0].first != before.first:
        raise ValueError("the run that went on at the head before is missing")
    if not _goes_on(found[-1], upto, exact):
        raise ValueError("the run that went on then ends earlier, or holds fewer observations")
    if before is not None and not _goes_on(upto.of_run(found[-1]) if len(found) == 1 else found[0], before, exact):
        raise ValueError("the run that went on at the head before ends earlier, or holds fewer observations")
    return [*found[:-1], upto.of_run(found[-1])]


def _goes_on(run: Run, position: Position, exact: bool) -> bool:
    """Return whether the run holds what it held at the position."""
    if not exact and run.latency_count == 0:
        return run.last + run.hold >= position.last and run.count + 1 >= position.count
    longer = run.last >= position.last and run.count >= position.count
    return longer and run.latency_count >= position.latency_count and run.latency_sum >= position.latency_sum
