"""Tests of timelines: the table of measurement.md, section 2, the time after the last observation, and errors."""

from __future__ import annotations

import pytest

from sla.interval import SECOND, Interval
from sla.observation import Observation, Outcome, Run
from sla.state_sums import StateSums
from sla.states import Durations, State
from sla.timeline import Timeline

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


def test_worked_example() -> None:
    """The example of measurement.md, section 10, to the microsecond."""
    observations = [(0, GOOD), (60, GOOD), (120, GOOD), (180, BAD), (240, BAD), (300, GOOD), (360, GOOD), (1000, GOOD)]
    timeline = Timeline.of_pairs([(at * SECOND, outcome) for at, outcome in observations], 130 * SECOND)
    durations = timeline.durations(Interval(0, 1000 * SECOND))
    assert durations == Durations(180 * SECOND, 60 * SECOND, 60 * SECOND, 60 * SECOND, 640 * SECOND)
    assert (durations.doubt, durations.known, durations.total) == (120 * SECOND, 360 * SECOND, 1000 * SECOND)


def test_gap_of_exactly_a_hold_is_known() -> None:
    """The gap is unknown only when it is longer than the hold."""
    assert Timeline.of_pairs([(0, GOOD), (10, GOOD)], 10).durations(Interval(0, 10)) == Durations(up=10)
    assert Timeline.of_pairs([(0, GOOD), (11, GOOD)], 10).durations(Interval(0, 11)) == Durations(unknown=11)


def test_midpoint_of_doubt_is_rounded_down() -> None:
    """Of three microseconds of doubt, the first one has the earlier state."""
    timeline = Timeline.of_pairs([(0, GOOD), (3, BAD)], 10)
    assert list(timeline.pieces(Interval(0, 3))) == [(0, 1, State.DOUBT_UP), (1, 3, State.DOUBT_DOWN)]


def test_time_after_the_last_observation_is_doubt_for_a_hold_then_unknown() -> None:
    """The last known outcome is the point state for one hold. Later time is unknown."""
    timeline = Timeline.of_pairs([(0, BAD)], 10)
    assert list(timeline.pieces(Interval(-5, 15))) == [
        (-5, 0, State.UNKNOWN),
        (0, 10, State.DOUBT_DOWN),
        (10, 15, State.UNKNOWN),
    ]
    assert timeline.state(3).point is State.DOWN
    assert timeline.state(3).is_doubt
    assert not timeline.state(10).is_doubt
    assert timeline.first == 0


@pytest.mark.parametrize(
    ("at", "began"),
    [(-1, -1), (0, 0), (1, 0), (2, 1), (3, 2), (9, 2), (10, 2), (11, 11)],
)
def test_state_start(at: int, began: int) -> None:
    """Good at 0, bad at 2 and 10: up in doubt 0-1, down in doubt 1-2, down 2-10. Elsewhere it is the instant itself."""
    assert Timeline.of_pairs([(0, GOOD), (2, BAD), (10, BAD)], 10).state_start(at) == began


def test_state_start_without_a_settled_part() -> None:
    assert Timeline(10).state_start(5) == 5
    assert Timeline.of_pairs([(0, GOOD)], 10).state_start(5) == 5


def test_timeline_without_observations_is_unknown() -> None:
    """An empty timeline has no first instant, no last one, and all of any window unknown."""
    timeline = Timeline(10)
    assert timeline.durations(Interval(0, 5)) == Durations(unknown=5)
    assert (timeline.first, timeline.final_until, timeline.last_at, timeline.last_known) == (None, None, None, None)
    assert list(timeline.pieces(Interval(5, 5))) == []


def test_unknown_observations_are_counted_but_change_no_state() -> None:
    """Between two good observations within the hold, the time is up, also with unknown observations in between."""
    timeline = Timeline(10)
    for at, outcome in [(0, GOOD), (4, UNKNOWN), (8, GOOD), (9, UNKNOWN)]:
        timeline.append(at, outcome)
    assert timeline.durations(Interval(0, 8)) == Durations(up=8)
    assert timeline.counts(Interval(0, 10)) == (2, 0, 2)
    assert timeline.counts(Interval(0, 10)).known == 2
    assert timeline.last_known == (8, GOOD)
    assert timeline.last_at == 9


