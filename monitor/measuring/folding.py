"""Sort one stream, resolve duplicates, and fold it into runs that form a timeline of `sla`.

Equal neighbours within the hold become one run, computed with NumPy. A run contains only up or only down time, so the
timeline equals the timeline of the single observations (a property test compares it with `Timeline.of`). Counts are
computed from the observations.
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

_RANK_MASK = (1 << RANK_BITS) - 1


class ChangeLogLikelihood(Enum):
    """Likelihood that a stream is a log of state changes."""

    NONE = 0
    POSSIBLE = 1
    CERTAIN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Observations in order, one per instant: microseconds and ranks of outcomes."""

    at: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int8]

    @classmethod
    def of(cls, keys: array[int], until: int | None = None) -> Observations:
        """Return a stream's observations up to `until`, with duplicates resolved. Sorts the stream in place.

        Needs 8 bytes per observation in addition to the stream.
        """
        column = np.frombuffer(keys, np.int64) if len(keys) else np.empty(0, np.int64)
        column.sort()
        if until is not None:
            column = column[: np.searchsorted(column, (until + 1) << RANK_BITS)]
        differ = column[1:] ^ column[:-1]
        differ >>= RANK_BITS
        is_last_of_instant = differ != 0
        del differ
        if not is_last_of_instant.all():
            column = column[np.append(is_last_of_instant, True)]
        rank = column.astype(np.int8) & np.int8(_RANK_MASK)
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

    def differing_share(self) -> float:
        """Return the share of neighbours whose outcomes differ, 0 for fewer than 2 observations."""
        return float((np.diff(self.rank) != 0).mean()) if len(self) > 1 else 0.0

    def is_uneven(self) -> bool:
        """Return whether the largest gap exceeds both 1 hour and 10 times the smallest gap."""
        gaps = np.diff(self.at)
        return bool(gaps.max() > max(HOUR, 10 * gaps.min()))

    def change_log_likelihood(self) -> ChangeLogLikelihood:
        """Return the likelihood that this is a log of state changes, in which every row differs from the previous one.

        Two rows that differ may be a log of changes if they are farther apart than usual probes. Logs of probes in
        which as many neighbours differ are rare, and have even intervals.
        """
        share = self.differing_share()
        if share < 1 / 2:
            return ChangeLogLikelihood.NONE
        is_uneven = self.is_uneven()
        if len(self) == 2:
            return (
                ChangeLogLikelihood.POSSIBLE if self.at[1] - self.at[0] > _USUAL_INTERVAL else ChangeLogLikelihood.NONE
            )
        if share < 1:
            return ChangeLogLikelihood.POSSIBLE if is_uneven else ChangeLogLikelihood.NONE
        return ChangeLogLikelihood.CERTAIN if is_uneven else ChangeLogLikelihood.POSSIBLE

    def timeline(self, hold: int) -> Timeline:
        """Return the timeline of these observations."""
        return _FoldedTimeline(self, hold)

    def counts(self, window: Interval) -> Counts:
        """Return the number of observations in the window, by outcome."""
        start, end = np.searchsorted(self.at, (window.start, window.end))
        counts = np.bincount(self.rank[start:end], minlength=len(column_names.OUTCOMES))
        return Counts(int(counts[column_names.GOOD]), int(counts[column_names.BAD]), int(counts[column_names.UNKNOWN]))

    def runs(self, hold: int) -> Iterator[tuple[int, int, Outcome]]:
        """Yield first instant, last instant and outcome of each run of equal known observations within the hold."""
        at, rank = self.at, self.rank
        known = rank != column_names.UNKNOWN
        if not known.all():
            at, rank = at[known], rank[known]
        first = 0
        for begin in range(0, len(at), _CHUNK):
            ranks, instants = rank[begin : begin + _CHUNK + 1], at[begin : begin + _CHUNK + 1]
            ends = begin + np.flatnonzero((np.diff(instants) > hold) | (ranks[1:] != ranks[:-1]))
            if begin + _CHUNK >= len(at):
                ends = np.append(ends, len(at) - 1)
            starts = np.append(first, ends + 1)
            first = starts[-1]
            columns = at[starts[:-1]].tolist(), at[ends].tolist(), rank[ends].tolist()
            yield from ((start, end, column_names.OUTCOMES[ranks]) for start, end, ranks in zip(*columns, strict=True))


_USUAL_INTERVAL = 5 * MINUTE  # at least the interval of most tools
_CHUNK = 2**17  # observations processed at a time, to limit memory


class _FoldedTimeline(Timeline):
    """A timeline built from runs, with counts of the single observations."""

    __slots__ = ("_observations",)

    def __init__(self, observations: Observations, hold: int) -> None:
        super().__init__(hold)
        self._observations = observations
        for first, last, outcome in observations.runs(hold):
            self._add_states(first, last, outcome, hold)

    @property
    def first_observation_at(self) -> int | None:
        return int(self._observations.at[0]) if len(self._observations) else None

    def counts(self, window: Interval) -> Counts:
        return self._observations.counts(window)

    def counts_in(self, parts: Sequence[Interval]) -> Counts:
        return reduce(Counts.plus, map(self._observations.counts, parts), Counts())
