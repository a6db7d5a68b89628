"""The recorder: from a probe's result to timeline, store and hooks, with the store in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.engine import recorder as module
from monitor.engine.recorder import SAVE_INTERVAL, Recorder, restore
from monitor.facts.fact_index import Facts
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probe_result import Event, IncidentOpened, IncidentResolved, Observed, ProbeResult
from monitor.storage import file_watch
from monitor.storage.record_writer import Committed
from monitor.storage.writer import Writer
from sla.correction import Correction
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Run
from tests.support.ledgers import BAD, GOOD, NOW, UNKNOWN, FakeCheck, ledger_of, product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sla.incident import Incident
    from sla.observation import Outcome

KEY = "chefs/health"
TIMEOUT_SECONDS = 30.0
RESULTS = {GOOD: ProbeResult(GOOD), BAD: ProbeResult(BAD, "deadline"), UNKNOWN: ProbeResult(UNKNOWN, "no_route")}


class RecorderHarness:
    """A recorder with a store in memory and a hook that keeps the events."""

    def __init__(self, checks: int = 1, writer: type[Writer] = Writer) -> None:
        self.store, self.health = MemoryStore(), Health()
        self.ledger = ledger_of(product("chefs", checks))
        self.events: list[Event] = []
        self.changed = asyncio.Event()
        self.writer = writer(self.store, self.health, SystemClock(), limit=10_000)
        self.recorder = Recorder(self.ledger, self.writer, self.health, [self.add_event])

    def add_event(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    def record_outcomes(self, outcomes: Sequence[Outcome], start: int = NOW, key: str = KEY) -> None:
        for n, outcome in enumerate(outcomes):
            self.recorder.record(self.ledger.entries[key], RESULTS[outcome], start + n * MINUTE, 0.25)

    @property
    def decisions(self) -> list[IncidentOpened | IncidentResolved]:
        return [event for event in self.events if not isinstance(event, Observed)]

    async def wait_for_decisions(self, count: int) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while len(self.decisions) < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running_recorder(checks: int = 1) -> AsyncIterator[RecorderHarness]:
    harness = RecorderHarness(checks)
    async with harness.recorder:
        try:
            yield harness
        finally:
            harness.store.gate.set()


async def test_result_is_in_the_timeline_and_announced_immediately_and_stored_later() -> None:
    async with running_recorder() as harness:
        harness.record_outcomes([GOOD])
        entry = harness.ledger.entries[KEY]
        observation = Observation(KEY, NOW, GOOD, "", 250_000)
        assert harness.events == [Observed(observation, RESULTS[GOOD], 0.25)]
        assert entry.last is harness.events[0]
        assert entry.totals[GOOD] == 1
    assert list(harness.store.seen.values()) == [observation]


async def test_unknown_outcome_has_no_latency() -> None:
    async with running_recorder() as harness:
        harness.record_outcomes([UNKNOWN])
    assert [observation.latency for observation in harness.store.seen.values()] == [None]


async def test_incident_is_announced_after_it_is_stored() -> None:
    async with running_recorder() as harness:
        harness.store.gate.clear()
        harness.record_outcomes([GOOD, BAD, BAD])
        assert await asyncio.to_thread(harness.store.entered.wait, TIMEOUT_SECONDS)
        assert harness.decisions == []
        harness.store.gate.set()
        await harness.wait_for_decisions(1)
        (incident,) = harness.store.load_incidents()
        assert harness.decisions == [IncidentOpened(incident)]
        assert incident.opened == NOW + MINUTE


async def test_incident_that_cannot_be_stored_is_announced_once() -> None:
    async with running_recorder() as harness:
        harness.store.error = "no room"
        harness.record_outcomes([BAD, BAD])
        await harness.wait_for_decisions(1)
        assert harness.health.write_failures
        harness.store.error = ""
        harness.record_outcomes([GOOD, GOOD], NOW + 2 * MINUTE)
        await harness.wait_for_decisions(2)
    assert [type(event) for event in harness.decisions] == [IncidentOpened, IncidentResolved]
    (incident,) = harness.store.load_incidents()
    assert incident == harness.decisions[1].incident
    assert incident.downtime == MINUTE + MINUTE // 2


@pytest.mark.fault(6)
async def test_blocked_store_does_not_delay_the_announcement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMIT_TIMEOUT", 0.01)
    async with running_recorder() as harness:
        harness.store.gate.clear()
        harness.record_outcomes([BAD, BAD])
        await harness.wait_for_decisions(1)
        assert not harness.store.incidents


async def test_resolution_is_not_announced_on_the_commit_of_the_opening() -> None:
    async with running_recorder() as harness:
        harness.store.gate.clear()
        harness.record_outcomes([BAD, BAD])
        assert await asyncio.to_thread(harness.store.entered.wait, TIMEOUT_SECONDS)
        opened = harness.ledger.incidents[0]
        harness.record_outcomes([GOOD, GOOD], NOW + 2 * MINUTE)
        harness.recorder._on_commit(Committed((opened,)))
        assert [type(event) for event in harness.decisions] == [IncidentOpened]
        harness.store.gate.set()
        await harness.wait_for_decisions(2)
    assert [type(event) for event in harness.decisions] == [IncidentOpened, IncidentResolved]


class SilentWriter(Writer):
    """A writer that reports neither commits nor failures."""

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Ignore the listener."""


