"""Tests of incidents: when they open and resolve, their reason and their downtime."""

from __future__ import annotations

import hashlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.incident import TRANSITIONS, Decision, Failure, Incident, IncidentTracker, Opened, Phase, Resolved
from sla.interval import Interval
from sla.observation import Observation, Outcome, Run
from sla.timeline import Timeline

LETTERS = {"g": Outcome.GOOD, "b": Outcome.BAD, "u": Outcome.UNKNOWN}


def observations(letters: str) -> list[Observation]:
    """Return one observation per 10 microseconds. Bad ones have their number as the reason."""
    return [Observation("p/c", 10 * i, LETTERS[x], str(i) if x == "b" else "") for i, x in enumerate(letters)]


def walk(letters: str, fall: int = 2, rise: int = 2) -> list[str]:
    """Return the decision of each step: `-`, `opened AT` or `resolved AT`."""
    tracker = IncidentTracker("p/c", "p", fall, rise)
    decisions = []
    for observation in observations(letters):
        change = tracker.step(observation)
        if isinstance(change, Opened):
            decisions.append(f"opened {change.incident.opened}")
        elif isinstance(change, Resolved):
            decisions.append(f"resolved {change.incident.resolved}")
        else:
            decisions.append("-")
    return decisions


@pytest.mark.parametrize(
    ("letters", "fall", "rise", "decisions"),
    [
        ("gbbgg", 2, 2, ["-", "-", "opened 10", "-", "resolved 30"]),
        ("bg", 1, 1, ["opened 0", "resolved 10"]),
        ("gbgbgb", 2, 2, ["-"] * 6),
        ("bbgbgg", 2, 2, ["-", "opened 0", "-", "-", "-", "resolved 40"]),
        ("bbb", 2, 1, ["-", "opened 0", "-"]),
        ("bub", 2, 1, ["-", "-", "opened 0"]),
        ("bbugug", 2, 2, ["-", "opened 0", "-", "-", "-", "resolved 30"]),
        ("bbuuu", 1, 1, ["opened 0", "-", "-", "-", "-"]),
        ("gggg", 2, 2, ["-"] * 4),
    ],
)
def test_decisions(letters: str, fall: int, rise: int, decisions: list[str]) -> None:
    """An incident begins at the first bad outcome of its streak and ends at the first good outcome of the recovery."""
    assert walk(letters, fall, rise) == decisions


def test_transition_table_is_complete() -> None:
    """It has every phase, known outcome and threshold. Only opening leads to DOWN, only resolving to CLEAR."""
    assert set(TRANSITIONS) == set(product(Phase, (Outcome.GOOD, Outcome.BAD), (False, True)))
    for (phase, _, _), (next_phase, decision) in TRANSITIONS.items():
        up_phases = {Phase.CLEAR, Phase.FAILING}
        assert (decision is Decision.OPEN) == (phase in up_phases and next_phase not in up_phases)
        assert (decision is Decision.RESOLVE) == (phase not in up_phases and next_phase in up_phases)


def test_incident_has_reason_and_stable_id() -> None:
    """The reason is that of the first bad observation. The id depends on check and instant."""
    tracker = IncidentTracker("p/c", "p")
    changes = [tracker.step(observation) for observation in observations("gbbb")]
    incident = tracker.open
    assert incident == Incident(hashlib.sha256(b"p/c@10").hexdigest()[:12], "p", "p/c", 10, None, "1", None)
    assert changes == [None, None, Opened(incident), None]
    assert tracker.phase is Phase.DOWN


def test_downtime_is_measured_by_the_history() -> None:
    """Good and unknown time during the incident is not downtime."""
    timeline = Timeline(10)
    tracker = IncidentTracker("p/c", "p", 1, 2, timeline)
    change = None
    observed = [*observations("bbgb"), *(Observation("p/c", at, Outcome.BAD) for at in (100, 110))]
    for observation in [*observed, *(Observation("p/c", at, Outcome.GOOD) for at in (120, 130))]:
        timeline.append(observation.at, observation.outcome)
        change = tracker.step(observation) or change
    assert isinstance(change, Resolved)
    # 0-10 down, 10-20 half, 20-30 half, 30-100 unknown, 100-110 down, 110-120 half
    assert (change.incident.opened, change.incident.resolved, change.incident.downtime) == (0, 120, 35)
    assert tracker.open is None
    assert change.incident.downtime_until(-5, timeline) == 0


def test_downtime_begins_at_the_estimated_change() -> None:
    timeline = Timeline(10)
    tracker = IncidentTracker("p/c", "p", 1, 1, timeline)
    for observation in observations("ggbbgg"):
        timeline.append(observation.at, observation.outcome)
        if isinstance(change := tracker.step(observation), Resolved):
            # 10-15 up, 15-20 down by the estimate, 20-30 down, 30-35 down by the estimate
            assert (change.incident.opened, change.incident.resolved, change.incident.downtime) == (20, 40, 20)
            durations = timeline.durations(Interval(0, 40))
            assert change.incident.downtime == durations.down + durations.doubt_down
            break
    else:
        pytest.fail("the incident did not end")


