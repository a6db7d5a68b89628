"""A page while the disk accepts no writes: `opened` is sent from memory after 2 s, `resolved` after it is written."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from monitor.alerting.outbox import DISK_TIMEOUT
from monitor.alerting.service import Alerting
from monitor.engine.probe_environment import probe_environment
from monitor.engine.recorder import Recorder, restore
from monitor.health import Health
from monitor.probe_result import ProbeResult
from monitor.storage import writer as module
from monitor.storage.reader import recorded_since
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from sla.interval import SECOND
from sla.observation import Outcome
from tests.integration.test_full_disk import failing_writes, full_disk, small_disk, wait_until
from tests.support.alerting import ledger_with_receivers
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.sinks import Sink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["small_disk"]  # a fixture

GOOD, BAD = Outcome.GOOD, Outcome.BAD
Fault = contextlib.AbstractContextManager[None]


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.05)


async def page_with_fault(path: Path, inject_fault: Callable[[], Fault]) -> None:
    """Let a product fail and recover while the disk accepts no writes, then make the disk writable again."""
    clock, health = ManualClock(), Health()
    with Sink().serving() as sink:
        hook = {"id": "ops", "webhook": sink.url()}
        ledger = ledger_with_receivers(product("forms", 1, "99%"), product("other"), receivers=[hook])
        store = SqliteStore(path, clock.now())
        writer = Writer(store, health, clock)
        alerting = Alerting(ledger, writer, clock, health)
        restore(ledger, store)
        alerting.restore(store)

        def events() -> list[str]:
            return [request.json()["event"] for request in list(sink.received)]

        def observe(outcome: Outcome, count: int, key: str = "forms/health") -> None:
            for _ in range(count):
                clock.jump(0.001)
                result = ProbeResult(outcome, "" if outcome is GOOD else "deadline")
                recorder.record(ledger.entries[key], result, clock.now(), 0.0005)

        async with (
            Recorder(ledger, writer, health, decide=alerting.changed) as recorder,
            probe_environment(clock, health) as (runner, _),
            asyncio.TaskGroup() as tasks,
        ):
            delivering = tasks.create_task(alerting.run(runner.new_attempt))
            observe(GOOD, 2)
            await wait_until("the start to be written", lambda: health.queue_depth == 0)
            with inject_fault():
                observe(GOOD, 20_000, "other/health")
                await wait_until("a failure", lambda: health.write_failures > 0)
                observe(BAD, 3)
                (waiting,) = alerting.outbox.waiting()
                await clock.advance((DISK_TIMEOUT - SECOND) / SECOND)
                assert (events(), alerting.outbox.unwritten) == ([], True)
                await clock.advance(2)
                await wait_until("the page", lambda: events() == ["opened"])
                observe(GOOD, 3)
                for _ in range(60):
                    await clock.advance(60)
                assert (events(), health.store_error != "") == (["opened"], True)
                assert [row.event for row in alerting.outbox.waiting()] == ["resolved"]
                assert alerting.outbox.unwritten
            await wait_until("the end to be announced", lambda: events() == ["opened", "resolved"])
            await wait_until("all to be written", lambda: not (health.store_error or health.queue_depth))
            await wait_until("the marks to be written", lambda: len(delivered_events(path)) == 2)
            delivering.cancel()
        store.close()
        assert {request.json()["key"] for request in sink.received} == {waiting.key}
    assert delivered_events(path) == ["opened", "resolved"]
    assert health.alerting_defects == 0


def delivered_events(path: Path) -> list[str]:
    """Return the events in the record that are marked as delivered."""
    return [row.event for row in recorded_since(path, 0) if row.done is not None]


@pytest.mark.fault(4)
async def test_full_disk_delays_no_page_and_no_end_is_announced_before_it_is_written(small_disk: Path) -> None:
    await page_with_fault(small_disk / "record.db", lambda: full_disk(small_disk))


@pytest.mark.fault(5)
async def test_failing_disk_delays_no_page_and_no_end_is_announced_before_it_is_written(tmp_path: Path) -> None:
    await page_with_fault(tmp_path / "record.db", failing_writes)
