"""Folding in place gives the same result as `Run.accepts` and `Run.with_observation`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.open_run import OpenRun
from sla.observation import Observation, Outcome, Run

HOLD = 30

steps = st.lists(
    st.tuples(
        st.integers(-3, 40),  # an observation that is not later starts another run
        st.sampled_from(Outcome),
        st.sampled_from(["", "deadline", "http_status"]),
        st.none() | st.integers(0, 9),
        st.sampled_from([HOLD, HOLD, HOLD, 10]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


@given(steps, st.booleans())
def test_folding_in_place_equals_folding_frozen_runs(
    sample: list[tuple[int, Outcome, str, int | None, int, bool]], seeded: bool
) -> None:
    at = 0
    frozen = Run("p/a", Outcome.GOOD, "", 0, 0, 1, HOLD, seeded=seeded)
    open_run = OpenRun(frozen)
    for gap, outcome, reason, latency, hold, recheck in sample:
        at += gap
        observation = Observation("p/a", at, outcome, reason, latency, recheck=recheck)
        if frozen.accepts(observation, hold):
            assert open_run.add(observation, hold) is None
            frozen = frozen.with_observation(observation)
        else:
            assert open_run.add(observation, hold) == frozen
            frozen = Run.of(observation, hold)
        assert open_run.run() == frozen


def test_equal_observations_within_the_hold_are_one_run() -> None:
    """The test makes a hundred good observations."""
    open_run = OpenRun(Run("p/a", Outcome.GOOD, "", 0, 0, 1, HOLD))
    assert all(open_run.add(Observation("p/a", at, Outcome.GOOD), HOLD) is None for at in range(10, 1_000, 10))
    assert (open_run.run().first, open_run.run().last, open_run.run().count) == (0, 990, 100)
