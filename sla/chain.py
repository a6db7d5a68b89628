"""Compute the hash chain of a record: each closed day has a head, a digest of its content and of the previous head.

The content of a head is a Merkle tree (as in RFC 9162, section 2.1) with one leaf per product, so that the data of one
product can be proved without the other products. A leaf covers the product's runs (by check and vantage), facts and
resolved incidents that no earlier head covers. The newest run of a series may grow, so a head stores its position, and
the next head covers that run again. Data recorded late is covered by the next head.

A head with `full` covers the complete record. The first head does so, and the first head after a wrong clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sla.correction import read as read_correction
from sla.fact import CORRECTION, REVOCATION, Fact, canonical
from sla.interval import DAY
from sla.localtime import date_of_day_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sla.incident import Incident
    from sla.observation import Run

FORMAT: Final = 1
NO_HEAD: Final = "0" * 64  # `previous` of the first head

Series = tuple[str, str]  # check and vantage


@dataclass(frozen=True, slots=True)
class Position:
    """The part of a series' newest run that a head covers: its first and last instant, and its counts."""

    first: int
    last: int
    count: int
    latency_count: int
    latency_sum: int
    latency_max: int

    @classmethod
    def at_end_of(cls, run: Run) -> Position:
        """Return the position at the end of a run."""
        return cls(run.first, run.last, run.count, run.latency_count, run.latency_sum, run.latency_max)

    def truncate(self, run: Run) -> Run:
        """Return the run as it was at this position."""
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
    """One link of the chain. `since` and `day` are its first and last day, in days since 1970 (UTC).

    `since` is None if the head covers all time before `day`. `made` is in microseconds. `content` is the root of the
    tree, `previous` the digest of the previous head.
    """

    number: int
    day: int
    since: int | None
    made: int
    full: bool
    content: str
    previous: str

    @property
    def digest(self) -> str:
        """The SHA-256 of all fields, in hexadecimal."""
        fields = [self.number, self.day, self.since, self.made, self.full, self.content, self.previous]
        return digest("head", [FORMAT, *fields])

    @property
    def date(self) -> str:
        """The last day of the head, as 2026-11-29."""
        return date_of_day_number(self.day).isoformat()

    @property
    def first_date(self) -> str | None:
        """The first day of the head, as 2026-11-29. None if the head covers all time before its last day."""
        return None if self.since is None else date_of_day_number(self.since).isoformat()


def closed_day(now: int) -> int:
    """Return the last complete day (UTC, days since 1970) at the instant."""
    return now // DAY - 1


def digest(kind: str, content: object) -> str:
    """Return the SHA-256 of the kind and the canonical JSON of the content."""
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
            *([True] if run.recheck else []),  # keeps the digests of records without re-checks
        ]
        for run in runs
    ]
    return digest("runs", [*series, rows])


def fact_digest(fact: Fact) -> str:
    """Return the digest of a fact."""
    return digest("fact", [fact.id, fact.made, fact.author, fact.kind, fact.product, fact.content()])


def incident_digest(incident: Incident) -> str:
    """Return the digest of a resolved incident."""
    failures = [
        None if probe_result is None else probe_result.as_json() for probe_result in (incident.first, incident.last)
    ]
    rest = [incident.opened, incident.resolved, incident.reason, incident.downtime]
    return digest("incident", [incident.id, incident.product, incident.check, *rest, *failures])


def fact_products(facts: Iterable[Fact]) -> dict[str, str]:
    """Return the product of each fact by the fact's id. A revocation has the product of its correction."""
    products = {fact.id: fact.product for fact in facts if fact.kind == CORRECTION}
    return {fact.id: products.get(_revoked_id(fact), "") if fact.kind == REVOCATION else fact.product for fact in facts}


def _revoked_id(fact: Fact) -> str:
    try:
        return str(getattr(read_correction(fact), "correction", ""))
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Part:
    """The digests of one product's series, facts and incidents that a head covers."""

    product: str
    series: Mapping[Series, str]
    facts: Sequence[str] = ()
    incidents: Sequence[str] = ()

    @property
    def leaf(self) -> str:
        """The product's leaf in the tree."""
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
    """Return the Merkle path of a leaf: the digests needed to compute the root, nearest first."""
    if len(leaves) < 2:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*path(leaves[:split], index), root(leaves[split:])]
    return [*path(leaves[split:], index - split), root(leaves[:split])]


def root_from(leaf: str, index: int, count: int, leaf_path: Sequence[str]) -> str:
    """Compute the root of the tree from a leaf and its Merkle path.

    Raises:
        ValueError: the length of the path does not fit a leaf at this index of `count` leaves.
    """
    if not 0 <= index < count or (count == 1 and leaf_path):
        raise ValueError("the path does not belong to the leaf")
    if count == 1:
        return leaf
    if not leaf_path:
        raise ValueError("the path is too short")
    split = _split(count)
    *inner, other = leaf_path
    if index < split:
        return _node(root_from(leaf, index, split, inner), other)
    return _node(other, root_from(leaf, index - split, count - split, inner))


def _split(count: int) -> int:
    """Return the largest power of two below the count."""
    return 1 << ((count - 1).bit_length() - 1)


def _node(left: str, right: str) -> str:
    return hashlib.sha256(f"ninewatch node\n{left}\n{right}".encode()).hexdigest()


def covered_runs(runs: Sequence[Run], previous: Position | None, end: Position, *, exact: bool = True) -> list[Run]:
    """Return the runs of a series that a head covers: from the position `previous` of the previous head to `end`.

    `runs` are the current runs of the series, ordered by `first`. If `exact` is false, a run without latencies may have
    been truncated on the assumption that its observations are evenly spaced.

    Raises:
        ValueError: the runs were changed later, so that a position differs. The message describes the difference.
    """
    covered = [run for run in runs if (previous is None or run.first >= previous.first) and run.first <= end.first]
    if not covered or covered[-1].first != end.first:
        raise ValueError("the newest run of this head is missing")
    if previous is not None and covered[0].first != previous.first:
        raise ValueError("the newest run of the previous head is missing")
    if not _contains_position(covered[-1], end, exact):
        raise ValueError("the newest run of this head ends earlier, or has fewer observations")
    if previous is not None and not _contains_position(
        end.truncate(covered[-1]) if len(covered) == 1 else covered[0], previous, exact
    ):
        raise ValueError("the newest run of the previous head ends earlier, or has fewer observations")
    return [*covered[:-1], end.truncate(covered[-1])]


def _contains_position(run: Run, position: Position, exact: bool) -> bool:
    """Return whether the run contains all observations that it had at the position."""
    if not exact and run.latency_count == 0:
        return run.last + run.hold >= position.last and run.count + 1 >= position.count
    is_longer = run.last >= position.last and run.count >= position.count
    return is_longer and run.latency_count >= position.latency_count and run.latency_sum >= position.latency_sum
