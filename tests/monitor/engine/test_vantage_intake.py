"""Frames of other vantages: each is recorded once and in order, and acknowledged after its commit."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from monitor.config.model import Portfolio
from monitor.delivery_status import DeliveryState
from monitor.engine import vantage_intake
from monitor.engine.delivery_watch import DeliveryWatch
from monitor.engine.recorder import Recorder, restore
from monitor.engine.vantage_intake import IntakeRefusal, VantageIntake
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.storage.frames import Position, pack
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from monitor.vantage.frame_request import FrameRequest, FrameResponse, SentFrame
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.observation import Observation, Outcome
from sla.vantage import ClockOffset
from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW, FakeCheck

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = "forms/health"
LIFE = NOW - HOUR
CONFIG = "0123456789abcdef"


def portfolio() -> Portfolio:
    checks = (FakeCheck(id="health", interval="1m", timeout="10s"),)
    return Portfolio.model_validate(
        {
            "role": "centre",
            "intake": {"listen": "127.0.0.1:9443"},
            "products": [{"id": "forms", "objective": "99%", "checks": checks}],
            "vantages": [{"id": "east"}],
            "quorum": "2 of 2",
        }
    )


class Centre:
    """A centre with a record on disk."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.path, self.clock, self.health = folder / "record.db", clock, Health()
        self.store = SqliteStore(self.path, NOW)
        self.ledger = Ledger(portfolio())
        restore(self.ledger, self.store)
        self.writer = Writer(self.store, self.health, clock)
        self.recorder = Recorder(self.ledger, self.writer, self.health)
        self.watch = DeliveryWatch(self.ledger, self.health, clock)
        self.intake = VantageIntake(self.ledger, self.recorder, self.writer, clock, self.watch)

    async def send(self, *sent: SentFrame, incarnation: int = LIFE, **fields: Any) -> FrameResponse:
        request = FrameRequest(incarnation, self.clock.now(), "1", CONFIG, list(sent), **fields)
        return await self.intake.receive("east", request, CONFIG)

    def recorded(self) -> list[Observation]:
        with reading(self.path) as record:
            every = record.observations_between(Interval(0, 2**62))
            return [one for one in every if one.vantage == "east"]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Centre]:
    centre = Centre(folder, ManualClock())
    try:
        async with centre.recorder:
            centre.intake.restore(centre.store.load_cursors())
            yield centre
    finally:
        centre.store.close()


def observation(minute: int, outcome: Outcome = Outcome.GOOD) -> Observation:
    reason = "" if outcome is Outcome.GOOD else "connect_refused"
    return Observation(KEY, NOW - HOUR + minute * MINUTE, outcome, reason, 1_000, "east")


def frame(seq: int, *minutes: int, incarnation: int = LIFE, clock: ClockOffset | None = None) -> SentFrame:
    return SentFrame(incarnation, seq, pack([observation(minute) for minute in minutes or (seq,)], clock))


async def test_frames_are_recorded_and_acknowledged_after_the_commit(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        response = await centre.send(frame(1, 1, 2), frame(2, 3))
        assert (response.position, response.error) == (Position(LIFE, 2), "")
        assert centre.recorded() == [observation(1), observation(2), observation(3)]
        assert centre.store.load_cursors() == {"east": Position(LIFE, 2)}


async def test_first_request_without_frames_returns_the_position(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        assert (await centre.send()).position == Position(0, 0)
        await centre.send(frame(1))
        assert (await centre.send()).position == Position(LIFE, 1)


async def test_frame_that_is_sent_again_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1))
        response = await centre.send(frame(1), frame(2))
        assert response.position == Position(LIFE, 2)
        assert centre.recorded() == [observation(1), observation(2)]


async def test_frame_after_a_gap_is_not_stored_and_the_position_is_returned(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1))
        response = await centre.send(frame(3))
        assert (response.position, response.error) == (Position(LIFE, 1), "frame 3 does not follow frame 1")
        assert centre.recorded() == [observation(1)]


async def test_oldest_frame_of_a_vantage_that_deleted_earlier_ones_is_stored(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1))
        with capture_logs() as logs:
            response = await centre.send(frame(5), oldest=(LIFE, 5))
        assert (response.position, response.error) == (Position(LIFE, 5), "")
        assert [(line["event"], line["frames"]) for line in logs] == [("frames_skipped", 3)]


async def test_next_process_life_continues_with_its_first_frame(tmp_path: Path) -> None:
    later = LIFE + 1
    async with running(tmp_path) as centre:
        await centre.send(frame(1))
        assert (await centre.send(frame(2, incarnation=later), incarnation=later)).error
        response = await centre.send(frame(1, 5, incarnation=later), incarnation=later)
        assert response.position == Position(later, 1)


async def test_earlier_process_life_is_rejected_after_a_later_one(tmp_path: Path) -> None:
    """For example a copy of a vantage's volume, or its process on a machine that was unreachable."""
    later = LIFE + 1
    async with running(tmp_path) as centre:
        await centre.send(frame(1, incarnation=later), incarnation=later)
        with pytest.raises(IntakeRefusal, match="a later started vantage has the same token") as refusal:
            await centre.send(frame(1, 7))
        assert (refusal.value.status, refusal.value.superseded) == (409, True)
        assert centre.recorded() == [observation(1)]


