"""Sort one stream, resolve duplicates, and fold it into runs that form a timeline of `sla`.

Equal neighbours within the hold become one run, computed with NumPy. A run contains only up or only down time, so the
timeline equals that of the single observations (a property test compares it with `Timeline.of`); counts are computed
from the observations.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from monitor.measuring import column_names
from monitor.measuring.record import RANK_BITS
from sla.interval import HOUR, MINUTE
from sla.timeline import Counts, Timeline

if TYPE_CHECKING:
    from sla.interval import Interval
    from sla.observation import Outcome

_RANK = (1 << RANK_BITS) - 1


class Likeness(Enum):
    """Likelihood that a stream is a log of state changes."""

    NONE = 0
    DOUBT = 1
    SURE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Observations in order, one per instant: microseconds and ranks of outcomes."""

    at: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int8]

    @classmethod
    def of(cls, keys: array[int], upto: int | None = None) -> Observations:
        """Return a stream's observations up to `upto`, with duplicates resolved. Sorts the stream in place.

        Needs 8 bytes per observation in addition to the stream.
        """
        column = np.frombuffer(keys, np.int64) if len(keys) else np.empty(0, np.int64)
        column.sort()
        if upto is not None:
            column = column[: np.searchsorted(column, (upto + 1) << RANK_BITS)]
        differ = column[1:] ^ column[:-1]
        differ >>= RANK_BITS
        stands = differ != 0
        del differ
        if not stands.all():
            column = column[np.append(stands, True)]
        rank = column.astype(np.int8) & np.int8(_RANK)
        return cls(column >> RANK_BITS, rank)

    def __len__(self) -> int:
        return len(self.at)

    def spacing(self) -> int | None:
        """Return the median time between neighbours, rounded down to a microsecond; None for fewer than 2.

        Includes unknown observations, because those probes were sent.
        """
        if len(self) < 2:
            return None
        gaps = np.diff(self.at)
        middle = ((len(gaps) - 1) // 2, len(gaps) // 2)
        gaps.partition(middle)
        return int(gaps[middle[0]] + gaps[middle[1]]) // 2

    def differing(self) -> float:
        """Return the share of neighbours whose outcomes differ, 0 for fewer than 2 observations."""
        return float((np.diff(self.rank) != 0).mean()) if len(self) > 1 else 0.0

    def uneven(self) -> bool:
        """Return whether the largest gap exceeds both 1 hour and 10 times the smallest gap."""
        gaps = np.diff(self.at)
        return bool(gaps.max() > max(HOUR, 10 * gaps.min()))

    def looks_like_changes(self) -> Likeness:
        """Return how much this is like a log of state changes, in which every row differs from the one before.

        Two rows that differ are like one if they are farther apart than probes usually are. Probes that differ as often
        are rare, and come at an even pace.
        """
        share = self.differing()
        if share < 1 / 2:
            return Likeness.NONE
        uneven = self.uneven()
        if len(self) == 2:
            return Likeness.DOUBT if self.at[1] - self.at[0] > _USUAL else Likeness.NONE
        if share < 1:
            return Likeness.DOUBT if uneven else Likeness.NONE
        return Likeness.SURE if uneven else Likeness.DOUBT

    def timeline(self, hold: int) -> Timeline:
        """Return the timeline of these observations."""
        return _Folded(self, hold)

    def counts(self, window: Interval) -> Counts:
        """Return the number of observations in the window, by outcome."""
        start, end = np.searchsorted(self.at, (window.start, window.end))
        found = np.bincount(self.rank[start:end], minlength=len(column_names.OUTCOMES))
        return Counts(int(found[column_names.GOOD]), int(found[column_names.BAD]), int(found[column_names.UNKNOWN]))

    def runs(self, hold: int) -> Iterator[tuple[int, int, Outcome]]:
        """Yield first instant, last instant and outcome of each run of equal known observations within the hold."""
        at, rank = self.at, self.rank
        known = rank != column_names.UNKNOWN
        if not known.all():
            at, rank = at[known], rank[known]
        first = 0
        for begin in range(0, len(at), _AT_ONCE):
            ranks, when = rank[begin : begin + _AT_ONCE + 1], at[begin : begin + _AT_ONCE + 1]
            ends = begin + np.flatnonzero((np.diff(when) > hold) | (ranks[1:] != ranks[:-1]))
            if begin + _AT_ONCE >= len(at):
                ends = np.append(ends, len(at) - 1)
            starts = np.append(first, ends + 1)
            first = starts[-1]
            columns = at[starts[:-1]].tolist(), at[ends].tolist(), rank[ends].tolist()
            yield from ((start, end, column_names.OUTCOMES[ranks]) for start, end, ranks in zip(*columns, strict=True))


_USUAL = 5 * MINUTE  # the interval of most tools, or longer than it
_AT_ONCE = 2**17  # observations processed at a time, to limit memory


class _Folded(Timeline):
    """A timeline built from runs, with counts of the single observations."""

    __slots__ = ("_seen",)

    def __init__(self, seen: Observations, hold: int) -> None:
        super().__init__(hold)
        self._seen = seen
        for first, last, outcome in seen.runs(hold):
            self._add_states(first, last, outcome, hold)

    @property
    def first_observation_at(self) -> int | None:
        return int(self._seen.at[0]) if len(self._seen) else None

    def counts(self, window: Interval) -> Counts:
        return self._seen.counts(window)

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        return reduce(Counts.plus, map(self._seen.counts, parts), Counts())
