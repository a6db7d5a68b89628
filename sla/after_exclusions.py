"""Measure a history after exclusions, in time that hardly depends on the number of excluded intervals.

See measurement.md, section 4. Durations, counts and lengths are additive over time: a sum after exclusions is the sum
of the complete window minus that of the excluded time, which prefix sums give in O(log n).
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
# The fields before this index add up to the window's length; the others are parts of `unknown`.
_DISJOINT_FIELDS = Durations._fields.index("guessed_up")


class ExcludedSums:
    """Prefix sums of a history's states and observations in the excluded intervals from `start` to `end`.

    The sums are valid as long as neither the history nor the exclusions change in this time.
    """

    __slots__ = ("_counts", "_durations", "_ends", "_history", "_starts", "end", "start")

    def __init__(self, history: History, start: int) -> None:
        self.start = self.end = start
        self._history = history
        self._starts, self._ends = array("q"), array("q")
        # Entry i has the sums of the intervals before interval i; the last entry those of all intervals.
        self._durations = array("q", (0,) * _STATES)
        self._counts = array("q", (0,) * _OUTCOMES)

    @classmethod
    def of(cls, history: History, span: Interval, excluded: Iterable[Interval]) -> ExcludedSums:
        """Return the sums of the excluded intervals within the span. They may overlap, repeat, and extend beyond it."""
        sums = cls(history, span.start)
        sums.extend(span.end, excluded)
        return sums

    def extend(self, end: int, excluded: Iterable[Interval]) -> None:
        """Add the excluded intervals from the current end up to `end`."""
        for interval in union(_within(excluded, Interval(self.end, end))):
            self._starts.append(interval.start)
            self._ends.append(interval.end)
            self._durations.extend(map(int.__add__, self._durations[-_STATES:], self._history.durations(interval)))
            self._counts.extend(map(int.__add__, self._counts[-_OUTCOMES:], self._history.counts(interval)))
        self.end = end

    def durations(self, window: Interval) -> Durations:
        """Return the duration of each state in the excluded time of a window inside [start, end]."""
        if not self._starts:
            return Durations()
        return Durations(*map(int.__sub__, self._durations_before(window.end), self._durations_before(window.start)))

    def counts(self, window: Interval) -> Counts:
        """Return the number of observations in the excluded time of a window inside [start, end]."""
        if not self._starts:
            return Counts()
        return Counts(*map(int.__sub__, self._counts_before(window.end), self._counts_before(window.start)))

    def length(self, window: Interval) -> int:
        """Return the length of the excluded time of a window inside [start, end], microseconds."""
        return self._length_before(window.end) - self._length_before(window.start) if self._starts else 0

    def _durations_before(self, at: int) -> Iterable[int]:
        index, partial = self._intervals_before(at)
        sums = self._durations[_STATES * index : _STATES * (index + 1)]
        return sums if partial is None else map(int.__add__, sums, self._history.durations(partial))

    def _counts_before(self, at: int) -> Iterable[int]:
        index, partial = self._intervals_before(at)
        sums = self._counts[_OUTCOMES * index : _OUTCOMES * (index + 1)]
        return sums if partial is None else map(int.__add__, sums, self._history.counts(partial))

    def _length_before(self, at: int) -> int:
        index, partial = self._intervals_before(at)
        complete = sum(self._durations[_STATES * index : _STATES * index + _DISJOINT_FIELDS])
        return complete if partial is None else complete + partial.length

    def _intervals_before(self, at: int) -> tuple[int, Interval | None]:
        """Return the number of intervals that end by `at`, and the part before `at` of the one that contains it."""
        index = bisect_left(self._starts, at)
        if index and self._ends[index - 1] > at:
            return index - 1, Interval(self._starts[index - 1], at)
        return index, None


class AfterExclusions:
    """A history after exclusions. The `sums` cover disjoint spans; time outside of them is not excluded."""

    __slots__ = ("_history", "_sums")

    def __init__(self, history: History, sums: Sequence[ExcludedSums] = ()) -> None:
        self._history = history
        self._sums = sums

    def durations(self, window: Interval, raw: Durations | None = None) -> Durations:
        """Return the duration of each state within the window, after exclusions.

        `raw` are the durations of the window before exclusions, if they are known.
        """
        durations = self._history.durations(window) if raw is None else raw
        for sums, part in self._parts(window):
            durations = Durations(*map(int.__sub__, durations, sums.durations(part)))
        return durations

    def counts(self, window: Interval) -> Counts:
        """Return the number of observations within the window, after exclusions."""
        counts = self._history.counts(window)
        for sums, part in self._parts(window):
            counts = Counts(*map(int.__sub__, counts, sums.counts(part)))
        return counts

    def length(self, window: Interval) -> int:
        """Return the length of the window after exclusions, microseconds."""
        return window.length - sum(sums.length(part) for sums, part in self._parts(window))

    def _parts(self, window: Interval) -> Iterable[tuple[ExcludedSums, Interval]]:
        for sums in self._sums:
            start, end = max(window.start, sums.start), min(window.end, sums.end)
            if start < end:
                yield sums, Interval(start, end)


def _within(intervals: Iterable[Interval], span: Interval) -> Iterable[Interval]:
    for interval in intervals:
        start, end = max(interval.start, span.start), min(interval.end, span.end)
        if start < end:
            yield interval if (start, end) == (interval.start, interval.end) else Interval(start, end)