async def test_vantage_that_is_not_configured_is_rejected(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        request = FrameRequest(LIFE, NOW, "1", CONFIG, [frame(1)])
        with pytest.raises(IntakeRefusal, match="west is not a vantage of this centre") as refusal:
            await centre.intake.receive("west", request, CONFIG)
        assert refusal.value.status == 403


async def test_requests_are_rejected_while_many_observations_are_unwritten(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        centre.health.queue_depth = vantage_intake.MAX_BACKLOG
        with pytest.raises(IntakeRefusal) as refusal:
            await centre.send(frame(1))
        assert refusal.value.status == 429
        centre.health.queue_depth = 0
        assert (await centre.send(frame(1))).position == Position(LIFE, 1)


async def test_frames_are_not_acknowledged_while_the_record_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vantage repeats the request, and the frame is recorded once."""
    monkeypatch.setattr(vantage_intake, "COMMIT_TIMEOUT", 0.05)
    async with running(tmp_path) as centre:
        with monkeypatch.context() as failing:
            failing.setattr(centre.store, "write", lambda _batch: (_ for _ in ()).throw(OSError("no space")))
            with pytest.raises(IntakeRefusal) as refusal:
                await centre.send(frame(1))
            assert refusal.value.status == 503
        monkeypatch.setattr(vantage_intake, "COMMIT_TIMEOUT", 30.0)
        await centre.clock.advance(60)
        assert (await centre.send(frame(1))).position == Position(LIFE, 1)
        assert centre.recorded() == [observation(1)]


async def test_damaged_frame_is_skipped_so_that_later_ones_arrive(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        with capture_logs() as logs:
            response = await centre.send(SentFrame(LIFE, 1, b"damaged"), frame(2))
        assert response.position == Position(LIFE, 2)
        assert centre.recorded() == [observation(2)]
        assert [line["event"] for line in logs] == ["frame_skipped"]


async def test_position_survives_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1))
    async with running(tmp_path) as centre:
        assert (await centre.send()).position == Position(LIFE, 1)
        assert (await centre.send(frame(1), frame(2))).position == Position(LIFE, 2)
        assert centre.recorded() == [observation(1), observation(2)]


async def test_two_requests_with_the_same_frames_record_them_once(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        frames = [frame(seq) for seq in range(1, 20)]
        responses = await asyncio.gather(*(centre.send(*frames) for _ in range(3)))
        assert {response.position for response in responses} == {Position(LIFE, 19)}
        assert centre.recorded() == [observation(minute) for minute in range(1, 20)]


@pytest.mark.parametrize(
    ("offset", "used"),
    [(5 * SECOND, True), (-5 * SECOND, True), (6 * SECOND, False), (-6 * SECOND, False), (HOUR, False)],
)
async def test_outcomes_of_a_wrong_clock_are_unknown(tmp_path: Path, offset: int, used: bool) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1, clock=ClockOffset(offset, 0)))
        (recorded,) = centre.recorded()
        expected = observation(1)
        unknown = replace(expected, outcome=Outcome.UNKNOWN, reason="vantage_clock", latency=None)
        assert recorded == (expected if used else unknown)


async def test_offset_within_its_error_is_no_wrong_clock(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1, clock=ClockOffset(20 * SECOND, 16 * SECOND)))
        assert centre.recorded() == [observation(1)]


async def test_offset_of_the_request_applies_to_frames_without_an_offset(tmp_path: Path) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1), offset=HOUR)
        assert [one.reason for one in centre.recorded()] == ["vantage_clock"]


async def test_observations_in_the_future_are_not_recorded(tmp_path: Path) -> None:
    """They would prevent later observations of a corrected clock."""
    async with running(tmp_path) as centre:
        await centre.send(frame(1, 1, 90), frame(2))
        assert centre.recorded() == [observation(1), observation(2)]


@pytest.mark.parametrize(("offset", "state"), [(HOUR, DeliveryState.BEHIND), (-HOUR, DeliveryState.AHEAD)])
async def test_wrong_clock_is_the_state_of_the_vantage(tmp_path: Path, offset: int, state: DeliveryState) -> None:
    async with running(tmp_path) as centre:
        await centre.send(frame(1), offset=offset, error=1_000)
        await centre.watch.update({})
        (status,) = centre.health.deliveries.vantages
        assert status.state is state
        assert "1h" in status.summary or "59m 59" in status.summary


@pytest.mark.parametrize("same", [True, False])
async def test_link_shows_whether_the_vantage_has_the_same_checks(tmp_path: Path, same: bool) -> None:
    async with running(tmp_path) as centre:
        request = FrameRequest(LIFE, NOW, "1.2", CONFIG if same else "other", [])
        await centre.intake.receive("east", request, CONFIG)
        await centre.watch.update({})
        link = centre.health.deliveries.vantages[0].link
        assert link is not None
        assert (link.version, link.same_checks) == ("1.2", same)
