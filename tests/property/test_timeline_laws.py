"""Laws of one check's timeline, against a walk over cells."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sla.interval import Interval
from sla.observation import Observation, Outcome, Run
from sla.timeline import Timeline
from tests.property import oracle
from tests.property.strategies import EVERYTHING, histories, holds, pairs, windows


def fold(observations: list[Observation], hold: int) -> list[Run]:
    """The runs that a recorder would keep."""
    runs: list[Run] = []
    for seen in observations:
        if runs and runs[-1].accepts(seen, hold):
            runs[-1] = runs[-1].with_observation(seen)
        else:
            runs.append(Run.of(seen, hold))
    return runs


@given(histories, holds, windows)
def test_durations_are_those_of_the_cells(seen: oracle.Seen, hold: int, window: Interval) -> None:
    """Any window of any history lasts as long in each state as a walk over its cells says."""
    cells = [oracle.cell(seen, hold, x) for x in range(window.start, window.end)]
    assert Timeline.of_pairs(pairs(seen), hold).durations(window) == oracle.durations(cells)


@given(histories, holds, windows)
def test_pieces_are_the_cells_and_leave_no_gap(seen: oracle.Seen, hold: int, window: Interval) -> None:
    """The pieces of a window cover it once, in order, neighbours differ, and each cell has its state."""
    timeline = Timeline.of_pairs(pairs(seen), hold)
    pieces = list(timeline.pieces(window))
    cells = [p.state.name.lower() for p in pieces for _ in range(p.start, p.end)]
    assert cells == [oracle.cell(seen, hold, x) for x in range(window.start, window.end)]
    assert cells == [timeline.state(x).name.lower() for x in range(window.start, window.end)]
    edges = [window.start, *(p.end for p in pieces)] if pieces else [window.start, window.end]
    assert [p.start for p in pieces] == edges[:-1] if pieces else window.length == 0
    assert edges[-1] == window.end
    assert all(a.state != b.state for a, b in pairwise(pieces))


@given(histories, holds, windows)
def test_counts_are_of_the_observations_that_stand(seen: oracle.Seen, hold: int, window: Interval) -> None:
    """Every instant counts once, by the outcome that stands there, if it lies within the half-open window."""
    standing = [o for at, o in oracle.worst_outcomes(seen).items() if window.start <= at < window.end]
    counts = Timeline.of_pairs(pairs(seen), hold).counts(window)
    assert counts._asdict() == {name: standing.count(name) for name in ("good", "bad", "unknown")}


@given(histories, holds, windows, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(seen: oracle.Seen, hold: int, window: Interval, random: Random) -> None:
    """Any permutation of the observations, and telling some of them twice, gives the same figures."""
    shuffled = seen + seen[: len(seen) // 2]
    random.shuffle(shuffled)
    one, other = Timeline.of_pairs(pairs(seen), hold), Timeline.of_pairs(pairs(shuffled), hold)
    assert one.durations(window) == other.durations(window)
    assert one.counts(window) == other.counts(window)


@given(histories, holds, windows, st.integers(-5, 60))
def test_splitting_a_window_adds_up(seen: oracle.Seen, hold: int, window: Interval, at: int) -> None:
    """A window's durations and counts are those of its two halves together, wherever it is split."""
    at = min(max(at, window.start), window.end)
    left, right = Interval(window.start, at), Interval(at, window.end)
    for timeline in (Timeline.of_pairs(pairs(seen), hold), Timeline.of_pairs(pairs(seen), hold, exact=False)):
        assert timeline.durations(left).plus(timeline.durations(right)) == timeline.durations(window)
        assert timeline.counts(left).plus(timeline.counts(right)) == timeline.counts(window)


@given(histories, holds, windows)
def test_appending_is_the_same_as_all_at_once(seen: oracle.Seen, hold: int, window: Interval) -> None:
    """One observation after the other, asked in between, ends where the whole history begins."""
    grown = Timeline(hold)
    for at, outcome in sorted(oracle.worst_outcomes(seen).items()):
        grown.append(at, Outcome(outcome))
        grown.durations(window)
    whole = Timeline.of_pairs(pairs(seen), hold)
    assert grown.durations(window) == whole.durations(window)
    assert grown.last_known == whole.last_known
    assert grown.counts(EVERYTHING) == whole.counts(EVERYTHING)