def test_changed_hold_applies_to_later_observations() -> None:
    """A gap has the hold of the observation before it, so a reload does not change the past."""
    timeline = Timeline(5)
    timeline.append(0, GOOD)
    timeline.append(8, GOOD)
    timeline.hold = 10
    timeline.append(16, GOOD)
    assert timeline.durations(Interval(0, 30)) == Durations(doubt_up=10, unknown=20)
    timeline.append(25, GOOD)
    assert timeline.durations(Interval(0, 25)) == Durations(up=9, unknown=16)


def test_worst_of_two_observations_at_one_instant_is_used() -> None:
    """Bad is before good and good before unknown, in any order of the observations."""
    observations = [Observation("c", 5, o) for o in (GOOD, BAD, UNKNOWN)] + [
        Observation("c", 6, o) for o in (GOOD, UNKNOWN)
    ]
    for order in (observations, observations[::-1]):
        assert Timeline.of(order, 10).counts(Interval(0, 10)) == (1, 1, 0)


def test_observation_that_is_not_later_is_rejected_without_a_change() -> None:
    """An instant again, an earlier one, or a run that begins there: refused, known or unknown."""
    timeline = Timeline(10)
    timeline.append(5, UNKNOWN)
    for at in (5, 4):
        with pytest.raises(ValueError, match=f"{at} is not later than 5"):
            timeline.append(at, GOOD)
        with pytest.raises(ValueError, match="in order"):
            timeline.append_run(Run("c", GOOD, "", at, 9, 2, 10))
    with pytest.raises(ValueError, match="ends before it begins"):
        timeline.append_run(Run("c", GOOD, "", 9, 8, 2, 10))
    assert timeline.counts(Interval(0, 10)) == (0, 0, 1)
    assert timeline.last_known is None


def test_negative_hold_is_rejected() -> None:
    """Zero is the smallest: nothing is known between any two."""
    assert Timeline.of_pairs([(0, GOOD), (1, GOOD)], 0).durations(Interval(0, 2)) == Durations(unknown=2)
    with pytest.raises(ValueError, match="0 or more"):
        Timeline(-1)


def test_run_of_unknown_observations_is_only_counted() -> None:
    """It settles nothing and moves the last instant."""
    timeline = Timeline(10)
    timeline.append_run(Run("c", UNKNOWN, "stalled", 3, 9, 4, 10))
    assert timeline.counts(Interval(0, 10)) == (0, 0, 4)
    assert timeline.final_until == 9
    assert timeline.durations(Interval(0, 10)) == Durations(unknown=10)


def test_counts_are_unchanged_after_a_restart() -> None:
    """The record and the timeline store the observations as the same run."""
    observed, restored = Timeline(10), Timeline(10)
    observations = [Observation("c", at, GOOD) for at in (0, 10, 20)]
    run = Run.of(observations[0], 10)
    for observation in observations:
        observed.append(observation.at, observation.outcome)
        run = run.with_observation(observation) if run.accepts(observation, 10) else run
    restored.append_run(run)
    assert run.count == 3
    for end in range(22):
        assert observed.counts(Interval(0, end)) == restored.counts(Interval(0, end))


def test_run_does_not_extend_over_a_gap() -> None:
    """A time without observations that is longer than the hold has no counts."""
    timeline = Timeline(10)
    for at in (0, 10, 1000, 1010):
        timeline.append(at, GOOD)
    assert timeline.counts(Interval(11, 1000)) == (0, 0, 0)
    assert timeline.counts(Interval(0, 1011)) == (4, 0, 0)


def test_state_sums_merge_equal_states_and_reject_earlier_ends() -> None:
    """Ten thousand equal states are one piece. Empty time is ignored."""
    sums = StateSums(0)
    for end in range(1, 10_001):
        sums.append(end, State.UP)
    sums.append(10_000, State.DOWN)
    assert len(sums) == 1
    with pytest.raises(ValueError, match="appended in order"):
        sums.append(9_999, State.UP)


