"""Clean-up of journeys: nothing is left behind on the target after kills, where `find` finds it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from monitor.continuity.journeys import SUFFIX, JourneyCleaner
from monitor.engine.probe_environment import probe_environment
from monitor.errors import NinewatchError
from monitor.exporters.exposition import Dialect
from monitor.exporters.journeys import JourneyLines
from monitor.facts import intent_log
from monitor.facts.fact_index import Facts
from monitor.facts.intent_log import IntentLog
from monitor.health import Health
from monitor.probes.journey.journey import Journey
from monitor.probes.registry import prepare
from sla.interval import SECOND
from sla.observation import Outcome
from sla.pause import Pause
from tests.support.clocks import ManualClock
from tests.support.ledgers import ledger_of, product
from tests.support.probing import load_check
from tests.support.record_service import RecordService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from monitor.engine.runner import Runner
    from monitor.probe_result import ProbeResult
    from sla.intent import Entry

OWNER = "forms/journey"
SECRET = "canary-of-the-clean-up"


@pytest.fixture
def service() -> Iterator[RecordService]:
    with (service := RecordService()).serving():
        yield service


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEAN_UP_SECRET", SECRET)


class KilledLog(IntentLog):
    """An intent log that writes nothing after its process was killed."""

    killed = False

    def add(self, entry: Entry) -> None:
        if self.killed:
            raise NinewatchError("killed")
        super().add(entry)


def journey_check(url: str, *, find: bool = True, **clean_up: Any) -> Any:
    """Return a journey that creates a record and removes it."""
    finding = {"find": {"http": f"{url}/records", "capture": {"id": "$[?@.note == '{{run_id}}'].id"}}} if find else {}
    remove = {"id": "clean-up", "always": True, "counts": False, "method": "DELETE"}
    create = {"id": "create", "method": "POST", "http": f"{url}/records", "capture": {"id": "$.id"}}
    body = {"note": "{{run_id}}", "key": "{{key}}"}
    steps = [
        {**create, "json_body": body},
        {"id": "read", "http": f"{url}/records/{{{{id}}}}"},
        {**remove, "http": f"{url}/records/{{{{id}}}}", **finding, **clean_up},
    ]
    secrets = {"key": {"env": "CLEAN_UP_SECRET"}}
    return load_check({"interval": "1h", "timeout": "5s", "secrets": secrets, "steps": steps})


class Process:
    """The part of a daemon that runs one journey; `killed` processes no longer write."""

    def __init__(self, folder: Path, check: Any, runner: Runner, clock: ManualClock) -> None:
        self.log, self.ledger = KilledLog(folder / f"n.db{SUFFIX}"), ledger_of(product("forms"))
        self.runner, self.clock = runner, clock
        self.cleaner = JourneyCleaner(self.ledger, self.log, clock)
        self.cleaner.restore()
        probe = prepare(check)
        assert isinstance(probe, Journey)
        self.journey = probe
        self.cleaner.attach({OWNER: probe, "forms/other": lambda _: None})  # type: ignore[dict-item, return-value]

    async def probe(self) -> ProbeResult:
        """Return the result of one run."""
        return (await self.runner.attempt(self.journey, 60)).result

    async def advance(self, *seconds: int) -> None:
        """Do the due clean-ups, then let each of these times pass and do those that are due then."""
        await self.cleaner.advance(self.runner.new_attempt)
        for length in seconds:
            self.clock.jump(length)
            await self.cleaner.advance(self.runner.new_attempt)

    @property
    def pending(self) -> int:
        return len(self.ledger.journeys.open_runs)

    @property
    def left_behind(self) -> int:
        return self.ledger.journeys.left_behind[OWNER]


@contextlib.asynccontextmanager
async def environment() -> AsyncIterator[tuple[Runner, ManualClock]]:
    clock = ManualClock()
    async with probe_environment(clock, Health()) as (runner, _):
        yield runner, clock


async def test_a_run_that_cleans_up_leaves_no_pending_clean_up(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        assert (await process.probe()).outcome is Outcome.GOOD
        assert (process.pending, service.records) == (0, {})
        entries = [json.loads(line) for line in process.log.path.read_text().splitlines()]
    assert [entry["entry"] for entry in entries] == ["intent", "answer", "closing"]
    intent = entries[0]
    assert (intent["owner"], intent["step"], intent["secrets"]) == (OWNER, "create", ["env CLEAN_UP_SECRET"])
    assert intent["request"].startswith(f"POST {service.url}/records ")
    assert intent["run"] in intent["request"]
    assert SECRET not in process.log.path.read_text()


async def test_an_intent_is_on_disk_before_its_write_is_sent(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        process.log.killed = True
        result = await process.probe()
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "create: intent_unwritten")
    assert service.created == 0


async def test_a_deadline_while_an_intent_is_written_leaves_nothing_to_clean_up(
    service: RecordService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line reaches the disk although nothing was sent, so the next start must not search for it."""
    started, released, append_line = asyncio.Event(), threading.Event(), intent_log.append_line
    loop = asyncio.get_running_loop()

    def slow_append(path: Path, line: str, *, mode: int) -> None:
        loop.call_soon_threadsafe(started.set)
        assert released.wait(30)
        append_line(path, line, mode=mode)

    monkeypatch.setattr(intent_log, "append_line", slow_append)
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url, find=False), runner, clock)
        run = asyncio.create_task(process.probe())
        await started.wait()
        run.cancel()
        released.set()
        await asyncio.gather(run, return_exceptions=True)
        restarted = Process(tmp_path, journey_check(service.url, find=False), runner, clock)
        await restarted.advance()
    assert (service.created, restarted.pending, restarted.left_behind) == (0, 0, 0)
    assert '"outcome": "failed"' in process.log.path.read_text()


