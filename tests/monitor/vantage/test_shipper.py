"""Frames are sent to a real listener in their order, repeated after failures, and continued after its position."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from monitor.clock import SystemClock
from monitor.config.model import Portfolio
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.storage.frames import FrameMaker, Position
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from monitor.vantage.frame_request import FrameRequest, FrameResponse, decode_request, encode_response
from monitor.vantage.shipper import DeliveryError, Shipper
from sla.interval import DAY, SECOND
from sla.observation import Observation, Outcome
from tests.support.addresses import closed_port
from tests.support.ledgers import NOW, FakeCheck
from tests.support.messages import attempt_maker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LIFE, START = 7, Position(0, 0)


@dataclass
class FakeCentre:
    """A centre that stores the positions of frames. `answers` replaces its next responses."""

    requests: list[FrameRequest] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    have: Position = START
    answers: list[web.Response] = field(default_factory=list)
    ahead: int = 0  # of its clock
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        received = decode_request(await request.read())
        self.requests.append(received)
        self.tokens.append(request.headers["Authorization"])
        if self.answers:
            return self.answers.pop(0)
        if received.frames:
            self.have = received.frames[-1].position
        now = SystemClock().now() + self.ahead
        return web.Response(body=encode_response(FrameResponse(self.have, now, now)), content_type="application/json")

    @property
    def sent(self) -> list[list[int]]:
        """The numbers of the frames of each request."""
        return [[frame.seq for frame in request.frames] for request in self.requests]


class Vantage:
    """A shipper with a record on disk."""

    def __init__(self, folder: Path, *urls: str) -> None:
        checks = (FakeCheck(id="health", interval="1m", timeout="10s"),)
        portfolio = {
            "role": "vantage",
            "centre": {"urls": urls, "token": {"env": "TOKEN"}, "timeout": "10s"},
            "products": [{"id": "forms", "objective": "99%", "checks": checks}],
        }
        self.store = SqliteStore(folder / "record.db", NOW)
        self.frames, self.health = FrameMaker(LIFE, DAY), Health()
        ledger = Ledger(Portfolio.model_validate(portfolio))
        self.shipper = Shipper(ledger, folder / "record.db", self.frames, SystemClock(), self.health)

    def write(self, *minutes: int) -> None:
        """Write one frame per observation."""
        for minute in minutes:
            batch = Batch([Observation("forms/health", NOW + minute, Outcome.GOOD)])
            self.store.write(self.frames.with_frame(batch))

    async def advance(self) -> bool:
        """Send one request, and return whether frames still wait."""
        async with attempt_maker() as runner:
            return await self.shipper.advance(runner.new_attempt)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "nw_secret")


@asynccontextmanager
async def serving() -> AsyncIterator[FakeCentre]:
    centre = FakeCentre()
    app = web.Application()
    app.router.add_post("/vantage/v1/frames", centre.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    centre.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield centre
    finally:
        await runner.cleanup()


async def test_first_request_asks_for_the_position_and_the_next_ones_have_the_frames_after_it(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        vantage.write(1, 2, 3)
        centre.have = Position(LIFE, 1)
        assert await vantage.advance()
        assert not await vantage.advance()
        assert centre.sent == [[], [2, 3]]
        assert centre.tokens == ["Bearer nw_secret"] * 2
        assert vantage.frames.delivered == Position(LIFE, 3)
        status = vantage.health.shipping
        assert status is not None
        assert (status.url, status.problem) == (centre.url, "")


async def test_centre_that_lost_frames_gets_them_again(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        vantage.write(1, 2, 3)
        await vantage.advance()
        await vantage.advance()
        now = SystemClock().now()
        lost = FrameResponse(Position(LIFE, 1), now, now, "frame 4 does not follow frame 1")
        centre.answers.append(web.Response(status=409, body=encode_response(lost)))
        vantage.write(4)
        assert await vantage.advance()
        assert not await vantage.advance()
        assert centre.sent == [[], [1, 2, 3], [4], [2, 3, 4]]


async def test_frames_of_an_earlier_process_life_are_sent_first(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        vantage.write(1, 2)
        vantage.frames.restart(LIFE + 1)
        vantage.write(3)
        await vantage.advance()
        await vantage.advance()
        (request,) = centre.requests[1:]
        assert [frame.position for frame in request.frames] == [(LIFE, 1), (LIFE, 2), (LIFE + 1, 1)]
        assert (request.incarnation, request.oldest) == (LIFE + 1, (LIFE, 1))


@pytest.mark.parametrize(
    ("status", "headers", "delay"),
    [(503, {"Retry-After": "5"}, 5.0), (429, {"Retry-After": "7"}, 7.0), (401, {}, None), (502, {}, None)],
)
async def test_rejection_is_reported_with_its_delay_and_the_frames_are_sent_later(
    tmp_path: Path, status: int, headers: dict[str, str], delay: float | None
) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        vantage.write(1)
        await vantage.advance()
        centre.answers.append(web.Response(status=status, text="not now; wait\n", headers=headers))
        with pytest.raises(DeliveryError, match=f"status {status}: not now; wait") as error:
            await vantage.advance()
        assert error.value.delay == delay
        assert not await vantage.advance()
        assert centre.sent == [[], [1], [1]]


async def test_page_of_a_proxy_is_no_response_of_a_centre(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        centre.answers.append(web.Response(text="<html>sign in</html>"))
        with pytest.raises(DeliveryError, match="the response is invalid"):
            await vantage.advance()


async def test_superseded_vantage_waits_for_a_minute(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        response = FrameResponse((9, 1), 1, 1, "a later started vantage has the same token", superseded=True)
        centre.answers.append(web.Response(status=409, body=encode_response(response)))
        with pytest.raises(DeliveryError, match="a later started vantage has the same token") as error:
            await vantage.advance()
        assert error.value.delay == 60.0


async def test_next_address_is_used_if_the_first_one_does_not_respond(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, f"http://127.0.0.1:{closed_port()}", centre.url)
        vantage.write(1)
        await vantage.advance()
        await vantage.advance()
        assert centre.sent == [[], [1]]


async def test_all_addresses_are_named_if_none_responds(tmp_path: Path) -> None:
    first, second = closed_port(), closed_port()
    vantage = Vantage(tmp_path, f"http://127.0.0.1:{first}", f"http://127.0.0.1:{second}")
    with pytest.raises(DeliveryError, match=rf":{first}.*connect_refused.*; .*:{second}.*connect_refused"):
        await vantage.advance()


async def test_token_is_not_in_problems(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        centre.answers.append(web.Response(status=401, text="the token nw_secret is unknown"))
        with pytest.raises(DeliveryError) as error:
            await vantage.advance()
        assert "nw_secret" not in str(error.value)


async def test_offset_of_the_clock_is_measured_and_sent(tmp_path: Path) -> None:
    async with serving() as centre:
        centre.ahead = 3_600 * SECOND
        vantage = Vantage(tmp_path, centre.url)
        vantage.write(1)
        await vantage.advance()
        await vantage.advance()
        offset, error = centre.requests[1].offset, centre.requests[1].error
        assert centre.requests[0].offset is None
        assert offset is not None
        assert abs(offset - centre.ahead) <= error + 1
        clock = vantage.frames.clock
        assert clock is not None
        assert clock.error <= error


async def test_large_backlog_is_sent_in_several_requests(tmp_path: Path) -> None:
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        vantage.write(*range(1, 121))
        while await vantage.advance():
            pass
        assert [seq for numbers in centre.sent for seq in numbers] == list(range(1, 121))
        assert max(map(len, centre.sent)) == 50


async def test_centre_that_stores_no_frame_is_a_failure(tmp_path: Path) -> None:
    """Otherwise the vantage would repeat the request without a pause."""
    async with serving() as centre:
        vantage = Vantage(tmp_path, centre.url)
        vantage.write(1)
        await vantage.advance()
        now = SystemClock().now()
        gap = FrameResponse(START, now, now, "frame 1 does not follow frame 0")
        centre.answers.append(web.Response(status=409, body=encode_response(gap)))
        with pytest.raises(DeliveryError, match="frame 1 does not follow frame 0"):
            await vantage.advance()