def test_query_reads_logarithmically_many_pieces() -> None:
    """The sums of a window read a few dozen of 100,000 pieces. Appending writes one piece."""
    reads = 0

    class Counting(list[int]):
        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            nonlocal reads
            reads += 1
            return super().__getitem__(index)

    sums = StateSums(0)
    for end in range(1, 100_001):
        sums.append(end, State.UP if end % 2 else State.DOWN)
    assert len(sums) == 100_000
    sums._starts = Counting(sums._starts)  # type: ignore[assignment]
    assert sums.durations(Interval(10, 99_990)) == Durations(up=49_990, down=49_990)
    assert reads < 60


@pytest.mark.parametrize("exact", [True, False])
def test_first_observation_from_an_instant_on(exact: bool) -> None:
    """The outcome does not matter. Within a run the instant is that of even spacing."""
    timeline = Timeline(10, exact=exact)
    for at in (0, 10, 20, 30):
        timeline.append(at, GOOD)
    timeline.append(35, UNKNOWN)
    assert [timeline.first_observation_from(at) for at in (-5, 0, 1, 10, 21, 30, 31, 35)] == [
        0,
        0,
        10,
        10,
        30,
        30,
        35,
        35,
    ]
    assert timeline.first_observation_from(36) is None
    assert Timeline(10).first_observation_from(0) is None


def test_changed_hold_ends_a_run() -> None:
    """A run has one hold, so that the gap after it is the same after a restart."""
    timeline = Timeline(5)
    timeline.append(0, GOOD)
    timeline.append(4, GOOD)
    timeline.hold = 10
    timeline.append(8, GOOD)
    timeline.append(12, GOOD)
    assert [(run.first, run.last, run.hold) for run in timeline.runs("p/c")] == [(0, 4, 5), (8, 12, 10)]


@pytest.mark.parametrize("exact", [True, False])
def test_totals_are_the_counts_of_all_time(exact: bool) -> None:
    timeline = Timeline(10, exact=exact)
    assert timeline.totals == (0, 0, 0)
    for at, outcome in ((0, GOOD), (10, GOOD), (20, BAD), (100, UNKNOWN), (110, GOOD)):
        timeline.append(at, outcome)
    timeline.append_run(Run("c", BAD, "", 200, 260, 7, 10))
    assert timeline.totals == timeline.counts(Interval(0, 261)) == (3, 8, 1)


REGULAR = [(0, GOOD), (60, BAD), (120, BAD), (180, GOOD), (240, UNKNOWN)]
RECHECKS = [(61, BAD), (62, BAD), (181, GOOD), (241, UNKNOWN)]


@pytest.mark.parametrize("exact", [True, False])
def test_rechecks_change_states_and_are_not_counted(exact: bool) -> None:
    """The states are those of all observations, the counts those of the regular ones."""
    every = [Observation("p/a", at, outcome) for at, outcome in REGULAR]
    every += [Observation("p/a", at, outcome, recheck=True) for at, outcome in RECHECKS]
    timeline = Timeline.of(every, 130, exact=exact)
    window = Interval(0, 400)
    assert timeline.durations(window) == Timeline.of_pairs(REGULAR + RECHECKS, 130).durations(window)
    assert timeline.counts(window) == timeline.totals == (2, 2, 1)
    assert timeline.counts(Interval(61, 63)) == (0, 0, 0)
    assert timeline.first_observation_from(61) == 61, "an observation all the same"


def test_runs_of_rechecks_give_an_equal_timeline() -> None:
    """They keep their kind, so that a rewritten record counts the same."""
    timeline = Timeline(130)
    for at, outcome, recheck in sorted([(*pair, False) for pair in REGULAR] + [(*pair, True) for pair in RECHECKS]):
        timeline.append(at, outcome, recheck=recheck)
    runs = timeline.runs("p/a")
    assert [(run.first, run.last, run.count) for run in runs if run.recheck] == [
        (61, 62, 2),
        (181, 181, 1),
        (241, 241, 1),
    ]
    rebuilt = Timeline(130)
    for run in runs:
        rebuilt.append_run(run)
    assert rebuilt.runs("p/a") == runs
    assert rebuilt.totals == timeline.totals
    assert rebuilt.durations(Interval(0, 400)) == timeline.durations(Interval(0, 400))
