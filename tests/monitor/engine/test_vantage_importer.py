"""Observations of other vantages from their files: each is recorded once, and votes of fresh vantages decide."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from monitor.config.model import Portfolio
from monitor.engine.delivery_watch import DeliveryWatch
from monitor.engine.recorder import Recorder, restore
from monitor.engine.vantage_importer import VantageImporter
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.notification import NO_DECISIONS
from monitor.probe_result import ProbeResult
from monitor.reporting.record_export import observation_rows
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from monitor.vantage import observation_file
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.observation import Outcome
from sla.window import format_instant
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW, FakeCheck

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from monitor.notification import Decided
    from sla.incident import Incident

KEY = "forms/health"
LETTERS = {"g": "good", "b": "bad", "u": "unknown"}


class Scene:
    """A recorder on a record on disk, with two other vantages and their files."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder, self.clock, self.store = folder, clock, SqliteStore(folder / "record.db", NOW)
        vantages = [{"id": name, "observations": str(folder / f"{name}.jsonl")} for name in ("east", "west")]
        checks = (FakeCheck(id="health", interval="1m", timeout="10s"),)
        products = [{"id": "forms", "objective": "99%", "checks": checks}]
        self.ledger = Ledger(Portfolio.model_validate({"products": products, "vantages": vantages}))
        self.decided: list[Incident] = []
        self.decisions = NO_DECISIONS
        self.health = Health()
        self.writer = Writer(self.store, self.health, clock)
        restore(self.ledger, self.store)
        self.recorder = Recorder(self.ledger, self.writer, self.health, decide=self._decide)
        watch = DeliveryWatch(self.ledger, self.health, clock)
        self.importer = VantageImporter(self.ledger, self.recorder, clock, watch)

    def _decide(self, incident: Incident) -> Decided:
        self.decided.append(incident)
        return self.decisions

    def append(self, vantage: str, letters: str, start: int = NOW, /, **values: Any) -> None:
        """Append one line per minute to the vantage's file."""
        with (self.folder / f"{vantage}.jsonl").open("a") as file:
            for n, letter in enumerate(letters):
                at = format_instant(start + n * MINUTE)
                row = {"at": at, "check": KEY, "vantage": "local", "outcome": LETTERS[letter], "reason": ""}
                file.write(json.dumps(row | values) + "\n")

    def probe(self, letters: str, start: int = NOW) -> None:
        for n, letter in enumerate(letters):
            outcome = Outcome(LETTERS[letter])
            result = ProbeResult(outcome, "" if letter == "g" else "deadline")
            self.recorder.record(self.ledger.entries[KEY], result, start + n * MINUTE, 0.1)

    async def read_at(self, at: int) -> int:
        await self.clock.advance((at - self.clock.now()) / SECOND)
        return await self.importer.read_new_lines()

    def state(self, at: int) -> str:
        return self.ledger.state("forms", at).name.lower()


@asynccontextmanager
async def running(folder: Path, clock: ManualClock | None = None) -> AsyncIterator[Scene]:
    scene = Scene(folder, clock or ManualClock())
    try:
        async with scene.recorder:
            yield scene
    finally:
        scene.store.close()


def recorded(folder: Path) -> list[tuple[str, str, str]]:
    """Return the rows of the record: vantage, instant and outcome."""
    with reading(folder / "record.db") as record:
        rows = list(observation_rows(record, Interval(0, NOW + 9 * HOUR), {KEY}))
    return [(row["vantage"], row["at"], row["outcome"]) for row in rows]


async def test_each_observation_is_recorded_once(tmp_path: Path) -> None:
    """Also if a file repeats lines, is replaced by a longer export, or is read again after a restart."""
    async with running(tmp_path) as scene:
        scene.append("east", "ggb")
        assert await scene.read_at(NOW + 3 * MINUTE) == 3
        assert await scene.read_at(NOW + 3 * MINUTE) == 0
        scene.append("east", "ggbbg")
        assert await scene.read_at(NOW + 5 * MINUTE) == 2
        (tmp_path / "east.jsonl").rename(tmp_path / "old.jsonl")
        scene.append("east", "ggbbggg")
        assert await scene.read_at(NOW + 7 * MINUTE) == 2
    first = recorded(tmp_path)
    expected = [LETTERS[letter] for letter in "ggbbggg"]
    assert first == [("east", format_instant(NOW + n * MINUTE), outcome) for n, outcome in enumerate(expected)]
    async with running(tmp_path) as scene:
        view = scene.ledger.entries[KEY].view("east")
        assert tuple(view.timeline.totals) == (5, 2, 0)
        assert await scene.read_at(NOW + 8 * MINUTE) == 0
    assert recorded(tmp_path) == first


