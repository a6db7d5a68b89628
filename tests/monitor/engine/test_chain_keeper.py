"""Days are closed once, some minutes after they ended, from what is on disk; a failure is tried again."""

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


class Kept:
    """A record with a keeper; what it puts is written at once."""

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
        await self.keeper.look()
        with reading(self.path) as record:
            return [head for head, _ in record.load_heads()]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "record.db", MIDNIGHT - HOUR)


async def test_a_day_is_closed_once_when_the_minutes_after_it_are_over(kept: Kept) -> None:
    kept.observe(MIDNIGHT - HOUR, MIDNIGHT - 2 * MINUTE)
    assert await kept.heads() == []
    assert await kept.heads(HOUR + GRACE - MINUTE) == []
    (head,) = await kept.heads(2 * MINUTE)
    assert (head.day, head.whole, head.since, head.made) == (MIDNIGHT // DAY - 1, True, None, kept.clock.now())
    for _ in range(3):
        assert await kept.heads(HOUR) == [head]


async def test_each_head_follows_from_the_one_before_and_covers_the_days_without_a_daemon(kept: Kept) -> None:
    kept.observe(MIDNIGHT - HOUR, MIDNIGHT - 2 * MINUTE)
    (first,) = await kept.heads(HOUR + GRACE)
    kept.observe(MIDNIGHT - HOUR, MIDNIGHT + 20 * HOUR)
    first, second = await kept.heads(4 * DAY)
    assert (second.number, second.previous, second.whole) == (2, first.digest, False)
    assert (second.since, second.day) == (first.day + 1, first.day + 4)


async def test_the_first_head_of_an_older_record_covers_everything_before(kept: Kept) -> None:
    kept.observe(MIDNIGHT - 90 * DAY, MIDNIGHT - 80 * DAY)
    (head,) = await kept.heads()
    assert (head.day, head.whole) == (MIDNIGHT // DAY - 2, True)


async def test_nothing_is_closed_while_the_store_fails_or_the_clock_is_wrong(kept: Kept) -> None:
    kept.observe(MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY)
    kept.health.store_error = "disk full"
    assert await kept.heads(HOUR) == []
    kept.health.store_error, kept.health.clock_stepped = "", -2 * MINUTE
    assert await kept.heads(HOUR) == []
    kept.health.clock_stepped = 0
    assert len(await kept.heads(HOUR)) == 1


async def test_a_head_that_was_not_written_is_made_again(kept: Kept) -> None:
    kept.observe(MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY)
    kept.failing = True
    assert await kept.heads() == []
    kept.failing = False
    assert len(await kept.heads(HOUR)) == 1


async def test_a_record_that_cannot_be_read_is_tried_again_later(kept: Kept, tmp_path: Path) -> None:
    kept.observe(MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY)
    kept.path.rename(tmp_path / "away")
    await kept.keeper.look()
    (tmp_path / "away").rename(kept.path)
    assert await kept.heads() == [], "not at once"
    assert len(await kept.heads(2 * MINUTE)) == 1


async def test_loop_looks_each_second_and_closes_no_day_in_the_first_two_seconds(kept: Kept) -> None:
    kept.observe(MIDNIGHT - HOUR, MIDNIGHT - 2 * MINUTE)
    await kept.clock.advance(3 * 3600)
    started = kept.clock.now()
    closed_at: list[int] = []
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def close_day(day: int, now: int) -> None:
        closed_at.append(now)
        loop.call_soon_threadsafe(closed.set)

    kept.keeper._next = close_day  # type: ignore[method-assign]
    task = asyncio.create_task(kept.keeper.run())
    try:
        await kept.clock.advance(3)
        await asyncio.wait_for(closed.wait(), 30)
    finally:
        task.cancel()
    assert closed_at == [started + 2 * SECOND]
