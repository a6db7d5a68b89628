"""Half-open intervals: union, subtraction and what they cover together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import Interval, subtract, total, union

spans = st.builds(lambda a, b: Interval(min(a, b), max(a, b)), st.integers(0, 30), st.integers(0, 30))


def instants(*intervals: Interval) -> set[int]:
    return {t for i in intervals for t in range(i.start, i.end)}


def test_an_interval_does_not_run_backwards() -> None:
    """Empty is allowed, and holds nothing."""
    assert Interval(3, 3).length == 0
    with pytest.raises(ValueError, match="ends before it starts: 4 > 3"):
        Interval(4, 3)


@given(st.lists(spans))
def test_union_holds_exactly_the_instants_of_its_parts(parts: list[Interval]) -> None:
    """Joining neither gains nor loses an instant, twice is once, and no two results touch."""
    joined = list(union(parts))
    assert instants(*joined) == instants(*parts)
    assert list(union(joined + parts)) == joined
    assert all(a.end < b.start for a, b in pairwise(joined))
    assert total(parts) == len(instants(*parts))


def test_empty_intervals_vanish_and_cut_nothing() -> None:
    assert list(union([Interval(3, 3)])) == []
    assert list(union([Interval(0, 2), Interval(5, 5), Interval(7, 9)])) == [Interval(0, 2), Interval(7, 9)]
    assert list(subtract(Interval(0, 9), [Interval(5, 5)])) == [Interval(0, 9)]
    assert list(subtract(Interval(4, 4), [])) == []


@given(spans, st.lists(spans))
def test_subtraction_leaves_exactly_what_no_hole_holds(window: Interval, holes: list[Interval]) -> None:
    """The rest comes in order and without empty parts."""
    rest = list(subtract(window, holes))
    assert instants(*rest) == instants(window) - instants(*holes)
    assert all(i.length for i in rest)
    assert all(a.end < b.start for a, b in pairwise(rest))
