"""Sets of outages as NumPy arrays, and operations on them.

The same half-open intervals of integer microseconds as `sla.interval`, in arrays because a simulation has millions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Instants = NDArray[np.int64]


class Outages(NamedTuple):
    """Disjoint, non-empty outages [start, end) in order; two may touch."""

    starts: Instants
    ends: Instants


NO_OUTAGES = Outages(np.empty(0, np.int64), np.empty(0, np.int64))


def at_least(count: int, members: Sequence[Outages]) -> Outages:
    """Return the intervals in which at least `count` members are down.

    The result is their union if `count` is 1, and their intersection if it is the number of members.
    """
    if count == 1 and len(members) == 1:
        return members[0]
    starts, ends = [m.starts for m in members], [m.ends for m in members]
    instants = np.concatenate([*starts, *ends])
    steps = np.repeat(np.array([1, -1], np.int8), [sum(map(len, starts)), sum(map(len, ends))])
    order = np.argsort(instants, kind="stable")  # a stable sort is fast here: each array is sorted
    instants = instants[order]
    down = np.cumsum(steps[order], dtype=np.int32) >= count
    was_down = np.concatenate([[False], down[:-1]])
    return without_empty(instants[down & ~was_down], instants[was_down & ~down])


def without_empty(starts: Instants, ends: Instants) -> Outages:
    """Return the outages without empty ones."""
    is_not_empty = starts < ends
    return Outages(starts, ends) if is_not_empty.all() else Outages(starts[is_not_empty], ends[is_not_empty])


def downtime_before(outages: Outages, instants: Instants) -> Instants:
    """Return the downtime before each instant."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(outages.ends - outages.starts)])
    index = np.searchsorted(outages.starts, instants, side="left")
    last = np.maximum(index - 1, 0)
    if not len(outages.starts):
        return np.zeros(len(instants), np.int64)
    overhang = np.where(index > 0, np.maximum(outages.ends[last] - instants, 0), 0)
    return np.asarray(total[index] - overhang, np.int64)
