"""From a probe's result to timeline, store and hooks; over the store in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.engine import recorder as module
from monitor.engine.recorder import Recorder, restore
from monitor.facts.known_facts import Facts
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probe_result import Event, IncidentOpened, IncidentResolved, Observed, ProbeResult
from monitor.storage import file_watch
from monitor.storage.writer import Committed, Writer
from sla.correction import Correction
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Run
from tests.support.ledgers import BAD, GOOD, NOW, UNKNOWN, ledger_of, product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sla.incident import Incident
    from sla.observation import Outcome

KEY = "chefs/health"
PATIENCE = 30.0
RESULTS = {GOOD: ProbeResult(GOOD), BAD: ProbeResult(BAD, "deadline"), UNKNOWN: ProbeResult(UNKNOWN, "no_route")}


class Rig:
    """A recorder over a store in memory, with a hook that writes down what it is told."""

    def __init__(self, checks: int = 1) -> None:
        self.store, self.health = MemoryStore(), Health()
        self.ledger = ledger_of(product("chefs", checks))
        self.told: list[Event] = []
        self.changed = asyncio.Event()
        self.writer = Writer(self.store, self.health, SystemClock(), limit=10_000)
        self.recorder = Recorder(self.ledger, self.writer, self.health, [self.hear])

    def hear(self, event: Event) -> None:
        self.told.append(event)
        self.changed.set()

    def play(self, outcomes: Sequence[Outcome], start: int = NOW, key: str = KEY) -> None:
        for n, outcome in enumerate(outcomes):
            self.recorder.record(self.ledger.entries[key], RESULTS[outcome], start + n * MINUTE, 0.25)

    @property
    def decisions(self) -> list[IncidentOpened | IncidentResolved]:
        return [event for event in self.told if not isinstance(event, Observed)]

    async def until_decided(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.decisions) < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def probe_environment(checks: int = 1) -> AsyncIterator[Rig]:
    rig = Rig(checks)
    async with rig.recorder:
        try:
            yield rig
        finally:
            rig.store.gate.set()


async def test_a_result_is_in_the_timeline_and_announced_at_once_and_stored_soon() -> None:
    async with probe_environment() as rig:
        rig.play([GOOD])
        entry = rig.ledger.entries[KEY]
        seen = Observation(KEY, NOW, GOOD, "", 250_000)
        assert rig.told == [Observed(seen, RESULTS[GOOD], 0.25)]
        assert entry.last is rig.told[0]
        assert entry.totals[GOOD] == 1
    assert list(rig.store.seen.values()) == [seen]


async def test_what_could_not_be_told_has_no_latency() -> None:
    async with probe_environment() as rig:
        rig.play([UNKNOWN])
    assert [each.latency for each in rig.store.seen.values()] == [None]


async def test_an_incident_is_announced_after_it_is_on_disk() -> None:
    async with probe_environment() as rig:
        rig.store.gate.clear()
        rig.play([GOOD, BAD, BAD])
        assert await asyncio.to_thread(rig.store.entered.wait, PATIENCE)
        assert rig.decisions == []
        rig.store.gate.set()
        await rig.until_decided(1)
        (incident,) = rig.store.load_incidents()
        assert rig.decisions == [IncidentOpened(incident)]
        assert incident.opened == NOW + MINUTE


async def test_an_incident_that_cannot_be_written_is_announced_once_all_the_same() -> None:
    async with probe_environment() as rig:
        rig.store.error = "no room"
        rig.play([BAD, BAD])
        await rig.until_decided(1)
        assert rig.health.write_failures
        rig.store.error = ""
        rig.play([GOOD, GOOD], NOW + 2 * MINUTE)
        await rig.until_decided(2)
    assert [type(event) for event in rig.decisions] == [IncidentOpened, IncidentResolved]
    (incident,) = rig.store.load_incidents()
    assert incident == rig.decisions[1].incident
    assert incident.downtime == MINUTE + MINUTE // 2


async def test_a_store_that_does_not_answer_holds_no_announcement_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMMIT_TIMEOUT", 0.01)
    async with probe_environment() as rig:
        rig.store.gate.clear()
        rig.play([BAD, BAD])
        await rig.until_decided(1)
        assert not rig.store.incidents


async def test_the_end_is_not_announced_on_the_commit_of_the_beginning() -> None:
    async with probe_environment() as rig:
        rig.store.gate.clear()
        rig.play([BAD, BAD])
        assert await asyncio.to_thread(rig.store.entered.wait, PATIENCE)
        opened = rig.ledger.incidents[0]
        rig.play([GOOD, GOOD], NOW + 2 * MINUTE)
        rig.recorder._on_commit(Committed((opened,)))
        assert [type(event) for event in rig.decisions] == [IncidentOpened]
        rig.store.gate.set()
        await rig.until_decided(2)
    assert [type(event) for event in rig.decisions] == [IncidentOpened, IncidentResolved]


async def test_what_still_waits_at_the_end_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    async with probe_environment() as rig:
        rig.store.error = "no room"
        monkeypatch.setattr(rig.recorder, "_on_writer_thread", None)
        rig.writer.listen(lambda _settled: None)
        rig.play([BAD, BAD])
    assert [type(event) for event in rig.decisions] == [IncidentOpened]


async def test_a_hook_that_raises_stops_neither_the_others_nor_the_recording() -> None:
    rig = Rig()

    def broken(_event: Event) -> None:
        raise ZeroDivisionError

    with capture_logs() as logs:
        async with Recorder(rig.ledger, rig.writer, rig.health, [broken, rig.hear]) as rig.recorder:
            rig.play([GOOD, GOOD])
    assert len(rig.told) == 2
    assert rig.health.hook_failures == 2
    assert [(each["error"], each["exc_info"]) for each in logs if each["event"] == "hook_failed"] == [
        ("ZeroDivisionError()", True),
        ("ZeroDivisionError()", False),
    ]
    assert len(rig.store.seen) == 2


async def test_an_observation_before_the_last_is_left_out_and_counted() -> None:
    """The wall clock was set back while the daemon was away: the record's order stands."""
    async with probe_environment() as rig:
        rig.play([GOOD, GOOD])
        with capture_logs() as logs:
            rig.play([BAD], NOW)
            rig.play([BAD], NOW)
        assert [each["check"] for each in logs if each["event"] == "observation_before_the_last"] == [KEY]
        assert rig.health.late_observations == 2
        assert len(rig.told) == 2
    assert rig.ledger.entries[KEY].totals == {GOOD: 2, BAD: 0, UNKNOWN: 0}
    assert len(rig.store.seen) == 2