async def test_a_clean_up_is_sent_once_although_the_disk_fails(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        await leave_records(process, service, 1)
        process.log.killed = True
        hits = service.hits["DELETE"]
        await process.advance(1, 1)
        assert (process.pending, service.hits["DELETE"]) == (0, hits + 1)


async def test_a_clean_up_that_failed_is_repeated(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        await leave_records(process, service, 1)
        assert (process.pending, len(service.records)) == (1, 1)
        service.status = 503
        await process.advance(1)
        hits = service.hits["DELETE"]
        await process.advance()
        assert service.hits["DELETE"] == hits  # not before its pause is over
        service.status = None
        await process.advance(10)
        assert (process.pending, process.left_behind, service.records) == (0, 0, {})


async def test_data_that_is_gone_is_cleaned_up(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        service.committed = lambda method: service.records.clear() if method == "GET" else None
        result = await process.probe()
        assert (result.outcome, process.pending, process.left_behind) == (Outcome.GOOD, 0, 0)


async def test_a_refused_write_leaves_nothing(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url, find=False), runner, clock)
        service.status = 403
        assert (await process.probe()).reason == "create: http_status"
        assert (process.pending, process.left_behind) == (0, 0)


async def test_a_lost_response_is_found_by_the_id_of_the_run(service: RecordService, tmp_path: Path) -> None:
    """The search is repeated after `MAX_EFFECT_DELAY`, because the write may take effect late."""
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        service.cut_after = ["POST"]
        assert (await process.probe()).reason == "create: empty_response"
        (late,) = service.records.values()
        service.records.clear()
        await process.advance()
        assert process.pending == 1
        service.records[late["id"]] = late
        await process.advance(61)
        assert (process.pending, process.left_behind, service.records) == (0, 0, {})


async def test_run_whose_data_cannot_be_found_is_counted(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url, find=False), runner, clock)
        service.cut_after = ["POST"]
        await process.probe()
        assert 'ninewatch_journey_pending{product="forms",check="journey"} 1\n' in metrics(process)
        await process.advance()
        assert (process.pending, process.left_behind, len(service.records)) == (0, 1, 1)
        assert 'ninewatch_journey_possibly_left_behind{product="forms",check="journey"} 1\n' in metrics(process)
        restarted = Process(tmp_path, journey_check(service.url), runner, clock)
        assert restarted.left_behind == 1
        clock.jump(31 * 86_400)
        await process.advance()
        assert metrics(process) == ""
        assert metrics(Process(tmp_path, journey_check(service.url), runner, clock)) == ""


def metrics(process: Process) -> str:
    return JourneyLines(process.ledger).text(process.clock.now(), Dialect.TEXT)


async def test_clean_up_ends_after_a_day_of_failures(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        service.cut_after = ["POST"]
        await process.probe()
        service.status = 500
        await process.advance(60, 86_400)
        assert (process.pending, process.left_behind) == (0, 1)


async def leave_records(process: Process, service: RecordService, count: int) -> None:
    """Run the journey so many times; its clean-up fails."""
    service.committed = lambda method: setattr(service, "status", 503 if method == "GET" else None)
    for _ in range(count):
        assert (await process.probe()).outcome is Outcome.GOOD
    service.committed = lambda _: None


async def test_a_journey_is_cleaned_up_one_run_after_another(service: RecordService, tmp_path: Path) -> None:
    """Otherwise, the target would get all pending clean-ups of a day at once when it is back."""
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        await leave_records(process, service, 3)
        hits, service.status = service.hits["DELETE"], 503
        await process.advance()
        assert (process.pending, service.hits["DELETE"]) == (3, hits + 1)  # the other two wait for the next poll
        service.status = None
        await process.advance(1, 2)
        assert (process.pending, process.left_behind, service.records) == (0, 0, {})


async def test_a_paused_journey_is_not_cleaned_up(service: RecordService, tmp_path: Path) -> None:
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        await leave_records(process, service, 1)
        hits, now = service.hits["DELETE"], clock.now()
        pause = Pause("forms", OWNER, now, now + 10 * SECOND, "Ana", "moved")
        process.ledger.facts = Facts([pause.fact()])
        await process.advance(9)
        assert (process.pending, service.hits["DELETE"]) == (1, hits)
        await process.advance(1)
        assert (process.pending, service.records) == (0, {})


async def test_a_failed_compaction_stops_nothing(
    service: RecordService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intent_log, "COMPACT_LINES", 1)
    async with environment() as (runner, clock):
        process = Process(tmp_path, journey_check(service.url), runner, clock)
        await process.probe()
        blocking = process.log.path.with_name(process.log.path.name + ".new")
        blocking.mkdir()
        await process.advance()
        assert process.log.path.read_text()
        blocking.rmdir()
        process.log.lines = 3
        await process.advance()
        assert process.log.path.read_text() == ""


async def test_a_clean_up_is_not_sent_to_another_address(service: RecordService, tmp_path: Path) -> None:
    with (other := RecordService()).serving():
        async with environment() as (runner, clock):
            process = Process(tmp_path, journey_check(service.url), runner, clock)
            service.cut_after = ["POST"]
            await process.probe()
            moved = Process(tmp_path, journey_check(other.url), runner, clock)
            await moved.advance()
    assert (moved.pending, moved.left_behind, other.hits) == (0, 1, {})


async def killed_run(process: Process, service: RecordService, events: int, chance: random.Random) -> None:
    """Run the journey, and kill it when the service has executed so many requests, with or without a response."""
    count, reached, loop = 0, asyncio.Event(), asyncio.get_running_loop()
    if chance.random() < 0.5:
        service.cut_after = ["POST", "GET", "DELETE"][:events]

    def kill(_: str) -> None:
        nonlocal count
        count += 1
        if count == events:
            process.log.killed = chance.random() < 0.7
            loop.call_soon_threadsafe(reached.set)

    service.committed = kill
    run = asyncio.create_task(process.probe())
    ended = asyncio.create_task(reached.wait())
    await asyncio.wait([run, ended], return_when=asyncio.FIRST_COMPLETED)
    process.log.killed = True
    for task in (run, ended):
        task.cancel()
    await asyncio.gather(run, ended, return_exceptions=True)
    service.committed, service.cut_after = lambda _: None, []


@pytest.mark.parametrize("rounds", [12, pytest.param(200, marks=pytest.mark.full)])
async def test_nothing_is_left_behind_after_random_kills(rounds: int, service: RecordService, tmp_path: Path) -> None:
    chance, check = random.Random(15), journey_check(service.url)  # noqa: S311 - repeatable
    async with environment() as (runner, clock):
        for _ in range(rounds):
            process = Process(tmp_path, check, runner, clock)
            await process.advance()
            await killed_run(process, service, chance.randrange(4), chance)
        assert service.created > rounds // 3
        last = Process(tmp_path, check, runner, clock)
        await last.advance(1, 61, 61)
    assert (last.pending, last.left_behind, service.records) == (0, 0, {})