@given(histories, holds, windows)
def test_the_past_does_not_change_once_settled(seen: oracle.Seen, hold: int, window: Interval) -> None:
    """What lies before `settled` keeps its states whatever is observed later."""
    timeline = Timeline(hold)
    for at, outcome in sorted(oracle.worst_outcomes(seen).items()):
        upto = timeline.settled
        past = Interval(min(window.start, upto), upto) if upto is not None else None
        before = past and timeline.durations(past)
        timeline.append(at, Outcome(outcome))
        assert before is None or past is None or timeline.durations(past) == before


@given(histories, holds, windows, st.booleans())
def test_folded_runs_are_lossless_for_every_duration(
    seen: oracle.Seen, hold: int, window: Interval, exact: bool
) -> None:
    """A timeline rebuilt from runs, whose bad ones differ in reason, is the timeline of the raw observations."""
    raw = [
        Observation("c", at, Outcome(outcome), "ab"[at % 2] if outcome == "bad" else "")
        for at, outcome in sorted(oracle.worst_outcomes(seen).items())
    ]
    rebuilt = Timeline(hold, exact=exact)
    for run in fold(raw, hold):
        rebuilt.append_run(run)
    whole = Timeline.of(raw, hold)
    assert rebuilt.durations(window) == whole.durations(window)
    assert rebuilt.last_at == whole.last_at
    assert rebuilt.counts(EVERYTHING) == whole.counts(EVERYTHING)


@given(st.integers(0, 5), st.integers(1, 6), st.integers(1, 9), windows)
def test_folding_evenly_spaced_observations_loses_no_count(first: int, step: int, n: int, window: Interval) -> None:
    """Where probes are evenly spaced, a folded run counts exactly in any window, and so does one spread out again."""
    last = first + (n - 1) * step
    run = Run("c", Outcome.GOOD, "", first, last, n, hold=step)
    for exact in (False, True):
        timeline = Timeline(step, exact=exact)
        timeline.append_run(run)
        assert timeline.counts(window).good == sum(window.start <= first + k * step < window.end for k in range(n))


@given(st.integers(0, 5), st.integers(0, 30), st.integers(1, 9), windows)
def test_a_run_counts_the_same_folded_or_spread_out(first: int, length: int, n: int, window: Interval) -> None:
    """Both ways to keep a run put its observations at the same instants, evenly spaced and rounded down."""
    run = Run("c", Outcome.GOOD, "", first, first + length if n > 1 else first, n, hold=length)
    folded, exact = Timeline(length), Timeline(length, exact=True)
    folded.append_run(run)
    exact.append_run(run)
    assert folded.counts(window) == exact.counts(window)


@given(st.lists(st.tuples(st.integers(1, 20), st.sampled_from(Outcome), holds), max_size=25), holds, st.booleans())
def test_its_runs_build_the_same_timeline(steps: list[tuple[int, Outcome, int]], hold: int, exact: bool) -> None:
    """Whatever the hold was at each observation, the states are the same; and so are the counts at runs' edges."""
    timeline, at, before = Timeline(hold, exact=exact), 0, (Outcome.UNKNOWN, -1)
    for step, outcome, timeline.hold in steps:
        at += step
        timeline.append(at, outcome, continues=step <= timeline.hold and before == (outcome, timeline.hold))
        before = (outcome, timeline.hold)
    timeline.hold = hold
    again = Timeline(hold, exact=exact)
    for run in timeline.runs("p/a"):
        assert run.last - run.first <= run.hold * max(run.count - 1, 0)
        again.append_run(run)
    window = Interval(-5, at + 40)
    assert list(again.pieces(window)) == list(timeline.pieces(window))
    assert again.runs("p/a") == timeline.runs("p/a")
    assert again.counts(window) == timeline.counts(window)
