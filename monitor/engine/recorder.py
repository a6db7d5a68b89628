"""Record probe results: update timeline, run and incident, queue the writes, and call the hooks."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

import structlog

from monitor.ledger.check_entry import CheckEntry
from monitor.network.failure import OUT_OF_DESCRIPTORS
from monitor.notification import NO_DECISIONS
from monitor.probe_result import (
    CERTIFICATE_EXPIRING,
    Event,
    Hook,
    IncidentOpened,
    IncidentResolved,
    Observed,
    ProbeResult,
)
from sla.incident import Opened
from sla.interval import MINUTE, SECOND
from sla.observation import Observation, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from monitor.health import Health
    from monitor.ledger.check_history import CheckHistory
    from monitor.ledger.ledger import Ledger
    from monitor.notification import Decided
    from monitor.storage.record_writer import Committed, RecordWriter
    from monitor.storage.store import Store
    from sla.incident import Incident, Resolved
    from sla.observation import Run

log = structlog.get_logger()

SAVE_INTERVAL: Final = 10 * MINUTE  # between two saves of the open runs; a restart replays at most this time
SAVE_STEP: Final = 20  # open runs saved per recorded result, so that saving 1,000 does not block the loop
COMMIT_TIMEOUT: Final = 2.0  # seconds after which the hooks of an incident are called without waiting for its commit


class Recorder:
    """Records results on the event loop's thread, without blocking.

    Hooks get each `Observed` immediately, and each incident after its commit succeeded, failed, or took longer than
    COMMIT_TIMEOUT. Exceptions in hooks are counted and logged. `decide` returns the product incidents and notifications
    that a check incident causes; all are written in one transaction.
    """

    def __init__(
        self,
        ledger: Ledger,
        writer: RecordWriter,
        health: Health,
        hooks: Sequence[Hook] = (),
        decide: Callable[[Incident], Decided] = lambda _incident: NO_DECISIONS,
    ) -> None:
        self._ledger, self._writer, self._health = ledger, writer, health
        self._decide = decide
        self._hooks = tuple(hooks)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[IncidentOpened | IncidentResolved] = []
        self._saving: Iterator[CheckHistory] | None = None
        self._save_started: int | None = None
        self._mark: int | None = None  # earlier observations are in saved runs, or in those being saved
        self._late: set[str] = set()
        self.complete = True  # False if it was closed with unwritten data
        writer.listen(self._on_writer_thread)

    def add_hook(self, hook: Hook) -> None:
        """Add a hook."""
        self._hooks = (*self._hooks, hook)

    @property
    def backlog(self) -> int:
        """The number of observations that are not written yet."""
        return self._health.queue_depth

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._writer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Save the open runs, write the queue and stop the writer; then call the hooks of uncommitted incidents."""
        self._save_all_open_runs()
        self._write_failures(self._ledger.entries.values())
        self.complete = await asyncio.shield(asyncio.to_thread(self._writer.close))
        for event in list(self._waiting):
            self._call_incident_hooks(event)

    def record(
        self, entry: CheckEntry, result: ProbeResult, at: int, duration: float, *, recheck: bool = False
    ) -> None:
        """Record a result. `at` is the instant at which the probe was sent; `duration` is in seconds."""
        outcome = result.outcome
        latency = None if outcome is Outcome.UNKNOWN else round(duration * 1_000_000)
        reason = result.reason
        if result.certificate_expiry is not None and not reason:
            reason = self._certificate_reason(result.certificate_expiry, at)
        observation = Observation(entry.key, at, outcome, reason, latency, recheck=recheck)
        try:
            runs = entry.observe(observation)
        except ValueError:
            self._drop_late(observation)
            return
        observed = Observed(observation, result, duration)
        entry.count(observed)
        change = entry.step(observation)
        if not runs and self._mark is not None and at < self._mark:
            runs = entry.open_runs()  # a missed heartbeat is recorded at its due instant, possibly hours ago
        if change is None:
            self._writer.put(observation, runs)
        else:
            self._writer.put(observation, runs, *self._apply(change))
        if latency is None:  # unknown
            self._health.descriptor_failures += result.reason == OUT_OF_DESCRIPTORS
        elif outcome is Outcome.GOOD and not recheck:
            self._ledger.latencies.add(entry.key, at, latency, result.phases)
        self._save_open_runs(at)
        self._call_hooks(observed)

    def record_elsewhere(self, observations: Iterable[Observation], now: int) -> int:
        """Record observations of other vantages, then let the votes at the instant `now` decide. Return their number.

        Skips observations that are not later than the last one of their check and vantage, so reading them again
        changes nothing, and those of checks that the vantage does not probe.
        """
        changed: dict[str, CheckEntry] = {}
        recorded = 0
        for observation in observations:
            entry = self._ledger.entries.get(observation.check)
            if entry is None or observation.vantage not in entry.check.vantages[1:]:
                continue
            try:
                runs = entry.observe_elsewhere(observation)
            except ValueError:
                continue
            self._writer.put(observation, runs)
            changed[entry.key] = entry
            recorded += 1
        for entry in changed.values():
            # a restart reads raw observations since a mark only, and these may be older
            self._writer.put_folded([run for view in entry.views.values() for run in view.open_runs()], None)
            if (change := entry.decide(now)) is not None:
                self._writer.put_incident(*self._apply(change))
        return recorded

    def _apply(self, change: Opened | Resolved) -> tuple[Incident, Decided]:
        """Add the incident to the ledger, and return it with its notifications. Its hooks wait for the commit."""
        incident = self._ledger.apply(change)
        self._await_commit(IncidentOpened(incident) if isinstance(change, Opened) else IncidentResolved(incident))
        return incident, self._decide(incident)

    def _certificate_reason(self, expiry: float, at: int) -> str:
        """Return the reason for a good outcome with a certificate that expires at `expiry` (Unix seconds)."""
        notice = self._ledger.portfolio.alerting.certificate_notice
        return CERTIFICATE_EXPIRING if int(expiry) * SECOND - at < notice else ""

    def _drop_late(self, dropped: Observation) -> None:
        """Count an observation older than the last recorded one: the wall clock was set back."""
        self._health.late_observations += 1
        check = dropped.check
        if check not in self._late:
            self._late.add(check)
            log.warning("observation_out_of_order", check=check, at=dropped.at, advice="check the machine's clock")

    def _save_open_runs(self, at: int) -> None:
        """Save the open runs every SAVE_INTERVAL, a few per call, so that a restart replays few observations."""
        if self._save_started is None:
            self._save_started = at
        if self._saving is None:
            if at < self._save_started + SAVE_INTERVAL:
                return
            self._save_started, self._saving = at, iter(self._ledger.all_histories())
            self._mark = at - self._max_probe_time()
            if not self._health.clock_suspect:
                self._writer.retain(at - self._ledger.portfolio.retention.observations)
        step = list(islice(self._saving, SAVE_STEP))
        self._write_failures(step)
        self._writer.put_latency_days(self._ledger.latencies.unsaved(history.key for history in step))
        self._writer.put_folded([run for history in step for run in history.open_runs()], None)
        if len(step) < SAVE_STEP:
            self._saving = None
            self._writer.put_latency_days(self._ledger.latencies.unsaved())  # including renamed keys
            self._writer.put_folded((), self._mark)

    def _max_probe_time(self) -> int:
        """Return the maximum time from the start of a probe to its recorded result, microseconds."""
        return max((entry.check.timeout for entry in self._ledger.probed_entries()), default=0) + MINUTE

    def _save_all_open_runs(self) -> None:
        self._writer.put_latency_days(self._ledger.latencies.unsaved())
        self._writer.put_folded([run for history in self._ledger.all_views() for run in history.open_runs()], None)

    def _write_everything(self) -> None:
        """Write the state in memory into a new record, which lacks the raw observations of the lost one."""
        ledger = self._ledger
        for history in ledger.all_views():
            self._writer.put_folded(history.runs(), None)
        for incident in ledger.all_incidents():
            self._writer.put_incident(incident)
        self._writer.put_latency_days(ledger.latencies.all_days())
        self._writer.put_facts(ledger.facts.all)

    def _write_failures(self, histories: Iterable[CheckHistory]) -> None:
        """Write the newest failing probe of each open incident."""
        for entry in histories:
            if isinstance(entry, CheckEntry) and (incident := entry.open_incident()) is not None:
                self._writer.put_incident(incident)

    def _await_commit(self, event: IncidentOpened | IncidentResolved) -> None:
        self._waiting.append(event)
        if self._loop is not None:
            self._loop.call_later(COMMIT_TIMEOUT, self._call_incident_hooks, event)

    def _on_writer_thread(self, committed: Committed) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._on_commit, committed)

    def _on_commit(self, committed: Committed) -> None:
        if committed.emptied:
            self._write_everything()
        if committed.recovered:
            self._save_all_open_runs()  # the runs contain the observations that the writer dropped
        for event in list(self._waiting):
            if any(_covers(incident, event.incident) for incident in committed.incidents):
                self._call_incident_hooks(event)

    def _call_incident_hooks(self, event: IncidentOpened | IncidentResolved) -> None:
        if event in self._waiting:
            self._waiting.remove(event)
            self._call_hooks(event)

    def _call_hooks(self, event: Event) -> None:
        for hook in self._hooks:
            try:
                hook(event)
            except Exception as error:
                self._health.hook_failures += 1
                log.error("hook_failed", error=repr(error), exc_info=self._health.hook_failures == 1)


def restore(ledger: Ledger, store: Store) -> Sequence[Run]:
    """Rebuild the ledger from the record; return the runs to write (see `Ledger.restore`).

    Raises:
        StoreError: the record cannot be read.
    """
    runs = ledger.restore(store.load_runs(), store.load_tail(), store.load_incidents())
    ledger.latencies.restore(store.load_latency_days(), store.recent_latencies())
    return runs


def _covers(stored: Incident, decided: Incident) -> bool:
    """Return whether the stored incident includes the decision: it is the same incident, with its end if decided."""
    return stored.id == decided.id and (stored.resolved is not None or decided.resolved is None)
