"""Time that an agreement excludes, with cause, reason and source (measurement.md, section 4).

Excluded time is removed from the window before figures are computed, once even if it has several causes. The audit
lists it in pieces, each with all its causes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sla.availability import UnknownPolicy
from sla.degraded_time import degraded_time
from sla.interval import SECOND, Interval, total
from sla.measured import MeasuredObjective, measure
from sla.outage import OutageFigure, OutageLimit, evaluate_limit
from sla.states import State
from sla.window import format_instant

if TYPE_CHECKING:
    from sla.after_exclusions import AfterExclusions
    from sla.calendar import Window
    from sla.objective import Objective
    from sla.state_history import History


class Cause(StrEnum):
    """The cause of an exclusion."""

    MAINTENANCE = "maintenance"
    CORRECTION = "correction"
    SERVICE_HOURS = "service hours"
    DEPENDENCY = "dependency"
    DOWN_BY_DESIGN = "down by design"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The exclusion of one interval for one cause.

    `label` is the source: the id of a correction, a dependency or a product that failed over, or the service hours.
    `author`, `reason` and `made` (microseconds since the epoch) are those of the statement, empty or None without one.
    """

    interval: Interval
    cause: Cause
    label: str = ""
    author: str = ""
    reason: str = ""
    made: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the cause for the audit, without the interval, which is that of the piece."""
        made = None if self.made is None else format_instant(self.made)
        return {
            "cause": self.cause.value,
            "label": self.label,
            "author": self.author or None,
            "reason": self.reason or None,
            "made": made,
        }


@dataclass(frozen=True, slots=True)
class ExcludedPiece:
    """A piece of excluded time with all exclusions that cover it (at least one, ordered, without duplicates)."""

    interval: Interval
    causes: tuple[Exclusion, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the piece as JSON data: instants as RFC 3339 in UTC, the length in seconds."""
        return {
            "start": format_instant(self.interval.start),
            "end": format_instant(self.interval.end),
            "seconds": self.interval.length / SECOND,
            "causes": [cause.as_json() for cause in self.causes],
        }


def audit(window: Interval, exclusions: Iterable[Exclusion]) -> Iterator[ExcludedPiece]:
    """Yield the excluded time of the window as disjoint pieces in order, split where a cause begins or ends.

    The pieces add up to the excluded time: time with several causes is in one piece.
    """
    edges: list[tuple[int, bool, Exclusion]] = []
    for exclusion in set(exclusions):
        start, end = max(exclusion.interval.start, window.start), min(exclusion.interval.end, window.end)
        if start < end:
            edges += ((start, True, exclusion), (end, False, exclusion))
    active: set[Exclusion] = set()
    since = window.start
    for at, simultaneous in groupby(sorted(edges, key=lambda edge: edge[0]), lambda edge: edge[0]):
        if active:
            yield ExcludedPiece(Interval(since, at), tuple(sorted(active, key=_rank)))
        since = at
        for _, begins, exclusion in simultaneous:
            (active.add if begins else active.discard)(exclusion)


def _rank(exclusion: Exclusion) -> tuple[Any, ...]:
    made = exclusion.made if exclusion.made is not None else -1
    return (list(Cause).index(exclusion.cause), exclusion.interval, exclusion.label, exclusion.reason, made)


def totals(pieces: Iterable[ExcludedPiece]) -> dict[Cause, int]:
    """Return the excluded time per cause, microseconds. Causes that exclude no time are omitted.

    Time with several causes counts for each of them, so the sum may be more than the excluded time.
    """
    by_cause: dict[Cause, list[Interval]] = {}
    for piece in pieces:
        for cause in {exclusion.cause for exclusion in piece.causes}:
            by_cause.setdefault(cause, []).append(piece.interval)
    return {cause: total(by_cause[cause]) for cause in Cause if cause in by_cause}


def dependency_downtime(history: History, window: Interval, label: str) -> Iterator[Exclusion]:
    """Yield an exclusion for each time in the window in which the point state of the dependency was down."""
    for span in point_downtime(history, window):
        yield Exclusion(span, Cause.DEPENDENCY, label)


def point_downtime(history: History, window: Interval) -> Iterator[Interval]:
    """Yield each time in the window in which the point state was down, in order.

    Ends at the last known observation: later time, even if guessed to be down, does not count.
    """
    known_until = history.last_known_at
    if known_until is None:
        known_until = window.start
    observed = Interval(window.start, max(window.start, min(window.end, known_until)))
    for down, pieces in groupby(history.pieces(observed), lambda piece: piece.state.point is State.DOWN):
        spans = list(pieces)
        if down:
            yield Interval(spans[0].start, spans[-1].end)


@dataclass(frozen=True, slots=True)
class AgreementFigures:
    """The raw and the contractual figures, and the exclusions by which they differ.

    `raw` has no exclusions, `contractual` has those of the agreement. `excluded_pieces` is the excluded time in the
    measured part of the window. `outages` has the promised limits on outages with their figures after exclusions.
    """

    raw: MeasuredObjective
    contractual: MeasuredObjective
    excluded_pieces: tuple[ExcludedPiece, ...]
    outages: tuple[OutageFigure, ...] = ()

    def mark_provisional(self, *, raw: bool, contractual: bool) -> AgreementFigures:
        """Return the figures, marked as provisional or final."""
        figures = (replace(self.raw, provisional=raw), replace(self.contractual, provisional=contractual))
        return replace(self, raw=figures[0], contractual=figures[1])

    @property
    def excluded(self) -> int:
        """The time excluded from the contractual figure, microseconds."""
        return self.contractual.excluded


def measure_agreement(
    history: History,
    window: Window,
    objective: Objective,
    exclusions: Sequence[Exclusion],
    *,
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE,
    interval: int | None = None,
    limits: Iterable[OutageLimit] = (),
    rolling: bool = False,
    after: AfterExclusions | None = None,
    contractual: History | None = None,
) -> AgreementFigures:
    """Return the raw and the contractual figures of the window, with the figures of each limit on outages.

    Exclusions in the future part of a window reduce its error budget. `after`: precomputed sums of these exclusions
    over `window.full`. `contractual`: the history for the contractual figures if the agreement counts degraded time as
    downtime; `after` must then be of this history.
    """
    contractual_history = history if contractual is None else contractual
    full_window = window.full if window.in_progress else None

    def figures(measured: History, excluded: Iterable[Interval] | AfterExclusions) -> MeasuredObjective:
        return measure(
            measured,
            window.measured,
            objective,
            excluded=excluded,
            unknown=unknown,
            interval=interval,
            full_window=full_window,
            rolling=rolling,
        )

    excluded_intervals = [exclusion.interval for exclusion in exclusions]
    outages = tuple(evaluate_limit(limit, contractual_history, window.measured, excluded_intervals) for limit in limits)
    figure = figures(contractual_history, excluded_intervals if after is None else after)
    if contractual_history is not history:
        figure = replace(
            figure, degraded=degraded_time(history, contractual_history, window.measured, excluded_intervals)
        )
    return AgreementFigures(figures(history, ()), figure, tuple(audit(window.measured, exclusions)), outages)
