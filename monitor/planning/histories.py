"""Random outage histories of single parts. A history depends only on the part and the seed, not on the entire design.

Only NumPy's seeding and raw generator output are used, which NumPy guarantees to be stable (NEP 19), unlike its
distributions. Not in `sla`, because it needs NumPy.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from monitor.planning.outages import Instants, Outages, at_least, without_empty
from sla.feasibility import Mask, Planned, Process, Repairable, Switch

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CYCLE_MARGIN = 1.1  # factor of the expected number of cycles; more cycles are generated if these do not fill the time


class RandomStream:
    """Uniform numbers in [0, 1) for one purpose: part, replica and block of years."""

    def __init__(self, seed: int, *purpose: str | int) -> None:
        words = np.frombuffer(hashlib.sha256(repr(purpose).encode()).digest(), np.uint32)
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *map(int, words)]))

    def uniform(self, count: int) -> NDArray[np.float64]:
        """Return `count` numbers."""
        words = np.asarray(self._bits.random_raw(count), np.uint64)
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def exponential(self, mean: int, maximum: int, count: int) -> Instants:
        """Return `count` exponential durations in microseconds. The limit `maximum` prevents overflows of sums."""
        durations: Instants = np.rint(np.minimum(-mean * np.log1p(-self.uniform(count)), maximum)).astype(np.int64)
        return durations


def history(process: Process, length: int, seed: int, *purpose: str | int) -> Outages:
    """Return the outages of a leaf in [0, length). The last outage may extend beyond the end.

    The probability to be down is the same at the start as at any other instant.
    """
    if isinstance(process, Planned):
        return _planned_outages(process, length, RandomStream(seed, *purpose))
    replicas = [
        _outages_of_replica(process, length, RandomStream(seed, *purpose, "replica", index))
        for index in range(process.replicas)
    ]
    return at_least(process.replicas - process.needed + 1, replicas)


def _planned_outages(process: Planned, length: int, random_stream: RandomStream) -> Outages:
    """Return periodic outages. The first one starts at a random instant, possibly before 0."""
    first = int(random_stream.uniform(1)[0] * process.every) - process.duration
    starts = np.arange(first, length, process.every, dtype=np.int64)
    return without_empty(np.maximum(starts, 0), starts + process.duration)


def _outages_of_replica(process: Repairable, length: int, random_stream: RandomStream) -> Outages:
    """Return one replica's outages, with exponential (memoryless) up and down times."""
    begins_down = random_stream.uniform(1)[0] < process.replica_down_probability
    expected = int(length / (process.mtbf + process.mttr) * _CYCLE_MARGIN) + 16
    starts, ends, now = [], [], 0
    while now < length:
        # Longer durations than twice the simulated time have no effect.
        ups = random_stream.exponential(process.mtbf, 2 * length, expected)
        downs = random_stream.exponential(process.mttr, 2 * length, expected)
        if begins_down:
            ups[0], begins_down = 0, False
        until = now + np.cumsum(ups + downs)
        starts.append(until - downs)
        ends.append(until)
        now = int(until[-1])
    all_starts, all_ends = np.concatenate(starts), np.concatenate(ends)
    within = int(np.searchsorted(all_starts, length))
    return without_empty(all_starts[:within], all_ends[:within])


def unmasked_outages(mask: Mask, outages: Outages, seed: int, *purpose: str | int) -> Outages:
    """Return the parts of the leaf's outages that a mask does not hide.

    A retry hides the last `length` of an outage. A switch hides all but the first `length`, if the failover works.
    """
    starts, ends = outages
    if isinstance(mask, Switch):
        works = RandomStream(seed, *purpose).uniform(len(starts)) < float(mask.success)
        return without_empty(starts, np.where(works, np.minimum(ends, starts + mask.length), ends))
    return without_empty(starts, ends - mask.length)
