"""The chain keeper closes each day once, some minutes after its end, from the stored data; a failure is retried."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from monitor.engine.chain_keeper import GRACE, ChainKeeper
from monitor.health import Health
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from monitor.storage.writer import Writer
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.observation import Outcome, Run
from tests.support.clocks import EPOCH, ManualClock

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.storage.chain import ClosedDay
    from sla.chain import Head

MIDNIGHT = EPOCH // DAY * DAY + DAY


class KeptRecord:
    """A record with a chain keeper; each head is written immediately."""

    def __init__(self, path: Path, now: int) -> None:
        self.path, self.clock, self.health = path, ManualClock(now), Health()
        self.store = SqliteStore(path, now)
        self.writer = Writer(self.store, self.health, self.clock)
        self.writer.put_head = self.put  # type: ignore[method-assign]
        self.keeper = ChainKeeper(path, self.writer, self.clock, self.health)
        self.failing = False

    def put(self, closed: ClosedDay) -> None:
        if not self.failing:
            self.store.write(Batch(heads=[closed]))

    def observe(self, first: int, last: int) -> None:
        count = (last - first) // MINUTE + 1
        self.store.write(Batch(runs=[Run("web/a", Outcome.GOOD, "", first, last, count, 3 * MINUTE)]))

    async def heads(self, after: int = 0) -> list[Head]:
        await self.clock.advance(after / 1_000_000)
        await self.keeper.close_finished_day()
        with reading(self.path) as record:
            return [head for head, _ in record.load_heads()]


@pytest.fixture
def record(tmp_path: Path) -> KeptRecord:
    return KeptRecord(tmp_path / "record.db", MIDNIGHT - HOUR)


async def test_day_is_closed_once_after_the_grace_period(record: KeptRecord) -> None:
    record.observe(MIDNIGHT - HOUR, MIDNIGHT - 2 * MINUTE)
    assert await record.heads() == []
    assert await record.heads(HOUR + GRACE - MINUTE) == []
    (head,) = await record.heads(2 * MINUTE)
    assert (head.day, head.full, head.since, head.made) == (MIDNIGHT // DAY - 1, True, None, record.clock.now())
    for _ in range(3):
        assert await record.heads(HOUR) == [head]


async def test_head_follows_the_previous_one_and_covers_days_without_a_daemon(record: KeptRecord) -> None:
    record.observe(MIDNIGHT - HOUR, MIDNIGHT - 2 * MINUTE)
    (first,) = await record.heads(HOUR + GRACE)
    record.observe(MIDNIGHT - HOUR, MIDNIGHT + 20 * HOUR)
    first, second = await record.heads(4 * DAY)
    assert (second.number, second.previous, second.full) == (2, first.digest, False)
    assert (second.since, second.day) == (first.day + 1, first.day + 4)


async def test_first_head_of_an_older_record_covers_all_earlier_days(record: KeptRecord) -> None:
    record.observe(MIDNIGHT - 90 * DAY, MIDNIGHT - 80 * DAY)
    (head,) = await record.heads()
    assert (head.day, head.full) == (MIDNIGHT // DAY - 2, True)


async def test_no_day_is_closed_while_the_store_fails_or_the_clock_is_wrong(record: KeptRecord) -> None:
    record.observe(MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY)
    record.health.store_error = "disk full"
    assert await record.heads(HOUR) == []
    record.health.store_error, record.health.clock_stepped = "", -2 * MINUTE
    assert await record.heads(HOUR) == []
    record.health.clock_stepped = 0
    assert len(await record.heads(HOUR)) == 1


async def test_unwritten_head_is_created_again(record: KeptRecord) -> None:
    record.observe(MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY)
    record.failing = True
    assert await record.heads() == []
    record.failing = False
    assert len(await record.heads(HOUR)) == 1


async def test_unreadable_record_is_retried_later(record: KeptRecord, tmp_path: Path) -> None:
    record.observe(MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY)
    record.path.rename(tmp_path / "away")
    await record.keeper.close_finished_day()
    (tmp_path / "away").rename(record.path)
    assert await record.heads() == [], "the retry is not immediate"
    assert len(await record.heads(2 * MINUTE)) == 1


async def test_loop_closes_no_day_in_the_first_two_seconds(record: KeptRecord) -> None:
    record.observe(MIDNIGHT - HOUR, MIDNIGHT - 2 * MINUTE)
    await record.clock.advance(3 * 3600)
    started = record.clock.now()
    closed_at: list[int] = []
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def close_day(day: int, now: int) -> None:
        closed_at.append(now)
        loop.call_soon_threadsafe(closed.set)

    record.keeper._next = close_day  # type: ignore[method-assign]
    task = asyncio.create_task(record.keeper.run())
    try:
        await record.clock.advance(3)
        await asyncio.wait_for(closed.wait(), 30)
    finally:
        task.cancel()
    assert closed_at == [started + 2 * SECOND]
