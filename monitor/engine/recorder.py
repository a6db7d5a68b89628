"""What becomes of a probe's result: timeline, run, incident, the queue to the store, and then the hooks."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

import structlog

from monitor.check_entry import CheckEntry
from monitor.network.failure import OUT_OF_DESCRIPTORS
from monitor.notification import NOTHING
from monitor.probe_result import Event, Hook, IncidentOpened, IncidentResolved, Observed, ProbeResult
from sla.incident import Opened
from sla.interval import MINUTE
from sla.observation import Observation, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from monitor.check_history import CheckHistory
    from monitor.health import Health
    from monitor.ledger import Ledger
    from monitor.notification import Decided
    from monitor.storage.store import Store
    from monitor.storage.writer import Settled, Writer
    from sla.incident import Incident
    from sla.observation import Run

log = structlog.get_logger()

FOLD: Final = 10 * MINUTE  # microseconds between two writings of the growing runs: what a restart reads one by one
FOLD_STEP: Final = 20  # growing runs written a record, so that 1,000 of them do not hold the loop at once
ANNOUNCE: Final = 2.0  # seconds that an announcement waits for the disk. A page that is late because of it is our fault


class Recorder:
    """Takes in results on the event loop's thread, in a few microseconds each and without waiting.

    An `Observed` is announced at once. An incident is announced when it is on disk; when it could not be written, or
    the store does not answer within ANNOUNCE seconds, it is announced all the same. A hook that raises is counted and
    logged; it stops neither probing nor the other hooks. `decide` returns what a check incident changes beyond itself,
    to be written in one transaction with it.
    """

    def __init__(
        self,
        ledger: Ledger,
        writer: Writer,
        health: Health,
        hooks: Sequence[Hook] = (),
        decide: Callable[[Incident], Decided] = lambda _incident: NOTHING,
    ) -> None:
        self._ledger, self._writer, self._health = ledger, writer, health
        self._decide = decide
        self._hooks = tuple(hooks)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[IncidentOpened | IncidentResolved] = []
        self._folding: Iterator[CheckHistory] | None = None
        self._fold_began: int | None = None
        self._mark: int | None = None  # all that was observed before it is inside a written run, or will be in a moment
        self._late: set[str] = set()
        self.complete = True  # False once it was closed with something unwritten
        writer.listen(self._on_writer_thread)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._writer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Write the growing runs and all that is queued, and announce what still waits; then stop the writer."""
        self._write_growing()
        self._write_failures(self._ledger.entries.values())
        self.complete = await asyncio.shield(asyncio.to_thread(self._writer.close))
        for event in list(self._waiting):
            self._announce(event)

    def record(self, entry: CheckEntry, result: ProbeResult, at: int, duration: float) -> None:
        """Take in what a probe sent at `at` found, `duration` seconds later."""
        outcome = result.outcome
        latency = None if outcome is Outcome.UNKNOWN else round(duration * 1_000_000)
        seen = Observation(entry.key, at, outcome, result.reason, latency)
        try:
            runs = entry.observe(seen)
        except ValueError:
            self._leave_out(seen)
            return
        observed = Observed(seen, result, duration)
        entry.count(observed)
        change = entry.tracker.step(seen)
        if not runs and self._mark is not None and at < self._mark:
            runs = entry.growing()  # a missed heartbeat bears the instant at which it was due, which may be hours ago
        if change is None:
            self._writer.put(seen, runs)
        else:
            incident = self._ledger.decide(change)
            self._await_commit(IncidentOpened(incident) if isinstance(change, Opened) else IncidentResolved(incident))
            self._writer.put(seen, runs, incident, self._decide(incident))
        if outcome is Outcome.UNKNOWN:
            self._health.descriptor_failures += result.reason == OUT_OF_DESCRIPTORS
        self._fold(at)
        self._tell(observed)

    def _leave_out(self, seen: Observation) -> None:
        """Count an observation that the record has gone past: the wall clock was behind when this process started."""
        self._health.late_observations += 1
        if seen.check not in self._late:
            self._late.add(seen.check)
            log.warning("observation_before_the_last", check=seen.check, at=seen.at, advice="check the machine's clock")

    def _fold(self, at: int) -> None:
        """Every FOLD write the growing runs, a few a record, so that a restart has little to read one by one."""
        if self._fold_began is None:
            self._fold_began = at
        if self._folding is None:
            if at < self._fold_began + FOLD:
                return
            self._fold_began, self._folding = at, iter(self._ledger.everything())
            self._mark = at - self._in_flight()
            if not self._health.clock_suspect:
                self._writer.retain(at - self._ledger.portfolio.retention.observations)
        step = list(islice(self._folding, FOLD_STEP))
        self._write_failures(step)
        self._writer.put_folded([run for history in step for run in history.growing()], None)
        if len(step) < FOLD_STEP:
            self._folding = None
            self._writer.put_folded((), self._mark)

    def _in_flight(self) -> int:
        """Return how long ago a probe that is not recorded yet may have been sent, microseconds."""
        return max((entry.check.timeout for entry in self._ledger.entries.values()), default=0) + MINUTE

    def _write_growing(self) -> None:
        self._writer.put_folded([run for history in self._ledger.everything() for run in history.growing()], None)

    def _write_everything(self) -> None:
        """Write all that is in memory into a record that was begun anew; older raw observations are gone."""
        ledger = self._ledger
        for history in ledger.everything():
            self._writer.put_folded(history.runs(), None)
        for incident in ledger.all_incidents():
            self._writer.put_incident(incident)
        self._writer.put_facts(ledger.facts.all)

    def _write_failures(self, histories: Iterable[CheckHistory]) -> None:
        """Write the newest failing probe of each incident that is open."""
        for entry in histories:
            if isinstance(entry, CheckEntry) and (incident := entry.ongoing()) is not None:
                self._writer.put_incident(incident)

    def _await_commit(self, event: IncidentOpened | IncidentResolved) -> None:
        self._waiting.append(event)
        if self._loop is not None:
            self._loop.call_later(ANNOUNCE, self._announce, event)

    def _on_writer_thread(self, settled: Settled) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._settle, settled)

    def _settle(self, settled: Settled) -> None:
        if settled.emptied:
            self._write_everything()
        if settled.recovered:
            self._write_growing()  # what was given up of the observations meanwhile is inside them
        for event in list(self._waiting):
            if any(_covers(incident, event.incident) for incident in settled.incidents):
                self._announce(event)

    def _announce(self, event: IncidentOpened | IncidentResolved) -> None:
        if event in self._waiting:
            self._waiting.remove(event)
            self._tell(event)

    def _tell(self, event: Event) -> None:
        for hook in self._hooks:
            try:
                hook(event)
            except Exception as error:
                self._health.hook_failures += 1
                log.error("hook_failed", error=repr(error), exc_info=self._health.hook_failures == 1)


def restore(ledger: Ledger, store: Store) -> Sequence[Run]:
    """Rebuild the ledger from the record; return the runs that must be written, as `Ledger.restore` does.

    Raises:
        StoreError: the record cannot be read.
    """
    return ledger.restore(store.load_runs(), store.load_tail(), store.load_incidents())


def _covers(written: Incident, decided: Incident) -> bool:
    """Return whether the decision is on disk when this is: the same incident, and its end if it is about the end."""
    return written.id == decided.id and (written.resolved is not None or decided.resolved is None)