async def test_incident_opens_and_resolves_by_the_votes_of_fresh_vantages(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.probe("gggbbb")
        assert scene.decided == []
        scene.append("east", "ggggbb")
        await scene.read_at(NOW + 5 * MINUTE)
        (opened,) = scene.decided
        assert (opened.opened, opened.resolved) == (NOW + 4 * MINUTE, None)
        assert opened.first is not None
        assert opened.first.detail == "down at east, local"
        scene.append("west", "g" * 6)
        await scene.read_at(NOW + 5 * MINUTE)
        assert len(scene.decided) == 1
        scene.probe("gg", NOW + 6 * MINUTE)
        (_, resolved) = scene.decided
        assert (resolved.id, resolved.resolved) == (opened.id, NOW + 6 * MINUTE)
    async with running(tmp_path) as scene:
        assert [incident.resolved for incident in scene.ledger.all_incidents()] == [NOW + 6 * MINUTE]


async def test_open_incident_continues_after_a_restart(tmp_path: Path) -> None:
    """The votes of the other vantages follow from their runs."""
    async with running(tmp_path) as scene:
        scene.probe("gggg")
        scene.append("east", "ggbb")
        scene.append("west", "ggbb")
        await scene.read_at(NOW + 3 * MINUTE)
        (opened,) = scene.decided
    async with running(tmp_path) as scene:
        entry = scene.ledger.entries[KEY]
        assert entry.votes is not None
        assert entry.votes.open is not None
        assert entry.votes.open.id == opened.id
        assert {vote.vantage for vote in entry.votes_at(NOW + 4 * MINUTE) if vote.down} == {"east", "west"}
        scene.probe("g", NOW + 4 * MINUTE)
        assert scene.decided == []
        scene.append("west", "gg", NOW + 4 * MINUTE)
        await scene.read_at(NOW + 5 * MINUTE)
        (resolved,) = scene.decided
        assert (resolved.id, resolved.resolved) == (opened.id, NOW + 4 * MINUTE)


async def test_late_burst_refines_figures_and_opens_no_incident(tmp_path: Path) -> None:
    """Two vantages were cut off. They deliver an outage that is over: it is downtime, and nobody is paged."""
    async with running(tmp_path) as scene:
        scene.probe("g" * 60)
        outage = NOW + 12 * MINUTE
        assert scene.state(outage) == "guess_up"
        for vantage in ("east", "west"):
            scene.append(vantage, "g" * 10 + "b" * 10 + "g" * 10)
        assert await scene.read_at(NOW + HOUR) == 60
        assert scene.state(outage) == "down"
        durations = scene.ledger.compositions["forms"].durations(Interval(NOW, NOW + HOUR))
        assert durations.down == 9 * MINUTE
        assert scene.decided == []


async def test_burst_that_ends_in_a_present_outage_opens_its_incident(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.probe("g" * 40)
        for vantage in ("east", "west"):
            scene.append(vantage, "g" * 10 + "b" * 30)
        await scene.read_at(NOW + 40 * MINUTE)
        assert [incident.opened for incident in scene.decided] == [NOW + 10 * MINUTE]


async def test_missing_quorum_opens_and_resolves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.probe("gggbbbbbbb")
        assert (scene.decided, scene.state(NOW + 8 * MINUTE)) == ([], "guess_down")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("not json", "JSON is malformed"),
        ('{"at": "2026-09-21T14:13:20Z", "check": "forms/health"}', "missing required field `outcome`"),
        ('{"at": "yesterday", "check": "forms/health", "outcome": "bad"}', "yesterday"),
        ('{"at": "2026-09-21T14:13:20Z", "check": "forms/health", "outcome": "slow"}', "slow"),
        ('{"at": "2026-09-21T14:13:20Z", "check": "forms/health", "outcome": "bad", "reason": "A b"}', "reason"),
        ("\udcff", "malformed"),
    ],
)
async def test_invalid_line_is_skipped_and_reported_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    async with running(tmp_path) as scene:
        scene.append("east", "g")
        with (tmp_path / "east.jsonl").open("a", errors="surrogateescape") as file:
            file.write(f"\n{line}\n")
        scene.append("east", "g", NOW + MINUTE)
        scene.append("west", "")
        with capture_logs() as logs:
            assert await scene.read_at(NOW + 2 * MINUTE) == 2
    (entry,) = [entry for entry in logs if entry["event"] == "observations_skipped"]
    assert entry["first"].startswith(f"{tmp_path / 'east.jsonl'}:3: ")
    assert message.lower() in entry["first"].lower()
    assert (entry["lines"], entry["vantage"]) == (1, "east")


