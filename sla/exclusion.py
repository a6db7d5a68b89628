"""Time that an agreement excludes, with cause, reason and source. measurement.md, section 4.

Excluded time is removed from the window before anything is counted, and only once if it has several causes. The audit
lists it in pieces, each with all of its causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sla.availability import UnknownPolicy
from sla.interval import SECOND, Interval, total
from sla.measured import Measured, measure
from sla.outage import OutageFigure, OutageLimit, judge
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.calendar import Window
    from sla.objective import Objective
    from sla.state_history import History


class Cause(StrEnum):
    """Why time is excluded."""

    MAINTENANCE = "maintenance"
    CORRECTION = "correction"
    SERVICE_HOURS = "service hours"
    DEPENDENCY = "dependency"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One cause for excluding one interval.

    `label` names the source (a correction's id, a dependency's, the hours), `author` and `reason` are those
    of the statement, `made` is when it was made (microseconds since the epoch); each is empty or None if not stated.
    """

    interval: Interval
    cause: Cause
    label: str = ""
    author: str = ""
    reason: str = ""
    made: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the cause as in the audit; its piece has the interval."""
        made = None if self.made is None else format_instant(self.made)
        return {
            "cause": self.cause.value,
            "label": self.label,
            "author": self.author or None,
            "reason": self.reason or None,
            "made": made,
        }


@dataclass(frozen=True, slots=True)
class Excluded:
    """A piece of excluded time, and every exclusion that covers all of it: at least one, none twice, in order."""

    interval: Interval
    causes: tuple[Exclusion, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the piece: instants RFC 3339 UTC, its length in seconds."""
        return {
            "start": format_instant(self.interval.start),
            "end": format_instant(self.interval.end),
            "seconds": self.interval.length / SECOND,
            "causes": [cause.as_json() for cause in self.causes],
        }


def audit(window: Interval, exclusions: Iterable[Exclusion]) -> Iterator[Excluded]:
    """Yield the excluded time of the window in order, in disjoint pieces, cut wherever a cause begins or ends.

    The pieces together are exactly the excluded time: what several causes cover is in one piece, counted once.
    """
    edges: list[tuple[int, bool, Exclusion]] = []
    for each in set(exclusions):
        start, end = max(each.interval.start, window.start), min(each.interval.end, window.end)
        if start < end:
            edges += ((start, True, each), (end, False, each))
    held: set[Exclusion] = set()
    since = window.start
    for at, together in groupby(sorted(edges, key=lambda edge: edge[0]), lambda edge: edge[0]):
        if held:
            yield Excluded(Interval(since, at), tuple(sorted(held, key=_rank)))
        since = at
        for _, begins, each in together:
            (held.add if begins else held.discard)(each)


def _rank(exclusion: Exclusion) -> tuple[Any, ...]:
    made = exclusion.made if exclusion.made is not None else -1
    return (list(Cause).index(exclusion.cause), exclusion.interval, exclusion.label, exclusion.reason, made)


def totals(pieces: Iterable[Excluded]) -> dict[Cause, int]:
    """Return the excluded time of each cause that has any, microseconds.

    Shared time counts for each of its causes, so these may add up to more than what is excluded.
    """
    found: dict[Cause, list[Interval]] = {}
    for piece in pieces:
        for cause in {each.cause for each in piece.causes}:
            found.setdefault(cause, []).append(piece.interval)
    return {cause: total(found[cause]) for cause in Cause if cause in found}


def dependency_downtime(history: History, window: Interval, label: str) -> Iterator[Exclusion]:
    """Yield when the dependency was down by its point estimate, within the window.

    Only up to its last known observation: what may follow is not known to be down, and a guess excludes nothing.
    """
    known = history.last_known_at
    seen = Interval(window.start, max(window.start, min(window.end, window.start if known is None else known)))
    for down, pieces in groupby(history.pieces(seen), lambda piece: piece.state.point is State.DOWN):
        spans = list(pieces)
        if down:
            yield Exclusion(Interval(spans[0].start, spans[-1].end), Cause.DEPENDENCY, label)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The raw and the contractual figure, and the exclusions between them.

    `raw` excludes nothing, `contractual` what the agreement excludes; `audit` lists that, piece by piece, of the part
    of the window that was measured. `outages` are the promised limits on outages, judged after exclusions.
    """

    raw: Measured
    contractual: Measured
    audit: tuple[Excluded, ...]
    outages: tuple[OutageFigure, ...] = ()

    def as_of(self, *, raw: bool, contractual: bool) -> Agreed:
        """Return the same figures, each marked as provisional or not."""
        marked = (replace(self.raw, provisional=raw), replace(self.contractual, provisional=contractual))
        return replace(self, raw=marked[0], contractual=marked[1])

    @property
    def excluded(self) -> int:
        """Time excluded from the contractual figure, microseconds."""
        return self.contractual.excluded


def agree(
    history: History,
    window: Window,
    objective: Objective | None,
    exclusions: Sequence[Exclusion],
    *,
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE,
    interval: int | None = None,
    limits: Iterable[OutageLimit] = (),
    rolling: bool = False,
) -> Agreed:
    """Return the raw and the contractual figures of the window, and what it says of each limit on outages.

    Exclusions in the part of a window that is still to come take their share of its budget away.
    """
    whole = window.whole if window.in_progress else None

    def figures(cut: Sequence[Exclusion]) -> Measured:
        excluded = [each.interval for each in cut]
        return measure(
            history,
            window.measured,
            objective,
            excluded=excluded,
            unknown=unknown,
            interval=interval,
            whole=whole,
            rolling=rolling,
        )

    cut = [each.interval for each in exclusions]
    outages = tuple(judge(limit, history, window.measured, cut) for limit in limits)
    return Agreed(figures(()), figures(exclusions), tuple(audit(window.measured, exclusions)), outages)
