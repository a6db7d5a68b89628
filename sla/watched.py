"""The watched part of a window that reaches back beyond the record. measurement.md, section 5."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sla.availability import Bounds, UnknownPolicy, availability
from sla.interval import Counted, Interval, subtract
from sla.proof import Proof, proven
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sla.objective import Objective
    from sla.observation_counts import Counts
    from sla.state_history import History
    from sla.states import Durations


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
    record = _Record(history, since, span, excluded)
    durations = durations._replace(unknown=durations.unknown - record.counted(window.start, since))
    when = None
    if objective is not None:
        ahead = record.open_end() if durations.doubt_up else 0
        record.lost = durations.total - durations.up - ahead
        when = _decidable_at(record, objective)
    return Watched(since, availability(durations, unknown), proven(counts.good, counts.known), when)


class _Record:
    """A young record: `lost` is what of the time from `since` to the window's end is not certainly up."""

    def __init__(self, history: History, since: int, span: Span, excluded: Sequence[Interval]) -> None:
        self.span, self.lost = span, 0
        self._history, self._since = history, since
        self._excluded = excluded
        counted = span.whole or span.window
        self._clock = Counted(subtract(Interval(min(counted.start, span.window.start), counted.end), excluded))

    def counted(self, start: int, end: int) -> int:
        """Return the time from `start` to `end`, both in the window, after exclusions."""
        return self._clock.before(end) - self._clock.before(start)

    def open_end(self) -> int:
        """Return the time since the last observations in which the target was up by the estimate.

        It counts as up here: the next good observation makes it so.
        """
        steady, end = self._history.steady, self.span.window.end
        start = self._since if steady is None else min(max(steady, self._since), end)
        return sum(self._history.durations(part).doubt_up for part in subtract(Interval(start, end), self._excluded))

    def lost_from(self, start: int) -> int:
        """Return what of the time from `start` to the window's end is not certainly up, after exclusions."""
        if start <= self._since:  # all of the time before the record is
            return self.lost + self.counted(start, self._since)
        parts = self._parts
        index = bisect_right(parts, start, key=_start) - 1
        if index < 0:
            return self.lost
        part, before = parts[index].part, parts[index].lost
        return self.lost - before - self._not_up(Interval(part.start, min(start, part.end)))

    @cached_property
    def _parts(self) -> list[_Part]:
        """The record after exclusions: its parts, and how much before each is not certainly up."""
        found, before = [], 0
        for part in subtract(Interval(self._since, self.span.window.end), self._excluded):
            found.append(_Part(part, before))
            before += self._not_up(part)
        return found

    def _not_up(self, part: Interval) -> int:
        return part.length - self._history.durations(part).up


class _Part(NamedTuple):
    part: Interval
    lost: int


def _start(part: _Part) -> int:
    return part.part.start


def _decidable_at(record: _Record, objective: Objective) -> int | None:
    """Return the earliest instant at which the window's verdict can be `met` if all is up from its end on.

    Of a rolling window, time that is excluded after its end is taken as counted.
    """
    window, whole, share = record.span.window, record.span.whole, 1 - objective.ratio
    allowed, per = share.numerator, share.denominator  # integers: `per` times the time, microseconds

    def missing(start: int) -> int:
        ahead = start - window.start  # all up, and nothing excluded, in what the window takes in from now on
        return per * record.lost_from(start) - allowed * (record.counted(start, window.end) + ahead)

    if missing(window.start) <= 0:
        return window.end
    if whole is not None:
        lost = per * record.lost_from(window.start)
        return _first(window.end, whole.end, lambda at: lost - allowed * record.counted(whole.start, at), allowed)
    if not record.span.rolling:
        return None
    start = _first(window.start, window.end, missing, per + allowed)
    return None if start is None else start + window.length


def _first(low: int, high: int, missing: Callable[[int], int], slope: int) -> int | None:
    """Return the least number from low to high at which nothing is missing, None if something is at high.

    What is missing never rises, and falls by `slope` at most from one number to the next, which bounds the distance.
    """
    if missing(high) > 0:
        return None
    while low < high:
        middle = (low + high) // 2
        still = missing(middle)
        if still > 0:
            low = middle - (-still // slope)
        else:
            high = max(low, middle - (-still // slope))
    return low
