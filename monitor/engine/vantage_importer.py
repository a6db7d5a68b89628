"""Record the observations that the other vantages of the portfolio write to their files."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Final

import structlog

from monitor.vantage.observation_file import ObservationFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.clock import Clock
    from monitor.engine.delivery_watch import DeliveryWatch
    from monitor.engine.recorder import Recorder
    from monitor.ledger.ledger import Ledger

log = structlog.get_logger()

POLL_INTERVAL: Final = 1.0  # seconds between two reads of each file
POLLS_PER_UPDATE: Final = 5  # polls between two checks whether the vantages deliver in time
STEP: Final = 100  # observations recorded at once, about 5 ms on the event loop
# Unwritten observations from which each file is read in one chunk per POLL_INTERVAL: the writer drops what is too much
MAX_BACKLOG: Final = 20_000
ADVICE: Final = "use the lines of `ninewatch export observations --format jsonl`"


class VantageImporter:
    """Reads the file of each other vantage in a thread, and records its lines on the event loop in small steps.

    `watch` then determines whether the vantages deliver in time.
    """

    def __init__(self, ledger: Ledger, recorder: Recorder, clock: Clock, watch: DeliveryWatch) -> None:
        self._ledger, self._recorder, self._clock, self._watch = ledger, recorder, clock, watch
        self._files: dict[str, ObservationFile] = {}
        self._failed: dict[str, str] = {}

    async def run(self) -> None:
        """Read new lines once per second until cancelled."""
        for number in count():
            await self._clock.sleep_until(self._clock.monotonic() + POLL_INTERVAL)
            await self._attempt(self.read_new_lines)
            if number % POLLS_PER_UPDATE == 0:
                await self._attempt(self.examine_deliveries)

    async def _attempt(self, action: Callable[[], Awaitable[object]]) -> None:
        try:
            await action()
        except Exception:  # a defect must not stop the daemon
            log.exception("vantage_importer_defect")

    async def examine_deliveries(self) -> None:
        """Determine whether the vantages deliver in time."""
        await self._watch.update(self._failed)

    async def read_new_lines(self) -> int:
        """Record the new complete lines of all files; return the number of recorded observations.

        If many observations are queued for writing, the rest of a large file is left for the next call.
        """
        files: dict[str, ObservationFile] = {}
        for vantage in self._ledger.portfolio.vantages:
            if (path := vantage.observations) is None:
                continue  # it sends its observations over the network
            known = self._files.get(vantage.id)
            is_same = known is not None and known.path == path
            files[vantage.id] = known if known is not None and is_same else ObservationFile(path, vantage.id)
        self._files = files
        return sum([await self._read(file) for file in files.values()])

    async def _read(self, file: ObservationFile) -> int:
        recorded, more = 0, True
        while more:
            try:
                chunk = await asyncio.to_thread(file.read, self._clock.now())
            except OSError as error:
                self._report(file, f"{file.path}: {(error.strerror or str(error)).lower()}")
                return recorded
            self._report(file, "")
            if chunk.skipped:
                log.warning(
                    "observations_skipped",
                    vantage=file.vantage,
                    lines=chunk.skipped,
                    first=chunk.first_problem,
                    advice=ADVICE,
                )
            if chunk.ahead:
                self._watch.ahead(file.vantage, chunk.ahead)
            for start in range(0, len(chunk.observations), STEP):
                step = chunk.observations[start : start + STEP]
                if new := self._recorder.record_elsewhere(step, self._clock.now()):
                    self._watch.arrived(file.vantage)
                recorded += new
                await asyncio.sleep(0)
            more = chunk.more and self._recorder.backlog < MAX_BACKLOG
        return recorded

    def _report(self, file: ObservationFile, problem: str) -> None:
        """Log an unreadable file once, until it is readable again or fails in another way."""
        if problem and self._failed.get(file.vantage) != problem:
            log.warning("observations_unreadable", vantage=file.vantage, problem=problem, advice=ADVICE)
        self._failed[file.vantage] = problem
