"""The algebra of outages, compared with a cell-by-cell computation."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.planning.outages import NO_OUTAGES, Outages, at_least, downtime_before

CELLS = 30
bitmaps = st.lists(st.booleans(), min_size=CELLS, max_size=CELLS)


def columns(bitmap: list[bool]) -> Outages:
    """Return each down cell as an outage of its own; adjacent outages touch, like those of several parts."""
    starts = np.flatnonzero(np.array(bitmap)).astype(np.int64)
    return Outages(starts, starts + 1)


def cells(outages: Outages) -> list[bool]:
    assert all(outages.starts < outages.ends)
    assert all(outages.ends[:-1] <= outages.starts[1:])
    return [any(s <= x < e for s, e in zip(*outages, strict=True)) for x in range(CELLS)]


@given(st.lists(bitmaps, min_size=1, max_size=4), st.integers(1, 4))
def test_at_least_k_are_down_in_every_cell(maps: list[list[bool]], count: int) -> None:
    count = min(count, len(maps))
    outages = at_least(count, [columns(down) for down in maps])
    assert cells(outages) == [sum(column) >= count for column in zip(*maps, strict=True)]


@given(bitmaps, st.lists(st.integers(0, CELLS), min_size=1))
def test_downtime_before_an_instant_equals_the_down_cells_before_it(bitmap: list[bool], instants: list[int]) -> None:
    actual = downtime_before(at_least(1, [columns(bitmap), NO_OUTAGES]), np.array(instants, np.int64))
    assert actual.tolist() == [sum(bitmap[:instant]) for instant in instants]


def test_no_downtime_without_failures() -> None:
    assert downtime_before(NO_OUTAGES, np.array([0, 5], np.int64)).tolist() == [0, 0]
