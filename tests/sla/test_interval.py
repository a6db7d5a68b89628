"""Tests of half-open intervals: union, subtraction and total length."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import Interval, subtract, total, union

spans = st.builds(lambda a, b: Interval(min(a, b), max(a, b)), st.integers(0, 30), st.integers(0, 30))


def instants(*intervals: Interval) -> set[int]:
    return {t for i in intervals for t in range(i.start, i.end)}


def test_interval_that_ends_before_its_start_is_rejected() -> None:
    """An empty interval is allowed."""
    assert Interval(3, 3).length == 0
    with pytest.raises(ValueError, match="ends before it starts: 4 > 3"):
        Interval(4, 3)


@given(st.lists(spans))
def test_union_contains_exactly_the_instants_of_its_parts(parts: list[Interval]) -> None:
    """No instant is added or lost, duplicates count once, and the results have gaps between them."""
    joined = list(union(parts))
    assert instants(*joined) == instants(*parts)
    assert list(union(joined + parts)) == joined
    assert all(a.end < b.start for a, b in pairwise(joined))
    assert total(parts) == len(instants(*parts))


def test_empty_intervals_have_no_effect() -> None:
    assert list(union([Interval(3, 3)])) == []
    assert list(union([Interval(0, 2), Interval(5, 5), Interval(7, 9)])) == [Interval(0, 2), Interval(7, 9)]
    assert list(subtract(Interval(0, 9), [Interval(5, 5)])) == [Interval(0, 9)]
    assert list(subtract(Interval(4, 4), [])) == []


@given(spans, st.lists(spans))
def test_subtraction_leaves_exactly_the_instants_that_are_not_removed(window: Interval, holes: list[Interval]) -> None:
    """The result is in order and has no empty parts."""
    remaining = list(subtract(window, holes))
    assert instants(*remaining) == instants(window) - instants(*holes)
    assert all(i.length for i in remaining)
    assert all(a.end < b.start for a, b in pairwise(remaining))
