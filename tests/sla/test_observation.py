"""Tests of runs: which observations continue a run, and its counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla.observation import Observation, Outcome, Run

OBSERVATION = Observation("p/c", 100, Outcome.BAD, "deadline", 7)


def test_run_of_one_observation() -> None:
    """`first` and `last` are its instant."""
    run = Run.of(OBSERVATION, 50)
    assert (run.first, run.last, run.count, run.reason) == (100, 100, 1, "deadline")
    assert (run.latency_count, run.latency_sum, run.latency_max) == (1, 7, 7)


def test_with_observation_updates_span_count_and_latencies() -> None:
    """An observation without a latency is counted, but does not change the latency sums."""
    run = (
        Run.of(OBSERVATION, 50)
        .with_observation(replace(OBSERVATION, at=150, latency=11))
        .with_observation(replace(OBSERVATION, at=180, latency=None))
    )
    assert (run.first, run.last, run.count, run.hold) == (100, 180, 3, 50)
    assert (run.latency_count, run.latency_sum, run.latency_max) == (2, 18, 11)


@pytest.mark.parametrize(
    ("change", "hold", "is_accepted"),
    [
        ({"at": 150}, 50, True),
        ({"at": 151}, 50, False),
        ({"at": 100}, 50, False),
        ({"at": 120}, 60, False),
        ({"at": 120, "reason": "http_status"}, 50, False),
        ({"at": 120, "outcome": Outcome.GOOD}, 50, False),
        ({"at": 120, "recheck": True}, 50, False),
    ],
)
def test_run_accepts_only_later_equal_observations_within_the_same_hold(
    change: dict[str, object], hold: int, is_accepted: bool
) -> None:
    """All other observations begin a new run."""
    assert Run.of(OBSERVATION, 50).accepts(replace(OBSERVATION, **change), hold) is is_accepted  # type: ignore[arg-type]


@pytest.mark.parametrize(("gap", "is_accepted"), [(5, False), (6, True), (10, True), (15, True), (16, False)])
def test_run_accepts_evenly_spaced_observations(gap: int, is_accepted: bool) -> None:
    """The spacing is 10. A late probe continues the run, a missed probe ends it."""
    run = replace(Run.of(OBSERVATION, 50), last=130, count=4)
    assert run.accepts(replace(OBSERVATION, at=130 + gap), 50) is is_accepted


def test_seeded_run_accepts_no_observations() -> None:
    """Real observations must not be added to synthetic history."""
    assert not replace(Run.of(OBSERVATION, 50), seeded=True).accepts(replace(OBSERVATION, at=120), 50)


def test_run_of_rechecks_accepts_rechecks_only() -> None:
    """Their number is not counted as the record's, so they have runs of their own."""
    run = Run.of(replace(OBSERVATION, recheck=True), 50)
    assert run.accepts(replace(OBSERVATION, at=120, recheck=True), 50)
    assert not run.accepts(replace(OBSERVATION, at=120), 50)
    assert run.with_observation(replace(OBSERVATION, at=120, recheck=True)).recheck
