"""The ledger after a restart: timelines, incidents, failing probes and counts are those of the record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.ledger import Ledger
from monitor.ledger.open_run import OpenRun
from sla.incident import Failure, Incident, Opened, Resolved
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Outcome, Run
from tests.support.ledgers import BAD, GOOD, NOW, UNKNOWN, FakeCheck, ledger_of, product, run

if TYPE_CHECKING:
    from monitor.ledger.check_entry import CheckEntry
from tests.support.recorded_outcomes import (
    ALL,
    HOLD,
    KEY,
    REASONS,
    portfolio,
    record_outcomes,
    record_result,
    recorded_runs,
    restart,
)

observations = st.lists(st.tuples(st.integers(1, 250), st.sampled_from([GOOD, GOOD, BAD, UNKNOWN])), max_size=40)


@given(observations, st.data())
def test_restart_restores_timeline_incidents_and_next_decision(
    sample: list[tuple[int, Outcome]], data: st.DataObject
) -> None:
    """This is true wherever the folded runs end and the single observations begin."""
    before = ledger_of(product("chefs"))
    entry = before.entries[KEY]
    cut = data.draw(st.integers(0, len(sample)))
    runs: dict[int, Run] = {}
    tail: list[Observation] = []
    at = NOW
    for n, (gap, outcome) in enumerate(sample):
        at += gap * SECOND
        observation = Observation(KEY, at, outcome, REASONS[outcome], 5)
        runs |= {run.first: run for run in entry.observe(observation)}
        if (change := entry.tracker.step(observation)) is not None:
            before.apply(change)
        if n < cut and entry.open_run is not None:
            runs[entry.open_run.first] = entry.open_run.run()
        else:
            tail.append(observation)
    ordered = sorted(runs.values(), key=lambda run: run.first)
    known = ordered[-1].last if ordered else 0
    after = restart(before, ordered, [observation for observation in tail if observation.at > known])
    second_entry = after.entries[KEY]
    assert list(second_entry.timeline.pieces(ALL)) == list(entry.timeline.pieces(ALL))
    assert second_entry.timeline.counts(ALL) == entry.timeline.counts(ALL)
    assert recorded_runs(after) == recorded_runs(before)
    assert after.incidents == before.incidents
    assert after.open_incidents() == before.open_incidents()
    assert _next_decisions(second_entry, at) == _next_decisions(entry, at)


def _next_decisions(entry: CheckEntry, at: int) -> list[Opened | Resolved | None]:
    actual = []
    for outcome in (BAD, BAD, BAD, GOOD, GOOD, BAD, BAD):
        at += MINUTE
        observation = Observation(KEY, at, outcome, REASONS[outcome])
        entry.observe(observation)
        actual.append(entry.tracker.step(observation))
    return actual


def test_time_without_a_daemon_is_unknown() -> None:
    before = ledger_of(product("chefs"))
    record_outcomes(before, [GOOD, GOOD])
    after = restart(before, recorded_runs(before))
    record_outcomes(after, [GOOD, GOOD], NOW + HOUR)
    durations = after.entries[KEY].timeline.durations(Interval(NOW, NOW + HOUR + MINUTE))
    assert (durations.up, durations.unknown) == (2 * MINUTE, 59 * MINUTE)


def test_short_restart_leaves_no_unknown_time() -> None:
    """Within the hold, the last observation is still valid."""
    before = ledger_of(product("chefs"))
    record_outcomes(before, [GOOD, GOOD])
    after = restart(before, recorded_runs(before))
    record_outcomes(after, [GOOD, GOOD], NOW + 3 * MINUTE)
    assert after.entries[KEY].timeline.durations(Interval(NOW, NOW + 4 * MINUTE)).up == 4 * MINUTE
    assert after.entries[KEY].timeline.counts(ALL).good == 4


def test_open_incident_continues_after_a_change_of_thresholds() -> None:
    """An announced incident is resolved only by recovery, and no second incident opens."""
    ledger = ledger_of({**product("chefs"), "checks": (FakeCheck(id="health", interval="1m", timeout="10s", fall=9),)})
    incident = Incident.open("chefs", KEY, NOW, "deadline")
    ledger.restore([run(KEY, BAD, NOW, NOW + 2 * MINUTE, "deadline")], [], [incident])
    assert ledger.open_incidents() == [incident]
    record_outcomes(ledger, [BAD] * 12, NOW + 3 * MINUTE)
    assert ledger.incidents == [incident]
    record_outcomes(ledger, [GOOD, GOOD], NOW + 15 * MINUTE)
    assert [(i.id, i.resolved) for i in ledger.incidents] == [(incident.id, NOW + 15 * MINUTE)]


def test_unrecorded_incident_opens_at_the_next_bad_observation() -> None:
    """The incident begins with the first bad observation of the streak, so its id is the same as without a restart."""
    ledger = ledger_of(product("chefs"))
    ledger.restore([run(KEY, BAD, NOW, NOW + 5 * MINUTE, "deadline")], [], [])
    assert ledger.incidents == []
    record_outcomes(ledger, [BAD], NOW + 6 * MINUTE)
    (incident,) = ledger.incidents
    assert incident == replace(Incident.open("chefs", KEY, NOW, "deadline"), first=incident.first, last=incident.last)
    assert incident.first == incident.last == Failure(NOW + 6 * MINUTE, "deadline")


def test_failing_probes_of_an_incident_survive_a_restart() -> None:
    """The first one stays; the last one is replaced by the next failing probe."""
    ledger = ledger_of(product("chefs"))
    before = Failure(NOW, "deadline", None, "no answer")
    incident = replace(Incident.open("chefs", KEY, NOW, "deadline"), first=before, last=before)
    ledger.restore([run(KEY, BAD, NOW, NOW + 2 * MINUTE, "deadline")], [], [incident])
    assert ledger.with_last_failure(incident) == incident
    record_result(ledger, NOW + 3 * MINUTE, BAD, 503, "starting")
    assert ledger.with_last_failure(incident).first == before
    assert ledger.with_last_failure(incident).last == Failure(
        NOW + 3 * MINUTE, "http_status", 503, "starting", {"connect": 0.01}
    )
    record_result(ledger, NOW + 4 * MINUTE, GOOD, 200, "")
    record_result(ledger, NOW + 5 * MINUTE, GOOD, 200, "")
    (resolved,) = ledger.incidents
    assert (resolved.first, resolved.last and resolved.last.detail) == (before, "starting")


def test_open_incident_continues_when_its_check_returns_after_a_restart() -> None:
    """The check was not configured when the daemon started. It is still one outage and one incident."""
    ledger = ledger_of(product("css"))
    incident = Incident.open("chefs", KEY, NOW, "deadline")
    ledger.restore([run(KEY, BAD, NOW, NOW + HOUR)], [], [incident])
    ledger.reload(portfolio(product("chefs"), product("css")))
    record_outcomes(ledger, [BAD, BAD, BAD], NOW + 2 * HOUR)
    assert ledger.incidents == [incident]


def test_last_run_is_folded() -> None:
    last = run(KEY, GOOD, NOW, NOW + HOUR)
    assert OpenRun(last).run() == last


OUTCOMES = st.lists(
    st.tuples(st.sampled_from([1, 1, 1, 2, 5]), st.sampled_from([GOOD, GOOD, BAD, UNKNOWN])), max_size=60
)


@given(OUTCOMES, st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=5, max_size=5))
def test_restart_keeps_counts_and_states(steps: list[tuple[int, Outcome]], windows: list[tuple[int, int]]) -> None:
    """A reason or a changed hold ends a run. The memory is folded like the record."""
    ledger = ledger_of(product("chefs"))
    entry = ledger.entries[KEY]
    runs_by_start: dict[int, Run] = {}
    at = NOW
    for n, (step, outcome) in enumerate(steps):
        at += step * MINUTE + n % 3 * SECOND
        entry.timeline.hold = HOLD if n % 40 < 20 else 2 * HOLD
        observation = Observation(KEY, at, outcome, REASONS[outcome] if n % 4 else "slow")
        runs_by_start |= {run.first: run for run in entry.observe(observation)}
    runs_by_start |= {run.first: run for run in entry.open_runs()}
    second_ledger = Ledger(ledger.portfolio)
    second_ledger.restore(runs_by_start.values(), [], [])
    for start, end in windows:
        window = Interval(NOW + min(start, end) * MINUTE, NOW + max(start, end) * MINUTE)
        assert second_ledger.entries[KEY].timeline.counts(window) == entry.timeline.counts(window)
        assert list(second_ledger.entries[KEY].timeline.pieces(window)) == list(entry.timeline.pieces(window))
    assert [(run.first, run.last, run.count) for run in entry.runs()] == [
        (run.first, run.last, run.count) for run in runs_by_start.values()
    ]


def test_incident_continues_the_failures_of_the_replayed_tail() -> None:
    """One failure before the restart and one after it open an incident with `fall: 2`."""
    ledger = ledger_of(product("chefs"))
    ledger.restore([run(KEY, GOOD, NOW - HOUR, NOW - MINUTE)], [Observation(KEY, NOW, BAD, "deadline")], [])
    record_outcomes(ledger, [BAD], NOW + MINUTE)
    assert [incident.opened for incident in ledger.incidents] == [NOW]
