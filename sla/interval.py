"""Half-open intervals of time in integer microseconds, and set operations on them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MICROSECOND = 1
MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The instants t with start <= t < end, in microseconds since the Unix epoch (UTC).

    Raises:
        ValueError: end is before start. An empty interval (end == start) is allowed.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"interval ends before it starts: {self.start} > {self.end}")

    @property
    def length(self) -> int:
        """The length in microseconds."""
        return self.end - self.start


def union(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Yield the union of the intervals as disjoint intervals with gaps, in order. Empty intervals are omitted.

    >>> list(union([Interval(5, 9), Interval(0, 3), Interval(3, 5)]))
    [Interval(start=0, end=9)]
    """
    merged: Interval | None = None
    for interval in sorted(i for i in intervals if i.length):
        if merged is None or interval.start > merged.end:
            if merged is not None:
                yield merged
            merged = interval
        elif interval.end > merged.end:
            merged = Interval(merged.start, interval.end)
    if merged is not None:
        yield merged


def subtract(window: Interval, removed: Iterable[Interval]) -> Iterator[Interval]:
    """Yield the parts of the window that are not in `removed`, in order.

    >>> list(subtract(Interval(0, 10), [Interval(2, 4), Interval(3, 5), Interval(9, 20)]))
    [Interval(start=0, end=2), Interval(start=5, end=9)]
    """
    start = window.start
    for gap in union(removed):
        if gap.end <= start:
            continue
        if gap.start >= window.end:
            break
        if gap.start > start:
            yield Interval(start, gap.start)
        start = gap.end
    if start < window.end:
        yield Interval(start, window.end)


def total(intervals: Iterable[Interval]) -> int:
    """Return the length of the union of the intervals, microseconds."""
    return sum(i.length for i in union(intervals))


class CountedTime:
    """Computes the total length of ordered, disjoint intervals before an instant in O(log n)."""

    __slots__ = ("_before", "_parts", "_starts")

    def __init__(self, parts: Iterable[Interval]) -> None:
        self._parts = list(parts)
        self._starts = [part.start for part in self._parts]
        self._before = [0]
        for part in self._parts:
            self._before.append(self._before[-1] + part.length)

    def before(self, at: int) -> int:
        """Return the total length of the parts before the instant, microseconds."""
        index = bisect_right(self._starts, at)
        if not index:
            return 0
        part = self._parts[index - 1]
        return self._before[index - 1] + min(at, part.end) - part.start
