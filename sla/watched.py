"""The watched part of a window that reaches back beyond the record. measurement.md, section 5."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, UnknownPolicy, availability
from sla.interval import Interval, subtract
from sla.proof import Proof, proven
from sla.track import State
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sla.objective import Objective
    from sla.tally import Counts
    from sla.track import Durations, History


@dataclass(frozen=True, slots=True)
class Watched:
    """The part of a window from its first known observation to its end.

    `since` is the instant of that observation. `decidable_at` is the earliest instant at which the verdict of the whole
    window can be `met` if all is up from its end on; None where there is no such instant, or no objective.
    """

    since: int
    availability: Bounds[Fraction | None]
    proof: Proof | None
    decidable_at: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the part for programs: instants RFC 3339 UTC, ratios, null where there is no figure."""
        bounds = {name: None if share is None else float(share) for name, share in self.availability._asdict().items()}
        return {
            "since": format_instant(self.since),
            "availability": bounds,
            "proven": self.proof and self.proof.availability,
            "decidable_at": None if self.decidable_at is None else format_instant(self.decidable_at),
        }


@dataclass(frozen=True, slots=True)
class Span:
    """A window as the verdict moves on from it. `whole` is the calendar window of which it is the elapsed part.

    A `rolling` window moves with time; one that is neither is over, and its verdict stays as it is.
    """

    window: Interval
    rolling: bool = False
    whole: Interval | None = None


def watched(
    history: History,
    span: Span,
    objective: Objective | None,
    excluded: Sequence[Interval],
    measured: tuple[Durations, Counts],
    unknown: UnknownPolicy = UnknownPolicy.EXCLUDE,
) -> Watched | None:
    """Return the watched part of the window, None where the record begins before the window does or after it ends.

    `measured` is what was found in the whole window after exclusions: before the record all of it is unknown.
    """
    since, window = history.first, span.window
    if since is None or not window.start < since < window.end:
        return None
    durations, counts = measured
    durations = durations._replace(unknown=durations.unknown - _length(Interval(window.start, since), excluded))
    when = None
    if objective is not None:
        ahead = _open_end(history, Interval(since, window.end), excluded) if durations.doubt_up else 0
        lost = durations.total - durations.up - ahead
        when = _decidable_at(_Record(history, since, lost, span, excluded), objective)
    return Watched(since, availability(durations, unknown), proven(counts.good, counts.known), when)


def _open_end(history: History, watched: Interval, excluded: Sequence[Interval]) -> int:
    """Return the time since the last observations in which the target was up by the estimate.

    It counts as up here: the next good observation makes it so.
    """
    steady = history.steady
    start = watched.start if steady is None else min(max(steady, watched.start), watched.end)
    parts = subtract(Interval(start, watched.end), excluded)
    return sum(p.end - p.start for part in parts for p in history.pieces(part) if p.state is State.DOUBT_UP)


class _Record:
    """A young record: `lost` is what of the time from `since` to the window's end is not certainly up."""

    def __init__(self, history: History, since: int, lost: int, span: Span, excluded: Sequence[Interval]) -> None:
        self.span, self.excluded = span, excluded
        self._history, self._since, self._lost = history, since, lost
        self._pieces: tuple[list[int], list[int]] | None = None

    def lost_from(self, start: int) -> int:
        """Return what of the time from `start` to the window's end is not certainly up, after exclusions."""
        if start <= self._since:  # all of the time before the record is
            return self._lost + _length(Interval(start, self._since), self.excluded)
        starts, before = self._not_up()
        index = bisect_right(starts, start) - 1
        grows = index + 1 < len(before) and before[index + 1] > before[index]
        return self._lost - before[index] - (start - starts[index] if grows else 0)

    def _not_up(self) -> tuple[list[int], list[int]]:
        """Return where the pieces of the record begin, and how much before each is not certainly up; looked at once."""
        if self._pieces is None:
            starts, before = [self._since], [0]
            for part in subtract(Interval(self._since, self.span.window.end), self.excluded):
                for piece in self._history.pieces(part):
                    if piece.start > starts[-1]:  # excluded time before it
                        starts.append(piece.start)
                        before.append(before[-1])
                    starts.append(piece.end)
                    before.append(before[-1] + (0 if piece.state is State.UP else piece.end - piece.start))
            self._pieces = starts, before
        return self._pieces

    def total_from(self, start: int) -> int:
        """Return the time from `start` to the window's end after exclusions."""
        return _length(Interval(start, self.span.window.end), self.excluded)


def _decidable_at(record: _Record, objective: Objective) -> int | None:
    """Return the earliest instant at which the window's verdict can be `met` if all is up from its end on.

    Of a rolling window, time that is excluded after its end is taken as counted.
    """
    window, whole, share = record.span.window, record.span.whole, 1 - objective.ratio

    def met(start: int) -> bool:
        ahead = start - window.start  # all up, and nothing excluded, in what the window takes in from now on
        return record.lost_from(start) <= share * (record.total_from(start) + ahead)

    if met(window.start):
        return window.end
    if whole is not None:
        lost = record.lost_from(window.start)
        return _first(
            window.end,
            whole.end,
            lambda at: lost <= share * _length(Interval(whole.start, at), record.excluded),
        )
    if not record.span.rolling:
        return None
    start = _first(window.start, window.end, met)
    return None if start is None else start + window.length


def _length(span: Interval, excluded: Sequence[Interval]) -> int:
    return sum(part.length for part in subtract(span, excluded))


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int | None:
    """Return the least number from low to high of which it holds, None of none; once it holds it goes on to hold."""
    if not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
