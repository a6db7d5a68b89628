"""Properties of the split of downtime, compared with a computation per cell."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sla.availability import downtime
from sla.downtime_split import split_downtime
from sla.interval import Interval
from sla.timeline import Timeline
from tests.property import oracle
from tests.property.strategies import histories, holds, pairs, windows

if TYPE_CHECKING:
    from sla.downtime_split import DowntimeSplit

worlds = st.lists(st.tuples(histories, holds), min_size=1, max_size=4)
World = list[tuple[oracle.Seen, int]]


def split_of(world: World, window: Interval) -> DowntimeSplit:
    product, *others = (Timeline.of_pairs(pairs(observations), hold) for observations, hold in world)
    return split_downtime(product, {f"d{n}": other for n, other in enumerate(others)}, window)


@given(worlds, windows)
def test_split_adds_up_to_the_downtime_of_the_product(world: World, window: Interval) -> None:
    """Own, unclear and shared downtime add up to the point downtime, to the microsecond."""
    split = split_of(world, window)
    product = Timeline.of_pairs(pairs(world[0][0]), world[0][1])
    assert split.downtime == downtime(product.durations(window)).point
    assert split.alone + split.unclear + sum(split.shared.values()) == split.downtime


@given(worlds, windows)
def test_every_cell_counts_for_the_dependencies_that_were_down(world: World, window: Interval) -> None:
    expected: Counter[frozenset[str] | None] = Counter()
    joint = []
    for x in range(window.start, window.end):
        product, *others = (oracle.cell(observations, hold, x) for observations, hold in world)
        joint.append(oracle.compose([product, *others], len(world)))
        if product in ("down", "doubt_down"):
            down = frozenset(f"d{n}" for n, state in enumerate(others) if state in ("down", "doubt_down"))
            expected[None if not down and "unknown" in others else down] += 1
    split = split_of(world, window)
    assert split.split == expected
    assert split.joint_durations == oracle.durations(joint)


@given(worlds, windows, st.integers(0, 65))
def test_parts_of_a_window_add_up(world: World, window: Interval, cut: int) -> None:
    """A page may therefore compute the split in parts."""
    middle = min(window.start + cut, window.end)
    parts = [split_of(world, Interval(window.start, middle)), split_of(world, Interval(middle, window.end))]
    assert parts[0].plus(parts[1]) == split_of(world, window)


@given(worlds, windows)
def test_shared_downtime_is_at_most_the_downtime_of_each(world: World, window: Interval) -> None:
    split = split_of(world, window)
    for name, durations in split.dependency_durations.items():
        assert 0 <= split.with_down(name) <= min(split.downtime, durations.down + durations.doubt_down)
        assert split.by_chance(name) is None or 0 <= Fraction(split.by_chance(name) or 0) <= split.downtime
    assert split.independent is None or 0 <= split.independent <= 1


@given(histories, holds, windows)
def test_without_dependencies_all_downtime_is_own(observations: oracle.Seen, hold: int, window: Interval) -> None:
    split = split_of([(observations, hold)], window)
    assert split.alone == split.downtime
    assert split.joint_durations == split.product_durations
    assert (split.shared, split.unclear) == ({}, 0)
