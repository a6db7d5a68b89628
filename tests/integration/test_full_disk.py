"""A disk that is full or fails: probing continues, the time is reported as unrecorded, and writing resumes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import resource
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from monitor.engine.recorder import Recorder, restore
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.probe_result import Event, IncidentOpened, IncidentResolved, Observed, ProbeResult
from monitor.storage import writer as module
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.interval import MINUTE, Interval
from sla.observation import Outcome
from tests.support.clocks import ManualClock
from tests.support.daemon_process import running_daemon, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.ledgers import NOW, ledger_of, product
from tests.support.processes import fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "chefs/health"
ALWAYS = Interval(0, 2**62)
TIMEOUT_SECONDS = 60.0

Fault = contextlib.AbstractContextManager[None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 8 MB, and yield its folder; skip the test where mounting is not permitted."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    if mount is None or umount is None:
        pytest.skip("there is no mount command")
    completed = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if completed.returncode:
        pytest.skip(f"may not mount a small disk: {completed.stderr.decode().strip()}")
    yield folder
    subprocess.run([umount, "-l", str(folder)], check=True)


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Fill the disk while the block lasts."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (65_536, 4_096, 512):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    yield
    filler.unlink()


@contextlib.contextmanager
def failing_writes() -> Iterator[None]:
    """Make every write beyond the first page of a file fail, so that SQLite gets an I/O error.

    The limit is not the files' present size: the write-ahead log is truncated below this size, and could store a
    batch.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class EventRecorder:
    """A hook that stores the events, and wakes a task that waits for the next decision."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.decided = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if not isinstance(event, Observed):
            self.decided.set()

    async def decision(self) -> IncidentOpened | IncidentResolved:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self.decided.wait()
        self.decided.clear()
        last = [event for event in self.events if not isinstance(event, Observed)][-1]
        assert isinstance(last, IncidentOpened | IncidentResolved)
        return last


async def wait_until(description: str, condition: Callable[[], bool]) -> None:
    """Run the event loop until the condition is true, which another thread brings about."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"timed out after {TIMEOUT_SECONDS:g} s waiting for {description}")


async def record_with_fault(path: Path, inject_fault: Callable[[], Fault]) -> None:
    """Record before, during and after the fault; then compare the record with the ledger."""
    ledger, health, events_recorder = ledger_of(product("chefs")), Health(), EventRecorder()
    entry = ledger.entries[KEY]
    at = NOW

    def record_outcomes(outcome: Outcome, count: int) -> None:
        nonlocal at
        for _ in range(count):
            at += MINUTE
            recorder.record(entry, ProbeResult(outcome, "" if outcome is Outcome.GOOD else "deadline"), at, 0.1)

    store = SqliteStore(path, NOW)
    # The writer's clock does not advance, so that its periodic work does not depend on the machine's speed.
    async with Recorder(ledger, Writer(store, health, ManualClock()), health, [events_recorder]) as recorder:
        record_outcomes(Outcome.GOOD, 10)
        record_outcomes(Outcome.BAD, 2)
        assert isinstance(await events_recorder.decision(), IncidentOpened)
        await wait_until("all to be written", lambda: (health.queue_depth, health.queue_since) == (0, None))
        assert health.unrecorded_since is None
        with inject_fault():
            last_good = at
            record_outcomes(Outcome.GOOD, 20_000)
            assert isinstance(await events_recorder.decision(), IncidentResolved)
            await wait_until("a failure to be noticed", lambda: health.write_failures > 0)
            assert (health.unrecorded_since, health.queue_depth) == (last_good + MINUTE, 20_000)
            assert health.store_error
            assert sum(isinstance(event, Observed) for event in events_recorder.events) == 20_012
        record_outcomes(Outcome.BAD, 2)
        assert isinstance(await events_recorder.decision(), IncidentOpened)
        await wait_until("all to be written", lambda: (health.queue_depth, health.store_error) == (0, ""))
        assert health.unrecorded_since is None
    assert health.dropped_observations == 0
    store.close()
    store = SqliteStore(path, NOW)
    restored_ledger = Ledger(ledger.portfolio)
    restore(restored_ledger, store)
    assert len(store.observations(KEY, ALWAYS)) == 20_014
    store.close()
    assert restored_ledger.incidents == ledger.incidents
    assert list(restored_ledger.entries[KEY].timeline.pieces(ALWAYS)) == list(entry.timeline.pieces(ALWAYS))


@pytest.fixture
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.05)


@pytest.mark.usefixtures("short_backoff")
@pytest.mark.fault(4)
async def test_full_disk_loses_no_observations(small_disk: Path) -> None:
    await record_with_fault(small_disk / "record.db", lambda: full_disk(small_disk))


@pytest.mark.usefixtures("short_backoff")
@pytest.mark.fault(5)
async def test_failing_disk_loses_no_observations(tmp_path: Path) -> None:
    await record_with_fault(tmp_path / "record.db", failing_writes)


@pytest.mark.fault(4)
def test_daemon_continues_with_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    """Probes, pages and metrics continue and report the fault.

    The queued observations are written when there is space.
    """
    config = tmp_path / "ninewatch.yaml"
    with HttpTarget().serving() as target:
        check = f"{{id: health, http: '{target.url('/')}', interval: 100ms, timeout: 100ms}}"
        record = f"listen: 127.0.0.1:0\nstore: {small_disk / 'record.db'}\n"
        config.write_text(f"{record}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
        with running_daemon(config) as daemon:
            wait_for("a first probe", lambda: daemon.probes("health"))
            with full_disk(small_disk):
                wait_for("a failure", lambda: (daemon.metric("ninewatch_store_write_failures_total") or 0) > 0)
                before = daemon.probes("health")
                wait_for("more probes", lambda: daemon.probes("health") > before + 2)
                assert (daemon.metric("ninewatch_store_unrecorded_seconds") or 0) > 0
                wait_for("a good probe", lambda: daemon.metric("probe_success", check="health") == 1)
                assert [fetch(daemon.address + path)[0] for path in ("/", "/readyz", "/livez")] == [200, 200, 200]
                assert json.loads(daemon.body("/readyz"))["status"] == "degraded"
                wait_for("the product to be up", lambda: daemon.api("/products")[0]["state"] == "up")
            wait_for("the resumed writing", lambda: daemon.metric("ninewatch_store_unrecorded_seconds") == 0)
            assert daemon.metric("ninewatch_store_dropped_total") == 0
            daemon.signal(signal.SIGTERM)
            assert daemon.wait_for_exit() == 0
            recovery_event = re.search(r'"event": "store_recovered"', daemon.output())
    assert recovery_event
    instants = [at for at, _ in stored_observations(small_disk / "record.db", "demo/health")]
    assert len(instants) > before + 2, "the observations during the fault are in the record"
