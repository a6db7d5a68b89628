"""Columns folded into runs are the timeline of the single observations."""

from __future__ import annotations

import itertools
from array import array
from statistics import median
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.measuring.folding import Seen
from monitor.measuring.record import RANK_BITS, Record, Stream
from monitor.measuring.rows import Columns
from sla.observation import PRECEDENCE, Outcome
from sla.timeline import Timeline
from tests.property.strategies import EVERYTHING, histories, holds, pairs, windows

if TYPE_CHECKING:
    from sla.interval import Interval
    from tests.property.oracle import Seen as Listed


def keys(seen: Listed) -> array[int]:
    """The history as a record keeps it."""
    return array("q", [(at << RANK_BITS) | PRECEDENCE[Outcome(outcome)] for at, outcome in seen])


@given(histories, holds, windows, st.integers(-60, 10))
def test_the_timeline_is_that_of_the_single_observations(seen: Listed, hold: int, window: Interval, shift: int) -> None:
    """Durations, counts and pieces, for any order, any duplicates, any hold, also before 1970."""
    moved = [(at + shift, outcome) for at, outcome in seen]
    folded, single = Seen.of(keys(moved)).timeline(hold), Timeline.of_pairs(pairs(moved), hold)
    assert folded.durations(window) == single.durations(window)
    assert folded.counts(window) == single.counts(window)
    assert list(folded.pieces(EVERYTHING)) == list(single.pieces(EVERYTHING))
    assert folded.last_known == single.last_known


@given(histories, st.integers(-5, 45), holds)
def test_what_comes_later_is_not_known_yet(seen: Listed, at: int, hold: int) -> None:
    """An observation at the very instant is known, one after it is not."""
    known = Timeline.of_pairs(pairs([pair for pair in seen if pair[0] <= at]), hold)
    assert list(Seen.of(keys(seen), at).timeline(hold).pieces(EVERYTHING)) == list(known.pieces(EVERYTHING))


@given(histories)
def test_the_spacing_is_the_median_between_instants(seen: Listed) -> None:
    """Rounded down to a microsecond; two observations at one instant are one."""
    instants = sorted({at for at, _ in seen})
    gaps = [b - a for a, b in itertools.pairwise(instants)]
    assert Seen.of(keys(seen)).spacing() == (int(median(gaps)) if gaps else None)


@pytest.mark.parametrize("streams", [1, 2, 300])
def test_a_record_keeps_the_streams_apart(streams: int) -> None:
    """By check and vantage, white space around their names aside; in whatever order the rows come."""
    rows = [(str(n), f"c{n % streams}{' ' * (n % 3)}", f"v{n % 2}") for n in range(4 * streams)]
    at, check, vantage = zip(*rows, strict=True)
    record = Record()
    record.take(Columns(at, ["up"] * len(rows), check, vantage, 2))
    record.take(Columns(["5000"], ["down"], ["c0"], None, 2))
    wanted = {Stream("c0", "")} | {Stream(c.strip(), v) for _, c, v in rows}
    assert set(record.streams()) == wanted
    assert len(record) == len(rows) + 1
    for stream, found in record.streams().items():
        mine = [int(a) for a, c, v in rows if (c.strip(), v) == stream] or [5000]
        assert [key >> RANK_BITS for key in found] == [a * 1_000_000 for a in mine]
