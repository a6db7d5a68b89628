"""Time as half-open intervals of integer microseconds. The only module that does arithmetic on sets of instants."""

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
        ValueError: end lies before start. An empty interval (end == start) is allowed and holds nothing.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"interval ends before it starts: {self.start} > {self.end}")

    @property
    def length(self) -> int:
        """Microseconds."""
        return self.end - self.start


def union(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Yield the same instants as disjoint, non-touching intervals in order; empty ones vanish.

    >>> list(union([Interval(5, 9), Interval(0, 3), Interval(3, 5)]))
    [Interval(start=0, end=9)]
    """
    held: Interval | None = None
    for each in sorted(i for i in intervals if i.length):
        if held is None or each.start > held.end:
            if held is not None:
                yield held
            held = each
        elif each.end > held.end:
            held = Interval(held.start, each.end)
    if held is not None:
        yield held


def subtract(window: Interval, holes: Iterable[Interval]) -> Iterator[Interval]:
    """Yield what is left of the window, in order, when the holes are cut out of it.

    >>> list(subtract(Interval(0, 10), [Interval(2, 4), Interval(3, 5), Interval(9, 20)]))
    [Interval(start=0, end=2), Interval(start=5, end=9)]
    """
    start = window.start
    for hole in union(holes):
        if hole.end <= start:
            continue
        if hole.start >= window.end:
            break
        if hole.start > start:
            yield Interval(start, hole.start)
        start = hole.end
    if start < window.end:
        yield Interval(start, window.end)


def total(intervals: Iterable[Interval]) -> int:
    """Return the microseconds that the intervals cover together, counting shared time once."""
    return sum(i.length for i in union(intervals))


class Counted:
    """Counted time before an instant, in O(log n). The parts are in order and disjoint: a window after exclusions."""

    __slots__ = ("_before", "_parts", "_starts")

    def __init__(self, parts: Iterable[Interval]) -> None:
        self._parts = list(parts)
        self._starts = [part.start for part in self._parts]
        self._before = [0]
        for part in self._parts:
            self._before.append(self._before[-1] + part.length)

    def before(self, at: int) -> int:
        """Return the length of the parts, microseconds, as far as they lie before the instant."""
        index = bisect_right(self._starts, at)
        if not index:
            return 0
        part = self._parts[index - 1]
        return self._before[index - 1] + min(at, part.end) - part.start
