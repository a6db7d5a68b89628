"""Random histories of single parts. The same seed gives the same history, whatever else is in the design.

Only the raw words of the generator are used, and the seeding: NumPy keeps these streams the same for ever (NEP 19),
which it does not promise of its distributions. It is here and not in `sla` because it works in columns; it reads no
clock and no entropy.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from monitor.planning.outages import Instants, Outages, at_least, kept
from sla.feasibility import Mask, Planned, Process, Repairable, Switch

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_GUESS = 1.1  # times the expected number of cycles; more are drawn if these do not fill the time


class Chance:
    """Uniform numbers of [0, 1) for one purpose: the part's name, the replica, the block of years."""

    def __init__(self, seed: int, *purpose: str | int) -> None:
        words = np.frombuffer(hashlib.sha256(repr(purpose).encode()).digest(), np.uint32)
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *map(int, words)]))

    def uniform(self, count: int) -> NDArray[np.float64]:
        """Return so many numbers."""
        words = np.asarray(self._bits.random_raw(count), np.uint64)
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def exponential(self, mean: int, most: int, count: int) -> Instants:
        """Return so many exponential durations, in whole microseconds, cut off at `most` so that sums stay in range."""
        durations: Instants = np.rint(np.minimum(-mean * np.log1p(-self.uniform(count)), most)).astype(np.int64)
        return durations


def history(process: Process, length: int, seed: int, *purpose: str | int) -> Outages:
    """Return when a leaf is down within [0, length); an outage in progress at the end may reach beyond it.

    It is as likely to be down at the beginning as at any other instant.
    """
    if isinstance(process, Planned):
        return _planned(process, length, Chance(seed, *purpose))
    each = [_repaired(process, length, Chance(seed, *purpose, "replica", index)) for index in range(process.replicas)]
    return at_least(process.replicas - process.needed + 1, each)


def _planned(process: Planned, length: int, chance: Chance) -> Outages:
    """Return occurrences one `every` apart, the first of them at a random instant, maybe before the beginning."""
    first = int(chance.uniform(1)[0] * process.every) - process.lasts
    starts = np.arange(first, length, process.every, dtype=np.int64)
    return kept(np.maximum(starts, 0), starts + process.lasts)


def _repaired(process: Repairable, length: int, chance: Chance) -> Outages:
    """Return one replica's outages: up and down in turn, each exponential, which has no memory of the beginning."""
    begins_down = chance.uniform(1)[0] < process.one_down
    expected = int(length / (process.mtbf + process.mttr) * _FIRST_GUESS) + 16
    starts, ends, now = [], [], 0
    while now < length:
        # Past twice the time that is looked at, how long something still lasts makes no difference.
        ups = chance.exponential(process.mtbf, 2 * length, expected)
        downs = chance.exponential(process.mttr, 2 * length, expected)
        if begins_down:
            ups[0], begins_down = 0, False
        until = now + np.cumsum(ups + downs)
        starts.append(until - downs)
        ends.append(until)
        now = int(until[-1])
    all_starts, all_ends = np.concatenate(starts), np.concatenate(ends)
    within = int(np.searchsorted(all_starts, length))
    return kept(all_starts[:within], all_ends[:within])


def masked(mask: Mask, outages: Outages, seed: int, *purpose: str | int) -> Outages:
    """Return the outages of a mask: what of each outage of its leaf it does not hide.

    A retry hides the last `length` of it. A switch hides all but the first `length`, if the fail-over works.
    """
    starts, ends = outages
    if isinstance(mask, Switch):
        works = Chance(seed, *purpose).uniform(len(starts)) < float(mask.success)
        return kept(starts, np.where(works, np.minimum(ends, starts + mask.length), ends))
    return kept(starts, ends - mask.length)
