"""Properties of timelines, compared with the cell-by-cell oracle (a cell is the time from x to x + 1)."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.interval import Interval
from sla.observation import Observation, Outcome, Run
from sla.timeline import Timeline
from tests.property import oracle
from tests.property.strategies import EVERYTHING, histories, holds, pairs, windows


def fold(observations: list[Observation], hold: int) -> list[Run]:
    """Return the runs that a recorder stores."""
    runs: list[Run] = []
    for observation in observations:
        if runs and runs[-1].accepts(observation, hold):
            runs[-1] = runs[-1].with_observation(observation)
        else:
            runs.append(Run.of(observation, hold))
    return runs


@given(histories, holds, windows)
def test_durations_equal_those_of_the_cells(observations: oracle.Seen, hold: int, window: Interval) -> None:
    """The duration of each state equals the number of its cells, for any window and history."""
    cells = [oracle.cell(observations, hold, x) for x in range(window.start, window.end)]
    assert Timeline.of_pairs(pairs(observations), hold).durations(window) == oracle.durations(cells)


@given(histories, holds, windows)
def test_pieces_equal_the_cells_and_have_no_gaps(observations: oracle.Seen, hold: int, window: Interval) -> None:
    """The pieces cover the window once and in order, adjacent pieces differ, and each cell has its state."""
    timeline = Timeline.of_pairs(pairs(observations), hold)
    pieces = list(timeline.pieces(window))
    cells = [p.state.name.lower() for p in pieces for _ in range(p.start, p.end)]
    assert cells == [oracle.cell(observations, hold, x) for x in range(window.start, window.end)]
    assert cells == [timeline.state(x).name.lower() for x in range(window.start, window.end)]
    edges = [window.start, *(p.end for p in pieces)] if pieces else [window.start, window.end]
    assert [p.start for p in pieces] == edges[:-1] if pieces else window.length == 0
    assert edges[-1] == window.end
    assert all(a.state != b.state for a, b in pairwise(pieces))


@given(histories, holds, windows)
def test_counts_are_those_of_the_worst_outcomes(observations: oracle.Seen, hold: int, window: Interval) -> None:
    """Every instant within the half-open window counts once, with its worst outcome."""
    counted_outcomes = [o for at, o in oracle.worst_outcomes(observations).items() if window.start <= at < window.end]
    counts = Timeline.of_pairs(pairs(observations), hold).counts(window)
    assert counts._asdict() == {name: counted_outcomes.count(name) for name in ("good", "bad", "unknown")}


@given(histories, holds, windows, st.randoms(use_true_random=False))
@pytest.mark.fault(18)
def test_order_and_duplicates_do_not_matter(
    observations: oracle.Seen, hold: int, window: Interval, random: Random
) -> None:
    """Any order of the observations, also with duplicates, gives the same figures."""
    shuffled = observations + observations[: len(observations) // 2]
    random.shuffle(shuffled)
    one, other = Timeline.of_pairs(pairs(observations), hold), Timeline.of_pairs(pairs(shuffled), hold)
    assert one.durations(window) == other.durations(window)
    assert one.counts(window) == other.counts(window)


@given(histories, holds, windows, st.integers(-5, 60))
def test_parts_of_a_window_add_up(observations: oracle.Seen, hold: int, window: Interval, at: int) -> None:
    """The durations and counts of a window are the sums of its two parts."""
    at = min(max(at, window.start), window.end)
    before, after = Interval(window.start, at), Interval(at, window.end)
    for timeline in (
        Timeline.of_pairs(pairs(observations), hold),
        Timeline.of_pairs(pairs(observations), hold, exact=False),
    ):
        assert timeline.durations(before).plus(timeline.durations(after)) == timeline.durations(window)
        assert timeline.counts(before).plus(timeline.counts(after)) == timeline.counts(window)


@given(histories, holds, windows)
def test_appending_equals_building_from_all_observations(
    observations: oracle.Seen, hold: int, window: Interval
) -> None:
    """Queries between the appended observations do not change the result."""
    appended = Timeline(hold)
    for at, outcome in sorted(oracle.worst_outcomes(observations).items()):
        appended.append(at, Outcome(outcome))
        appended.durations(window)
    complete = Timeline.of_pairs(pairs(observations), hold)
    assert appended.durations(window) == complete.durations(window)
    assert appended.last_known == complete.last_known
    assert appended.counts(EVERYTHING) == complete.counts(EVERYTHING)


@given(histories, holds, windows)
def test_final_states_do_not_change(observations: oracle.Seen, hold: int, window: Interval) -> None:
    """Later observations do not change states before `final_until`."""
    timeline = Timeline(hold)
    for at, outcome in sorted(oracle.worst_outcomes(observations).items()):
        end = timeline.final_until
        past = Interval(min(window.start, end), end) if end is not None else None
        before = past and timeline.durations(past)
        timeline.append(at, Outcome(outcome))
        assert before is None or past is None or timeline.durations(past) == before


@given(histories, holds, windows, st.booleans())
def test_runs_keep_all_durations(observations: oracle.Seen, hold: int, window: Interval, exact: bool) -> None:
    """A timeline built from runs equals that of the raw observations, also if bad runs differ in reason."""
    raw = [
        Observation("c", at, Outcome(outcome), "ab"[at % 2] if outcome == "bad" else "")
        for at, outcome in sorted(oracle.worst_outcomes(observations).items())
    ]
    rebuilt = Timeline(hold, exact=exact)
    for run in fold(raw, hold):
        rebuilt.append_run(run)
    complete = Timeline.of(raw, hold)
    assert rebuilt.durations(window) == complete.durations(window)
    assert rebuilt.last_at == complete.last_at
    assert rebuilt.counts(EVERYTHING) == complete.counts(EVERYTHING)


@given(st.integers(0, 5), st.integers(1, 6), st.integers(1, 9), windows)
def test_runs_of_evenly_spaced_observations_keep_all_counts(first: int, step: int, n: int, window: Interval) -> None:
    """For evenly spaced probes, the counts of a run are exact in any window."""
    last = first + (n - 1) * step
    run = Run("c", Outcome.GOOD, "", first, last, n, hold=step)
    for exact in (False, True):
        timeline = Timeline(step, exact=exact)
        timeline.append_run(run)
        assert timeline.counts(window).good == sum(window.start <= first + k * step < window.end for k in range(n))


@given(st.integers(0, 5), st.integers(0, 30), st.integers(1, 9), windows)
def test_run_has_the_same_counts_in_both_counters(first: int, length: int, n: int, window: Interval) -> None:
    """Both counters place the observations at the same instants, evenly spaced and rounded down."""
    run = Run("c", Outcome.GOOD, "", first, first + length if n > 1 else first, n, hold=length)
    folded, exact = Timeline(length), Timeline(length, exact=True)
    folded.append_run(run)
    exact.append_run(run)
    assert folded.counts(window) == exact.counts(window)


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from(Outcome), holds), max_size=25), holds, st.booleans())
def test_timeline_rebuilt_from_its_runs_is_equal(steps: list[tuple[int, Outcome, int]], hold: int, exact: bool) -> None:
    """For any holds, the rebuilt timeline has the same states, and the same counts in windows that do not cut a run."""
    timeline, at, before = Timeline(hold, exact=exact), 0, (Outcome.UNKNOWN, -1)
    for step, outcome, timeline.hold in steps:
        at += step
        timeline.append(at, outcome, continues=step <= timeline.hold and before == (outcome, timeline.hold))
        before = (outcome, timeline.hold)
    timeline.hold = hold
    rebuilt = Timeline(hold, exact=exact)
    for run in timeline.runs("p/a"):
        assert run.last - run.first <= run.hold * max(run.count - 1, 0)
        rebuilt.append_run(run)
    window = Interval(-5, at + 40)
    assert list(rebuilt.pieces(window)) == list(timeline.pieces(window))
    assert rebuilt.runs("p/a") == timeline.runs("p/a")
    assert rebuilt.counts(window) == timeline.counts(window)