async def test_waiting_announcements_are_made_at_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a report of the writer nor the timeout announces the incident before."""
    monkeypatch.setattr(module, "COMMIT_TIMEOUT", HOUR / SECOND)
    harness = RecorderHarness(writer=SilentWriter)
    async with harness.recorder:
        harness.record_outcomes([BAD, BAD])
        assert harness.decisions == []
    assert [type(event) for event in harness.decisions] == [IncidentOpened]


async def test_failing_hook_stops_neither_other_hooks_nor_the_recording() -> None:
    harness = RecorderHarness()

    def failing_hook(_event: Event) -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        async with Recorder(
            harness.ledger, harness.writer, harness.health, [failing_hook, harness.add_event]
        ) as harness.recorder:
            harness.record_outcomes([GOOD, GOOD])
    assert len(harness.events) == 2
    assert harness.health.hook_failures == 2
    assert [(entry["error"], entry["exc_info"]) for entry in logs if entry["event"] == "hook_failed"] == [
        ("ZeroDivisionError()", True),
        ("ZeroDivisionError()", False),
    ]
    assert len(harness.store.seen) == 2


async def test_observation_before_the_last_is_dropped_and_counted() -> None:
    """The wall clock was set back while the daemon was stopped. The record keeps its order."""
    async with running_recorder() as harness:
        harness.record_outcomes([GOOD, GOOD])
        with capture_logs() as logs:
            harness.record_outcomes([BAD], NOW)
            harness.record_outcomes([BAD], NOW)
        assert [entry["check"] for entry in logs if entry["event"] == "observation_out_of_order"] == [KEY]
        assert harness.health.late_observations == 2
        assert len(harness.events) == 2
    assert harness.ledger.entries[KEY].totals == {GOOD: 2, BAD: 0, UNKNOWN: 0}
    assert len(harness.store.seen) == 2


class RecordingWriter(Writer):
    """A writer that stores its arguments in order."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), Health(), SystemClock())
        self.calls: list[Observation | tuple[Sequence[Run], int | None]] = []
        self.retained: list[int] = []

    def put(self, observation: Observation, runs: Sequence[Run] = (), incident: Incident | None = None) -> None:
        self.calls += [(runs, None), observation]

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        self.calls.append((runs, until))

    def retain(self, since: int) -> None:
        self.retained.append(since)


def record_thirty_checks(seconds: int, lag: int) -> RecordingWriter:
    """Record 30 checks in turn, one per second and each once per minute; the last is recorded `lag` seconds late."""
    ledger, writer = ledger_of(product("chefs", 30)), RecordingWriter()
    recorder = Recorder(ledger, writer, Health())
    late_results = []
    for second in range(seconds):
        entry = list(ledger.entries.values())[second % 30]
        if second % 60 == 59:
            late_results.append((second + lag, entry, NOW + second * SECOND))
        elif second % 60 < 29:
            recorder.record(entry, RESULTS[GOOD if second % 7 else BAD], NOW + second * SECOND, 0.25)
        while late_results and late_results[0][0] <= second:
            recorder.record(late_results[0][1], RESULTS[GOOD], late_results.pop(0)[2], 0.25)
    return writer


