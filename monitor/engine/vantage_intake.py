"""Record the frames that other vantages send, each once, and acknowledge them after their commit."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import structlog

from monitor.delivery_status import VantageLink
from monitor.storage.frames import Cursor, FrameError, FrameVersionError, Position, unpack
from monitor.vantage.frame_request import FrameResponse
from monitor.vantage.observation_file import MAX_AHEAD
from sla.observation import Outcome
from sla.vantage import CLOCK_REASON, max_clock_offset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.clock import Clock
    from monitor.engine.delivery_watch import DeliveryWatch
    from monitor.engine.recorder import Recorder
    from monitor.ledger.ledger import Ledger
    from monitor.storage.record_writer import Committed, RecordWriter
    from monitor.vantage.frame_request import FrameRequest, SentFrame
    from sla.observation import Observation
    from sla.vantage import ClockOffset

log = structlog.get_logger()

STEP: Final = 100  # observations recorded at once, about 5 ms on the event loop
MAX_BACKLOG: Final = 20_000  # unwritten observations from which requests are rejected; vantages repeat them
COMMIT_TIMEOUT: Final = 10.0  # seconds; a vantage repeats a request that was not answered
START: Final = Position(0, 0)


class IntakeRefusal(Exception):  # noqa: N818 - it is a response, not a fault
    """The frames were not stored. `status` is the HTTP status of the response."""

    def __init__(self, status: int, problem: str, *, superseded: bool = False) -> None:
        super().__init__(problem)
        self.status, self.superseded = status, superseded


@dataclass(slots=True)
class _Source:
    """A vantage: the positions up to which its frames are recorded in memory and committed."""

    recorded: Position = START
    committed: Position = START
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    commits: asyncio.Event = field(default_factory=asyncio.Event)


class VantageIntake:
    """Accepts the frames of each vantage in their order.

    A frame and the position of its vantage are written in one transaction. So a centre that lost its last commits lost
    the position too, and the vantage sends these frames again. A frame that is sent again changes nothing.
    """

    def __init__(
        self, ledger: Ledger, recorder: Recorder, writer: RecordWriter, clock: Clock, watch: DeliveryWatch
    ) -> None:
        self._ledger, self._recorder, self._writer = ledger, recorder, writer
        self._clock, self._watch = clock, watch
        self._sources: dict[str, _Source] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def restore(self, positions: Mapping[str, Position]) -> None:
        """Continue after the stored positions."""
        self._sources = {vantage: _Source(position, position) for vantage, position in positions.items()}
        self._loop = asyncio.get_running_loop()
        self._writer.listen(self._on_writer_thread)

    async def receive(self, vantage: str, request: FrameRequest, config: str) -> FrameResponse:
        """Record the frames of a request, and return after their commit. `config` is the digest of our checks.

        Raises:
            IntakeRefusal: the vantage is not configured, was replaced by another one, or must wait.
        """
        received = self._clock.now()
        if vantage not in {one.id for one in self._ledger.portfolio.vantages if one.observations is None}:
            raise IntakeRefusal(403, f"{vantage} is not a vantage of this centre; add it to `vantages`")
        source = self._sources.setdefault(vantage, _Source())
        async with source.lock:  # a repeated request waits for the first one
            if request.incarnation < source.recorded.incarnation:
                raise IntakeRefusal(
                    409, "a later started vantage has the same token; stop one of the two", superseded=True
                )
            self._watch.connected(vantage, self._link(request, config, received))
            if self._recorder.backlog >= MAX_BACKLOG:
                raise IntakeRefusal(429, "the record is behind; repeat the request later")
            error = await self._record(vantage, source, request)
        await self._await_commit(source)
        return FrameResponse(source.committed, received, self._clock.now(), error)

    def position(self, vantage: str) -> Position:
        """Return the position of the last committed frame of the vantage."""
        source = self._sources.get(vantage)
        return START if source is None else source.committed

    async def _record(self, vantage: str, source: _Source, request: FrameRequest) -> str:
        """Record the frames that follow each other. Return the problem of the first one that does not, or ""."""
        for frame in request.frames:
            if frame.position <= source.recorded:
                continue
            if not _follows(frame.position, source.recorded, request.oldest):
                return f"frame {frame.seq} does not follow frame {source.recorded.seq}"
            if frame.position.incarnation == source.recorded.incarnation and frame.seq != source.recorded.seq + 1:
                log.warning(
                    "frames_skipped",
                    vantage=vantage,
                    frames=frame.seq - source.recorded.seq - 1,
                    advice="the vantage deleted them after `keep`; their time stays unknown",
                )
            try:
                await self._record_frame(vantage, frame, request.clock)
            except FrameVersionError as error:
                raise IntakeRefusal(400, str(error)) from None
            except FrameError as error:  # sent again, it would be damaged again
                log.error("frame_skipped", vantage=vantage, problem=str(error), advice="its time stays unknown")
            source.recorded = frame.position
            self._writer.put_cursor(Cursor(vantage, frame.position))
        return ""

    async def _record_frame(self, vantage: str, frame: SentFrame, latest: ClockOffset | None) -> None:
        observations, clock = unpack(frame.body, vantage)
        usable = self._usable(vantage, observations, clock or latest)
        for start in range(0, len(usable), STEP):
            if self._recorder.record_elsewhere(usable[start : start + STEP], self._clock.now()):
                self._watch.arrived(vantage)
            await asyncio.sleep(0)

    def _usable(
        self, vantage: str, observations: Sequence[Observation], clock: ClockOffset | None
    ) -> list[Observation]:
        """Return the observations, those of a wrong clock as unknown, without those ahead of this daemon's clock."""
        latest = self._clock.now() + MAX_AHEAD
        usable = [one for one in observations if one.at <= latest]
        if len(usable) < len(observations):
            self._watch.ahead(vantage, max(one.at for one in observations) - latest + MAX_AHEAD)
        if clock is None or not clock.certain:
            return usable
        return [self._unknown_if_wrong(one, abs(clock.certain)) for one in usable]

    def _unknown_if_wrong(self, observation: Observation, offset: int) -> Observation:
        entry = self._ledger.entries.get(observation.check)
        if entry is None or offset <= max_clock_offset(entry.check.interval):
            return observation
        return replace(observation, outcome=Outcome.UNKNOWN, reason=CLOCK_REASON, latency=None)

    def _link(self, request: FrameRequest, config: str, received: int) -> VantageLink:
        return VantageLink(received, request.version, request.config == config, request.clock)

    async def _await_commit(self, source: _Source) -> None:
        """Wait until the recorded frames are committed.

        Raises:
            IntakeRefusal: the record cannot be written in time.
        """
        target = source.recorded
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT):
                while source.committed < target:
                    source.commits.clear()
                    await source.commits.wait()
        except TimeoutError:
            raise IntakeRefusal(503, "the record cannot be written at present; repeat the request later") from None

    def _on_writer_thread(self, committed: Committed) -> None:
        if self._loop is not None and (committed.cursors or committed.emptied):
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._on_commit, committed)

    def _on_commit(self, committed: Committed) -> None:
        if committed.emptied:  # all runs are written again, so all recorded frames are included
            for vantage, source in self._sources.items():
                self._writer.put_cursor(Cursor(vantage, source.recorded))
        if committed.error:
            return
        for cursor in committed.cursors:
            source = self._sources[cursor.vantage]
            source.committed = max(source.committed, cursor.position)
            source.commits.set()


def _follows(position: Position, last: Position, oldest: tuple[int, int] | None) -> bool:
    """Return whether a frame is the next one after the last one, or the oldest one that the vantage still has."""
    if position == oldest:
        return True
    if position.incarnation == last.incarnation:
        return position.seq == last.seq + 1
    return position.incarnation > last.incarnation and position.seq == 1