class Notes(Writer):
    """A writer that only notes what it is given, in order."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), Health(), SystemClock())
        self.given: list[Observation | tuple[Sequence[Run], int | None]] = []
        self.retained: list[int] = []

    def put(self, seen: Observation, runs: Sequence[Run] = (), incident: Incident | None = None) -> None:
        self.given += [(runs, None), seen]

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        self.given.append((runs, until))

    def retain(self, since: int) -> None:
        self.retained.append(since)


def played(seconds: int, lag: int) -> Notes:
    """Record 30 checks a minute apart, each a second after the other; the last is recorded `lag` seconds late."""
    ledger, notes = ledger_of(product("chefs", 30)), Notes()
    recorder = Recorder(ledger, notes, Health())
    late = []
    for second in range(seconds):
        entry = list(ledger.entries.values())[second % 30]
        if second % 60 == 59:
            late.append((second + lag, entry, NOW + second * SECOND))
        elif second % 60 < 29:
            recorder.record(entry, RESULTS[GOOD if second % 7 else BAD], NOW + second * SECOND, 0.25)
        while late and late[0][0] <= second:
            recorder.record(late[0][1], RESULTS[GOOD], late.pop(0)[2], 0.25)
    return notes


def test_what_lies_before_the_mark_is_inside_a_written_run() -> None:
    """A restart reads one by one only what came after it; a probe that was still under way then is after it."""
    notes = played(3_600, lag=10)
    seen: list[Observation] = []
    last: dict[str, int] = {}
    marks = []
    for given in notes.given:
        if isinstance(given, Observation):
            seen.append(given)
            assert not marks or given.at >= marks[-1]
            continue
        runs, until = given
        last |= {run.check: max(run.last, last.get(run.check, 0)) for run in runs}
        if until is not None:
            marks.append(until)
            assert all(each.at <= last[each.check] for each in seen if each.at < until)
    assert len(marks) == 5
    assert marks[0] > NOW + 8 * MINUTE


def test_observations_older_than_the_retention_are_given_up_in_time() -> None:
    retained = played(1_300, lag=1).retained
    assert [at // MINUTE for at in retained] == [(NOW - 30 * DAY) // MINUTE + n for n in (10, 20)]


async def test_a_daemon_that_was_stopped_goes_on_where_it_was() -> None:
    async with probe_environment() as rig:
        rig.play([GOOD, BAD, BAD, GOOD])
    fresh = Ledger(rig.ledger.portfolio)
    restore(fresh, rig.store)
    window = Interval(NOW - DAY, NOW + DAY)
    entry, again = rig.ledger.entries[KEY], fresh.entries[KEY]
    assert list(again.timeline.pieces(window)) == list(entry.timeline.pieces(window))
    assert fresh.open_incidents() == rig.ledger.open_incidents() != []
    assert not list(rig.store.load_tail())


@pytest.mark.parametrize("trouble", ["", "no room"])
async def test_a_record_that_was_emptied_is_written_once_more_from_memory(
    monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """Incidents, corrections and all runs, those of a check that is not configured any more as well."""
    monkeypatch.setattr(file_watch, "CHECK_INTERVAL", 0.0)
    said = Correction("chefs", Interval(NOW, NOW + MINUTE), "Ana", "locked", NOW + HOUR)
    async with probe_environment() as rig:
        rig.ledger.facts = Facts([said.fact()])
        old = [Run("old/health", GOOD, "", NOW - DAY, NOW - DAY + MINUTE, 2, 2 * MINUTE)]
        rig.ledger.restore(old, [], [])
        rig.play([GOOD, BAD, BAD, GOOD, GOOD])
        await rig.until_decided(2)
        incidents = rig.store.load_incidents()
        rig.store.error, rig.store.whole, rig.store.gone = trouble, False, "the record's file was truncated"
        async with asyncio.timeout(PATIENCE):
            while trouble and not rig.health.record_missing:
                await asyncio.to_thread(rig.store.commits.wait, 0.01)
            rig.store.error = ""
            while not (rig.store.runs and rig.store.incidents and rig.store.facts and rig.health.record_losses):
                await asyncio.to_thread(rig.store.commits.wait, 0.01)
        assert not rig.health.record_missing
    found = [(run.check, run.first - NOW, run.count, run.outcome) for run in rig.store.load_runs()]
    outage = [(KEY, 0, 1, GOOD), (KEY, MINUTE, 2, BAD), (KEY, 3 * MINUTE, 2, GOOD)]
    assert found == [*outage, ("old/health", -DAY, 2, GOOD)]
    assert (rig.store.load_incidents(), rig.store.load_facts()) == (incidents, [said.fact()])


async def test_observations_given_up_are_in_the_runs_that_are_written_on_recovery() -> None:
    """The store failed for longer than the queue could hold; the figures lose nothing by it, even after a kill."""
    rig = Rig()
    rig.writer = Writer(rig.store, rig.health, SystemClock(), limit=10)
    async with Recorder(rig.ledger, rig.writer, rig.health, [rig.hear]) as rig.recorder:
        rig.store.error = "no room"
        rig.play([BAD, BAD])
        await rig.until_decided(1)
        rig.play([GOOD] * 300, NOW + 2 * MINUTE)
        rig.store.error = ""
        await rig.until_decided(2)
        async with asyncio.timeout(PATIENCE):
            while sum(run.count for run in rig.store.load_runs()) < 302:
                await asyncio.to_thread(rig.store.commits.wait, 0.05)
        killed = Ledger(rig.ledger.portfolio)
        restore(killed, rig.store)
    assert rig.health.dropped_observations >= 280
    window = Interval(NOW - DAY, NOW + DAY)
    expected = list(rig.ledger.entries[KEY].timeline.pieces(window))
    assert list(killed.entries[KEY].timeline.pieces(window)) == expected


async def test_the_newest_failing_probe_of_an_open_incident_is_written_when_the_recorder_ends() -> None:
    rig = Rig()
    async with rig.recorder:
        rig.play([BAD] * 5)
    (written,) = rig.store.load_incidents()
    assert (written.first and written.first.at, written.last and written.last.at) == (NOW, NOW + 4 * MINUTE)


async def test_the_newest_failing_probe_of_an_open_incident_is_written_with_the_growing_runs() -> None:
    """A kill takes what was learned since then at most."""
    rig = Rig()
    async with rig.recorder:
        rig.play([BAD] * 13)
        rig.writer.close()
        (written,) = rig.store.load_incidents()
        assert written.last
        assert written.last.at >= NOW + 10 * MINUTE