def test_observations_before_the_fold_mark_are_in_a_written_run() -> None:
    """A restart reads only the observations after the mark one by one. A probe that was in progress is after it."""
    writer = record_thirty_checks(3_600, lag=10)
    observations: list[Observation] = []
    last: dict[str, int] = {}
    marks = []
    for call in writer.calls:
        if isinstance(call, Observation):
            observations.append(call)
            assert not marks or call.at >= marks[-1]
            continue
        runs, until = call
        last |= {run.check: max(run.last, last.get(run.check, 0)) for run in runs}
        if until is not None:
            marks.append(until)
            assert all(
                observation.at <= last[observation.check] for observation in observations if observation.at < until
            )
    assert len(marks) == 5
    assert marks[0] > NOW + 8 * MINUTE


def test_fold_mark_waits_for_the_probe_with_the_longest_timeout() -> None:
    checks = tuple(FakeCheck(id=f"check-{n}", interval="5m", timeout=f"{n}m") for n in (1, 3))
    ledger, writer = ledger_of({**product("chefs"), "checks": checks}), RecordingWriter()
    recorder = Recorder(ledger, writer, Health())
    for at in range(NOW, NOW + 20 * MINUTE, MINUTE):
        recorder.record(ledger.entries["chefs/check-1"], RESULTS[GOOD], at, 0.25)
    saved = [until for call in writer.calls if not isinstance(call, Observation) and (until := call[1]) is not None]
    assert saved == [NOW + SAVE_INTERVAL - 4 * MINUTE]


