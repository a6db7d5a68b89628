"""A disk without room, or that fails: probing goes on, the time shows as unrecorded, and writing resumes by itself."""

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
PATIENCE = 60.0

Culprit = contextlib.AbstractContextManager[None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder that is a disk of 8 MB; skip where nobody may mount one."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    if mount is None or umount is None:
        pytest.skip("there is no mount command")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"may not mount a small disk: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run([umount, "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no room on the disk."""
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
    """Let every write past the first page of a file fail: what SQLite sees is an I/O error.

    Not past the files' present end: an emptied log, which ends far before that, could take a batch.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Told:
    """A hook that remembers, and wakes whoever waits for more."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.decided = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if not isinstance(event, Observed):
            self.decided.set()

    async def decision(self) -> IncidentOpened | IncidentResolved:
        async with asyncio.timeout(PATIENCE):
            await self.decided.wait()
        self.decided.clear()
        last = [event for event in self.events if not isinstance(event, Observed)][-1]
        assert isinstance(last, IncidentOpened | IncidentResolved)
        return last


async def becomes(what: str, look: Callable[[], bool]) -> None:
    """Let the loop turn until a state is seen that another thread brings about."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not look():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"timed out after {PATIENCE:g} s waiting for {what}")


async def endure(path: Path, culprit: Callable[[], Culprit]) -> None:
    """Record before, during and after the trouble; then compare the record with what was seen."""
    ledger, health, told = ledger_of(product("chefs")), Health(), Told()
    entry = ledger.entries[KEY]
    at = NOW

    def play(outcome: Outcome, count: int) -> None:
        nonlocal at
        for _ in range(count):
            at += MINUTE
            recorder.record(entry, ProbeResult(outcome, "" if outcome is Outcome.GOOD else "deadline"), at, 0.1)

    store = SqliteStore(path, NOW)
    # The writer's clock stands still: what it does by time is left to the test, however slow the machine is.
    async with Recorder(ledger, Writer(store, health, ManualClock()), health, [told]) as recorder:
        play(Outcome.GOOD, 10)
        play(Outcome.BAD, 2)
        assert isinstance(await told.decision(), IncidentOpened)
        await becomes("all to be written", lambda: (health.queue_depth, health.queue_since) == (0, None))
        assert health.unrecorded_since is None
        with culprit():
            before = at
            play(Outcome.GOOD, 20_000)
            assert isinstance(await told.decision(), IncidentResolved)
            await becomes("a failure to be noticed", lambda: health.write_failures > 0)
            assert (health.unrecorded_since, health.queue_depth) == (before + MINUTE, 20_000)
            assert health.store_error
            assert sum(isinstance(event, Observed) for event in told.events) == 20_012
        play(Outcome.BAD, 2)
        assert isinstance(await told.decision(), IncidentOpened)
        await becomes("all to be written", lambda: (health.queue_depth, health.store_error) == (0, ""))
        assert health.unrecorded_since is None
    assert health.dropped_observations == 0
    store.close()
    store = SqliteStore(path, NOW)
    again = Ledger(ledger.portfolio)
    restore(again, store)
    assert len(store.observations(KEY, ALWAYS)) == 20_014
    store.close()
    assert again.incidents == ledger.incidents
    assert list(again.entries[KEY].timeline.pieces(ALWAYS)) == list(entry.timeline.pieces(ALWAYS))


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.05)


@pytest.mark.usefixtures("prompt")
async def test_a_full_disk_is_endured(small_disk: Path) -> None:
    await endure(small_disk / "record.db", lambda: filled(small_disk))


@pytest.mark.usefixtures("prompt")
async def test_a_disk_that_fails_is_endured(tmp_path: Path) -> None:
    await endure(tmp_path / "record.db", failing_writes)


def test_the_daemon_goes_on_with_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    """Probes, page and metrics go on, the trouble shows in them, and what was kept is written when there is room."""
    config = tmp_path / "ninewatch.yaml"
    with HttpTarget().serving() as target:
        check = f"{{id: health, http: '{target.url('/')}', interval: 100ms, timeout: 100ms}}"
        record = f"listen: 127.0.0.1:0\nstore: {small_disk / 'record.db'}\n"
        config.write_text(f"{record}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
        with running_daemon(config) as daemon:
            wait_for("a first probe", lambda: daemon.probes("health"))
            with filled(small_disk):
                wait_for("a failure", lambda: (daemon.metric("ninewatch_store_write_failures_total") or 0) > 0)
                before = daemon.probes("health")
                wait_for("more probes", lambda: daemon.probes("health") > before + 2)
                assert (daemon.metric("ninewatch_store_unrecorded_seconds") or 0) > 0
                wait_for("a good probe", lambda: daemon.metric("probe_success", check="health") == 1)
                assert [fetch(daemon.address + path)[0] for path in ("/", "/readyz", "/livez")] == [200, 200, 200]
                assert json.loads(daemon.body("/readyz"))["status"] == "degraded"
                wait_for("the product to be up", lambda: daemon.api("/products")[0]["state"] == "up")
            wait_for("it to write again", lambda: daemon.metric("ninewatch_store_unrecorded_seconds") == 0)
            assert daemon.metric("ninewatch_store_dropped_total") == 0
            daemon.signal(signal.SIGTERM)
            assert daemon.wait_for_exit() == 0
            counted = re.search(r'"event": "store_recovered"', daemon.output())
    assert counted
    moments = [at for at, _ in stored_observations(small_disk / "record.db", "demo/health")]
    assert len(moments) > before + 2, "what was seen meanwhile is in the record"