async def test_observations_ahead_of_the_clock_are_skipped_and_reported_once_it_is_not_behind(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.append("east", "gg", NOW + HOUR)
        scene.append("east", "g", NOW + SECOND)
        scene.append("west", "")
        with capture_logs() as logs:
            assert await scene.read_at(NOW + SECOND) == 0
            assert logs == []
            assert await scene.read_at(NOW + 4 * SECOND) == 1
    (entry,) = logs
    assert (entry["event"], entry["lines"], entry["vantage"]) == ("observations_skipped", 2, "east")
    assert entry["first"].startswith(f"{tmp_path / 'east.jsonl'}:1: ")
    assert entry["first"].endswith('"2026-09-21T15:13:20Z" is in the future; correct the clock of east')


async def test_observations_ahead_of_a_clock_that_is_behind_after_a_suspend_are_recorded(tmp_path: Path) -> None:
    """This machine was suspended for an hour. The files are read before the daemon has followed its clock's step."""
    async with running(tmp_path) as scene:
        scene.append("east", "ggg", NOW + HOUR)
        assert await scene.read_at(NOW) == 0
        assert await scene.read_at(NOW + SECOND) == 0
        scene.clock.jump(3_600 + 120)
        assert await scene.read_at(scene.clock.now()) == 3
        scene.append("east", "g", NOW + 3 * HOUR)
        assert await scene.read_at(NOW + HOUR + 3 * MINUTE) == 0
        scene.clock.jump(2 * 3_600)
        assert await scene.read_at(scene.clock.now()) == 1


async def test_missing_file_is_reported_once(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        with capture_logs() as logs:
            for _ in range(3):
                assert await scene.read_at(NOW + MINUTE) == 0
            scene.append("east", "g")
            assert await scene.read_at(NOW + MINUTE) == 1
    unreadable = [entry["problem"] for entry in logs if entry["event"] == "observations_unreadable"]
    assert unreadable == [f"{tmp_path / name}.jsonl: no such file or directory" for name in ("east", "west")]


async def test_incomplete_line_is_read_when_it_is_complete(tmp_path: Path) -> None:
    async with running(tmp_path) as scene:
        scene.append("east", "gg")
        path = tmp_path / "east.jsonl"
        content = path.read_bytes()
        path.write_bytes(content[:-9])
        assert await scene.read_at(NOW + MINUTE) == 1
        with path.open("ab") as file:
            file.write(content[-9:])
        assert await scene.read_at(NOW + MINUTE) == 1


async def test_large_file_is_read_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is longer than a chunk is skipped."""
    monkeypatch.setattr(observation_file, "CHUNK", 300)
    async with running(tmp_path) as scene:
        scene.append("east", "g" * 10)
        scene.append("east", "g", NOW + 10 * MINUTE, detail="x" * 900)
        scene.append("east", "g" * 5, NOW + 11 * MINUTE)
        with capture_logs() as logs:
            assert await scene.read_at(NOW + HOUR) == 15
    assert any("longer than" in entry.get("first", "") for entry in logs)


async def test_observations_of_other_checks_and_vantages_are_not_recorded(tmp_path: Path) -> None:
    """Also rows that the vantage itself has from a third one."""
    async with running(tmp_path) as scene:
        scene.append("east", "gg", check="forms/removed")
        scene.append("east", "gg", vantage="north")
        assert await scene.read_at(NOW + 2 * MINUTE) == 0
    assert recorded(tmp_path) == []
