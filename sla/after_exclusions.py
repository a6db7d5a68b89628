"""Measure the time that is left after exclusions, at the same cost however many intervals are excluded.

measurement.md, section 4. States, observations and lengths are additive over time: what is left of a window is the
whole window less what is excluded of it, which prefix sums over the excluded intervals give in O(log n).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from sla.interval import Interval, union
from sla.observation_counts import Counts
from sla.states import Durations

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sla.state_history import History

_STATES, _OUTCOMES = len(Durations._fields), len(Counts._fields)
_WHOLE = Durations._fields.index("guessed_up")  # the fields before it add up to all time, those from it on repeat some


class ExcludedSums:
    """What a history has in the excluded intervals from `start` to `end`, with prefix sums.

    They hold as long as nothing changes there, neither in the history nor in what is excluded.
    """

    __slots__ = ("_counts", "_durations", "_ends", "_history", "_starts", "end", "start")

    def __init__(self, history: History, start: int) -> None:
        self.start = self.end = start
        self._history = history
        self._starts, self._ends = array("q"), array("q")
        self._durations = array("q", (0,) * _STATES)  # of all intervals before each, and at the end of all
        self._counts = array("q", (0,) * _OUTCOMES)

    @classmethod
    def of(cls, history: History, span: Interval, excluded: Iterable[Interval]) -> ExcludedSums:
        """Return the sums of the excluded intervals within the span; they may overlap, repeat and reach beyond it."""
        found = cls(history, span.start)
        found.extend(span.end, excluded)
        return found

    def extend(self, end: int, excluded: Iterable[Interval]) -> None:
        """Take in what is excluded from the present end up to `end`."""
        for each in union(_within(excluded, Interval(self.end, end))):
            self._starts.append(each.start)
            self._ends.append(each.end)
            self._durations.extend(map(int.__add__, self._durations[-_STATES:], self._history.durations(each)))
            self._counts.extend(map(int.__add__, self._counts[-_OUTCOMES:], self._history.counts(each)))
        self.end = end

    def durations(self, window: Interval) -> Durations:
        """Return how long each state lasts in what is excluded of the window, inside [start, end]."""
        if not self._starts:
            return Durations()
        return Durations(*map(int.__sub__, self._durations_before(window.end), self._durations_before(window.start)))

    def counts(self, window: Interval) -> Counts:
        """Return how many observations were sent in what is excluded of the window, inside [start, end]."""
        if not self._starts:
            return Counts()
        return Counts(*map(int.__sub__, self._counts_before(window.end), self._counts_before(window.start)))

    def length(self, window: Interval) -> int:
        """Return the microseconds that are excluded of the window, inside [start, end]."""
        return self._length_before(window.end) - self._length_before(window.start) if self._starts else 0

    def _durations_before(self, at: int) -> Iterable[int]:
        index, cut = self._reached(at)
        sums = self._durations[_STATES * index : _STATES * (index + 1)]
        return sums if cut is None else map(int.__add__, sums, self._history.durations(cut))

    def _counts_before(self, at: int) -> Iterable[int]:
        index, cut = self._reached(at)
        sums = self._counts[_OUTCOMES * index : _OUTCOMES * (index + 1)]
        return sums if cut is None else map(int.__add__, sums, self._history.counts(cut))

    def _length_before(self, at: int) -> int:
        index, cut = self._reached(at)
        whole = sum(self._durations[_STATES * index : _STATES * index + _WHOLE])
        return whole if cut is None else whole + cut.length

    def _reached(self, at: int) -> tuple[int, Interval | None]:
        """Return how many intervals end at the instant or before it, and the part before it of one that it cuts."""
        index = bisect_left(self._starts, at)
        if index and self._ends[index - 1] > at:
            return index - 1, Interval(self._starts[index - 1], at)
        return index, None


class AfterExclusions:
    """What is left of a history's time; outside of the sums, which are disjoint, nothing is excluded."""

    __slots__ = ("_history", "_sums")

    def __init__(self, history: History, sums: Sequence[ExcludedSums] = ()) -> None:
        self._history = history
        self._sums = sums

    def durations(self, window: Interval) -> Durations:
        """Return how long each state lasts within the window, after exclusions."""
        found = self._history.durations(window)
        for sums, part in self._parts(window):
            found = Durations(*map(int.__sub__, found, sums.durations(part)))
        return found

    def counts(self, window: Interval) -> Counts:
        """Return how many observations were sent within the window, after exclusions."""
        found = self._history.counts(window)
        for sums, part in self._parts(window):
            found = Counts(*map(int.__sub__, found, sums.counts(part)))
        return found

    def length(self, window: Interval) -> int:
        """Return the microseconds of the window that are left."""
        return window.length - sum(sums.length(part) for sums, part in self._parts(window))

    def _parts(self, window: Interval) -> Iterable[tuple[ExcludedSums, Interval]]:
        for sums in self._sums:
            start, end = max(window.start, sums.start), min(window.end, sums.end)
            if start < end:
                yield sums, Interval(start, end)


def _within(intervals: Iterable[Interval], span: Interval) -> Iterable[Interval]:
    for each in intervals:
        start, end = max(each.start, span.start), min(each.end, span.end)
        if start < end:
            yield each if (start, end) == (each.start, each.end) else Interval(start, end)