@pytest.mark.parametrize(("apart", "doubt"), [(1, 1), (2, 1), (3, 2), (10, 5)])
def test_downtime_begins_at_the_midpoint_after_the_last_good_observation(apart: int, doubt: int) -> None:
    """Good at 0, bad from `apart` on: the estimated change lies at the midpoint, rounded down to the microsecond."""
    timeline = Timeline(10)
    for at, outcome in ((0, Outcome.GOOD), (apart, Outcome.BAD), (apart + 4, Outcome.BAD)):
        timeline.append(at, outcome)
    incident = Incident.open("p", "p/c", apart, "")
    assert incident.downtime_until(apart, timeline) == doubt
    assert incident.downtime_until(apart + 4, timeline) == doubt + 4


@pytest.mark.parametrize("before", ["", "u", "uu"])
def test_downtime_begins_at_the_first_bad_observation_without_a_good_one_before(before: str) -> None:
    """This applies at the start of the record, and after a gap longer than the hold. Unknown time is not downtime."""
    timeline = Timeline(10)
    if before:
        timeline.append(-100, Outcome.GOOD)
    for observation in observations(before + "bb"):
        timeline.append(observation.at, observation.outcome)
    opened = 10 * len(before)
    assert Incident.open("p", "p/c", opened, "").downtime_until(opened + 10, timeline) == 10


def test_downtime_after_a_short_recovery_excludes_the_previous_outage() -> None:
    """Bad, good, bad, bad: the downtime begins in the middle between the good and the next bad observation."""
    timeline = Timeline(10)
    for observation in observations("bgbb"):
        timeline.append(observation.at, observation.outcome)
    assert Incident.open("p", "p/c", 20, "").downtime_until(30, timeline) == 5 + 10


def test_downtime_without_a_timeline_is_none() -> None:
    """It is not the time between opening and resolution."""
    assert Incident.open("p", "p/c", 5, "").resolve(9).downtime is None


def test_recovery_without_an_open_incident_decides_nothing() -> None:
    """A tracker without an open incident does not resolve one when the check recovers."""
    tracker = IncidentTracker("p/c", "p", 1, 1)
    tracker.step(observations("b")[0])
    tracker.open = None
    assert tracker.step(observations("bg")[1]) is None


def test_two_bad_open_and_two_good_resolve_by_default() -> None:
    tracker = IncidentTracker("p/c", "p")
    changes = [tracker.step(observation) for observation in observations("bbgg")]
    assert [type(change) for change in changes] == [type(None), Opened, type(None), Resolved]


def test_thresholds_below_1_are_rejected() -> None:
    """An incident cannot open after 0 probes."""
    for fall, rise in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="1 or more"):
            IncidentTracker("p/c", "p", fall, rise)


@given(st.text("gbu", max_size=30), st.integers(1, 4), st.integers(1, 4))
def test_runs_give_the_same_decisions_as_their_observations(letters: str, fall: int, rise: int) -> None:
    """A tracker that is rebuilt from runs has the same state as one with all observations."""
    observed = observations(letters)
    one_by_one, from_runs = (IncidentTracker("p/c", "p", fall, rise) for _ in range(2))
    runs: list[Run] = []
    for observation in observed:
        fits = runs and runs[-1].outcome is observation.outcome
        runs[-1:] = [runs[-1].with_observation(observation)] if fits else [*runs[-1:], Run.of(observation, 10)]
    decided = [change for observation in observed if (change := one_by_one.step(observation))]
    rebuilt = [change for run in runs if (change := from_runs.step_run(run))]
    assert rebuilt == decided
    assert (from_runs.phase, from_runs.open) == (one_by_one.phase, one_by_one.open)


@given(st.text("gbu", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_incidents_equal_those_of_a_simple_scan(letters: str, fall: int, rise: int) -> None:
    """They open and resolve where the known outcomes first contain `fall` bad or `rise` good ones in sequence."""
    known = [(10 * i, x) for i, x in enumerate(letters) if x != "u"]
    expected, down, streak_start = [], False, 0
    for i, (_, x) in enumerate(known):
        if i and known[i - 1][1] != x:
            streak_start = i
        if x == "gb"[not down] and i - streak_start + 1 >= (rise if down else fall):
            expected.append(f"{'resolved' if down else 'opened'} {known[streak_start][0]}")
            down = not down
    assert [decision for decision in walk(letters, fall, rise) if decision != "-"] == expected


def test_failure_as_json() -> None:
    failure = Failure(1_500_000, "http_status", 503, "no pod is ready", {"connect": 0.5})
    assert failure.as_json() == {
        "at": "1970-01-01T00:00:01.500000Z",
        "reason": "http_status",
        "status": 503,
        "detail": "no pod is ready",
        "phases": {"connect": 0.5},
    }


def test_failures_are_hashable() -> None:
    first, other = Failure(10, "deadline", phases={"connect": 0.1}), Failure(20, "deadline")
    assert {first, other, Failure(10, "deadline", phases={"connect": 0.1})} == {first, other}