def test_observations_older_than_the_retention_are_deleted() -> None:
    retained = record_thirty_checks(1_300, lag=1).retained
    assert [at // MINUTE for at in retained] == [(NOW - 30 * DAY) // MINUTE + n for n in (10, 20)]


async def test_restarted_daemon_continues_the_timeline_and_incidents() -> None:
    async with running_recorder() as harness:
        harness.record_outcomes([GOOD, BAD, BAD, GOOD])
    restored_ledger = Ledger(harness.ledger.portfolio)
    restore(restored_ledger, harness.store)
    window = Interval(NOW - DAY, NOW + DAY)
    entry, restored_entry = harness.ledger.entries[KEY], restored_ledger.entries[KEY]
    assert list(restored_entry.timeline.pieces(window)) == list(entry.timeline.pieces(window))
    assert restored_ledger.open_incidents() == harness.ledger.open_incidents() != []
    assert not list(harness.store.load_tail())


@pytest.mark.parametrize("store_error", ["", "no room"])
async def test_truncated_record_is_rewritten_from_memory(monkeypatch: pytest.MonkeyPatch, store_error: str) -> None:
    """Incidents, corrections and all runs are rewritten, also the runs of a removed check."""
    monkeypatch.setattr(file_watch, "CHECK_INTERVAL", 0.0)
    correction = Correction("chefs", Interval(NOW, NOW + MINUTE), "Ana", "locked", NOW + HOUR)
    async with running_recorder() as harness:
        harness.ledger.facts = Facts([correction.fact()])
        old = [Run("old/health", GOOD, "", NOW - DAY, NOW - DAY + MINUTE, 2, 2 * MINUTE)]
        harness.ledger.restore(old, [], [])
        harness.record_outcomes([GOOD, BAD, BAD, GOOD, GOOD])
        await harness.wait_for_decisions(2)
        incidents = harness.store.load_incidents()
        harness.store.error, harness.store.keeps_data, harness.store.lost_reason = (
            store_error,
            False,
            "the record's file was truncated",
        )
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while store_error and not harness.health.record_missing:
                await asyncio.to_thread(harness.store.commits.wait, 0.01)
            harness.store.error = ""
            while not (
                harness.store.runs and harness.store.incidents and harness.store.facts and harness.health.record_losses
            ):
                await asyncio.to_thread(harness.store.commits.wait, 0.01)
        assert not harness.health.record_missing
    runs = [(run.check, run.first - NOW, run.count, run.outcome) for run in harness.store.load_runs()]
    outage = [(KEY, 0, 1, GOOD), (KEY, MINUTE, 2, BAD), (KEY, 3 * MINUTE, 2, GOOD)]
    assert runs == [*outage, ("old/health", -DAY, 2, GOOD)]
    assert (harness.store.load_incidents(), harness.store.load_facts()) == (incidents, [correction.fact()])


async def test_dropped_observations_are_in_the_runs_written_on_recovery() -> None:
    """The store failed for longer than the queue could hold. The figures are complete, even after a kill."""
    harness = RecorderHarness()
    harness.writer = Writer(harness.store, harness.health, SystemClock(), limit=10)
    async with Recorder(harness.ledger, harness.writer, harness.health, [harness.add_event]) as harness.recorder:
        harness.store.error = "no room"
        harness.record_outcomes([BAD, BAD])
        await harness.wait_for_decisions(1)
        harness.record_outcomes([GOOD] * 300, NOW + 2 * MINUTE)
        harness.store.error = ""
        await harness.wait_for_decisions(2)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while sum(run.count for run in harness.store.load_runs()) < 302:
                await asyncio.to_thread(harness.store.commits.wait, 0.05)
        restored_ledger = Ledger(harness.ledger.portfolio)
        restore(restored_ledger, harness.store)
    assert harness.health.dropped_observations >= 280
    window = Interval(NOW - DAY, NOW + DAY)
    expected = list(harness.ledger.entries[KEY].timeline.pieces(window))
    assert list(restored_ledger.entries[KEY].timeline.pieces(window)) == expected


async def test_last_failure_of_an_open_incident_is_written_at_shutdown() -> None:
    harness = RecorderHarness()
    async with harness.recorder:
        harness.record_outcomes([BAD] * 5)
    (incident,) = harness.store.load_incidents()
    assert (incident.first and incident.first.at, incident.last and incident.last.at) == (NOW, NOW + 4 * MINUTE)


async def test_last_failure_of_an_open_incident_is_written_with_the_folded_runs() -> None:
    """A kill loses at most the failures after that."""
    harness = RecorderHarness()
    async with harness.recorder:
        harness.record_outcomes([BAD] * 13)
        harness.writer.close()
        (incident,) = harness.store.load_incidents()
        assert incident.last
        assert incident.last.at >= NOW + 10 * MINUTE


@pytest.mark.fault(30)
def test_rechecks_confirm_an_incident_and_are_counted_nowhere() -> None:
    """The streak contains them; the counts of the process and of the record do not."""
    world = RecorderHarness()
    entry = world.ledger.entries[KEY]
    assert entry.recheck_delay(NOW) is None, "no observation"
    world.recorder.record(entry, RESULTS[GOOD], NOW, 0.1)
    assert entry.recheck_delay(NOW) is None
    world.recorder.record(entry, RESULTS[BAD], NOW + MINUTE, 0.1)
    assert entry.recheck_delay(NOW + MINUTE) == SECOND
    world.recorder.record(entry, RESULTS[BAD], NOW + MINUTE + SECOND, 0.1, recheck=True)
    assert entry.recheck_delay(NOW + MINUTE + SECOND) is None
    (incident,) = world.ledger.incidents
    assert incident.opened == NOW + MINUTE
    assert (list(entry.totals.values()), tuple(entry.timeline.totals)) == ([1, 1, 0], (1, 1, 0))
    assert entry.timeline.last_at == NOW + MINUTE + SECOND
    world.recorder.record(entry, RESULTS[GOOD], NOW + 2 * MINUTE, 0.1)
    assert entry.recheck_delay(NOW + 2 * MINUTE) == SECOND, "the recovery is confirmed as well"
    world.recorder.record(entry, RESULTS[UNKNOWN], NOW + 2 * MINUTE + SECOND, 0.1, recheck=True)
    assert entry.recheck_delay(NOW + 2 * MINUTE + SECOND) is None, "an unknown outcome is not re-checked"
    world.recorder.record(entry, RESULTS[GOOD], NOW + 3 * MINUTE, 0.1)
    assert world.ledger.incidents[0].resolved == NOW + 2 * MINUTE


async def test_check_of_a_site_is_recorded_without_an_incident() -> None:
    async with running_recorder() as harness:
        active = FakeCheck(id="gold-active", interval="1m", timeout="10s")
        sites = [{"id": "gold", "active": active}]
        harness.ledger.reload(ledger_of(product("chefs", sites=sites)).portfolio)
        entry = harness.ledger.site_entries["chefs/gold-active"]
        for n in range(5):
            harness.recorder.record(entry, RESULTS[BAD], NOW + n * MINUTE, 0.25)
            assert entry.recheck_delay(NOW + n * MINUTE) is None
        assert harness.decisions == []
        assert entry.timeline.totals.bad == 5
    assert {run.check for run in harness.store.load_runs()} == {"chefs/gold-active"}
    assert harness.store.load_incidents() == []
