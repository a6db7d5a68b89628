"""Columns that are folded into runs give the timeline of the single observations."""

from __future__ import annotations

import itertools
from array import array
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import NinewatchError
from monitor.measuring import folding
from monitor.measuring import record as record_module
from monitor.measuring.folding import Observations
from monitor.measuring.log_parser import Columns
from monitor.measuring.record import RANK_BITS, Record, Stream
from sla.interval import Interval
from sla.observation import PRECEDENCE, Outcome
from sla.timeline import Timeline
from tests.property.strategies import EVERYTHING, histories, holds, pairs, windows

if TYPE_CHECKING:
    from tests.property.oracle import Seen as Listed


def keys(observations: Listed) -> array[int]:
    """Return the history as a record contains it."""
    return array("q", [(at << RANK_BITS) | PRECEDENCE[Outcome(outcome)] for at, outcome in observations])


@given(histories, holds, windows, st.integers(-60, 10))
def test_folded_timeline_equals_that_of_the_single_observations(
    observations: Listed, hold: int, window: Interval, shift: int
) -> None:
    """Durations, counts and pieces are equal for any order, duplicates and hold, also before 1970."""
    moved = [(at + shift, outcome) for at, outcome in observations]
    folded, single = Observations.of(keys(moved)).timeline(hold), Timeline.of_pairs(pairs(moved), hold)
    assert folded.durations(window) == single.durations(window)
    assert folded.counts(window) == single.counts(window)
    parts = [Interval(window.start, window.start + window.length // 3), Interval(window.end, window.end + 7)]
    assert folded.counts_in(parts) == single.counts_in(parts)
    assert list(folded.pieces(EVERYTHING)) == list(single.pieces(EVERYTHING))
    assert folded.last_known == single.last_known


@given(histories, st.integers(-5, 45), holds)
def test_later_observations_are_ignored(observations: Listed, at: int, hold: int) -> None:
    """An observation at the instant itself is known."""
    known = Timeline.of_pairs(pairs([pair for pair in observations if pair[0] <= at]), hold)
    assert list(Observations.of(keys(observations), at).timeline(hold).pieces(EVERYTHING)) == list(
        known.pieces(EVERYTHING)
    )


@given(histories)
def test_spacing_is_the_median_between_instants(observations: Listed) -> None:
    """It is rounded down to a microsecond; two observations at the same instant count as one."""
    instants = sorted({at for at, _ in observations})
    gaps = [b - a for a, b in itertools.pairwise(instants)]
    assert Observations.of(keys(observations)).spacing() == (int(median(gaps)) if gaps else None)


def test_column_without_check_names_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example is a request id that is read as a check: it is detected before the memory is full."""
    monkeypatch.setattr(record_module, "_MAX_NAMES", 5)
    with pytest.raises(NinewatchError, match=r"f: more than 5 different checks; check the column"):
        Record().add(Columns(["1"] * 6, ["up"] * 6, list("abcdef"), None, 2), "f")


def test_columns_are_folded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs across the end of a part, and records that end with a part, are complete."""
    outcomes = [Outcome.GOOD] * 7 + [Outcome.BAD] * 3 + [Outcome.GOOD, Outcome.BAD] * 3
    for size in (1, 2, 3, 4, 8, 15, 16, 17):
        monkeypatch.setattr(folding, "_CHUNK", size)
        for length in range(len(outcomes) + 1):
            observations = [(2 * at, outcome) for at, outcome in enumerate(outcomes[:length])]
            runs = list(Observations.of(keys([(at, str(outcome)) for at, outcome in observations])).runs(hold=2))
            assert [at for first, last, _ in runs for at in range(first, last + 1, 2)] == [at for at, _ in observations]
            assert [o for first, last, o in runs for _ in range(first, last + 1, 2)] == outcomes[:length]
            assert all(a[2] is not b[2] for a, b in pairwise(runs))


@pytest.mark.parametrize("streams", [1, 2, 300])
def test_record_separates_checks_and_vantages(streams: int) -> None:
    """White space around names is ignored, and the order of rows does not matter."""
    rows = [(str(n), f"c{n % streams}{' ' * (n % 3)}", f"v{n % 2}") for n in range(4 * streams)]
    at, check, vantage = zip(*rows, strict=True)
    record = Record()
    record.add(Columns(at, ["up"] * len(rows), check, vantage, 2))
    record.add(Columns(["5000"], ["down"], ["c0"], None, 2))
    expected = {Stream("c0", "")} | {Stream(c.strip(), v) for _, c, v in rows}
    assert set(record.streams()) == expected
    assert len(record) == len(rows) + 1
    for stream, actual in record.streams().items():
        expected_instants = [int(a) for a, c, v in rows if (c.strip(), v) == stream] or [5000]
        assert [key >> RANK_BITS for key in actual] == [a * 1_000_000 for a in expected_instants]
