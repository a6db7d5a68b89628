"""The daemon: create all its parts and run them in one TaskGroup."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from monitor.alerting.service import Alerting
from monitor.config.loader import LoadResult, examine
from monitor.config.watcher import Watcher
from monitor.daemon_parts import Parts, create_parts, prepare_probing
from monitor.engine.delivery_watch import DeliveryWatch
from monitor.engine.fact_recorder import FactRecorder
from monitor.engine.heartbeats import Heartbeats
from monitor.engine.probe_environment import probe_environment
from monitor.engine.recorder import Recorder, restore
from monitor.engine.scheduler import Scheduler
from monitor.engine.self_check import SelfCheck
from monitor.engine.vantage_intake import VantageIntake
from monitor.errors import NinewatchError
from monitor.facts.journal import Journal
from monitor.health import Health
from monitor.ledger.ledger import Ledger
from monitor.listeners import Addresses, listening
from monitor.network.outbound_policy import OutboundPolicy
from monitor.probes.registry import check_types
from monitor.receivers.registry import RECEIVER_TYPES
from monitor.reporting.monthly_message import monthly_message
from monitor.startup import (
    handled_signals,
    in_flight_limit,
    report_unconfigured,
    set_aside_future_rows,
    unwritten_error,
    usable_signer,
    usable_subscriptions,
)
from monitor.storage.frames import FrameMaker
from monitor.storage.reader import recorded_since
from monitor.storage.sqlite import SqliteStore
from monitor.storage.writer import Writer
from monitor.vantage.shipper import Shipper
from monitor.vantage.watch import VantageWatch
from monitor.web.blackbox import Probes
from monitor.web.liveness import Watchdog
from monitor.web.rate_limit import RateLimit
from monitor.web.server import build
from monitor.web.write_context import WriteContext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from monitor.blackbox.service import Blackbox
    from monitor.clock import Clock
    from monitor.config.model import Portfolio
    from monitor.config.outbound import Network
    from monitor.engine.runner import Runner
    from monitor.storage.frames import Position
    from monitor.storage.store import Store

log = structlog.get_logger()

NEEDS_RESTART = ("listen", "store", "documentation", "role", "intake")  # keys that a reload does not apply
CHECK_INTERVAL = 1.0  # seconds between two checks of the configuration's files and the wall clock


class Stopped(Exception):  # noqa: N818 - ends the TaskGroup; not an error
    """A stop of the daemon was requested."""


@dataclass(frozen=True, slots=True)
class Running:
    """A running daemon, for its caller (the command line, the demo, a test)."""

    ledger: Ledger
    health: Health
    address: str
    stop: Callable[[], None]
    reload: Callable[[], None]
    intake: str = ""  # the address for vantages, of a centre


class Daemon:
    """Probes a portfolio and publishes the results until stopped."""

    def __init__(
        self,
        source: Path,
        load_result: LoadResult,
        portfolio: Portfolio,
        clock: Clock,
        *,
        allow_exec: bool = False,
        blackbox: Blackbox | None = None,
        blackbox_allow: tuple[Network, ...] = (),
        new_record: bool = False,
        restarts: bool = False,
    ) -> None:
        self._record, self._new_record = portfolio.store, new_record
        self._blackbox, self._blackbox_allow = blackbox, blackbox_allow
        self._source, self._portfolio, self._clock = source, portfolio, clock
        self._accepted = load_result, portfolio
        self._restarts = restarts
        self.restarting = False  # stopped in order to restart with `accepted`
        self._kinds = check_types(allow_exec=allow_exec)
        self._watcher = Watcher(source, load_result.files)
        self._health = Health(
            config_reload_at=clock.now(), config_source=source.name or str(source), config_digest=load_result.digest
        )
        if blackbox is not None:
            self._health.blackbox_reload_success, self._health.blackbox_reload_at = True, clock.now()
        self._self_check = SelfCheck(clock, self._health)
        self._ledger = Ledger(portfolio)
        self._stop, self._reload_requested = asyncio.Event(), asyncio.Event()
        self._failure: NinewatchError | None = None
        self._frames: FrameMaker | None = None  # of a vantage
        self._cursors: dict[str, Position] = {}  # of the other vantages

    @property
    def accepted(self) -> tuple[LoadResult, Portfolio]:
        """The running configuration, which may be older than its file; keys that need a restart as in use."""
        load_result, portfolio = self._accepted
        in_use = {name: getattr(self._portfolio, name) for name in NEEDS_RESTART}
        return load_result, portfolio.model_copy(update=in_use)

    async def run(
        self,
        ready: Callable[[Running], None],
        prepare: Callable[[Store], object] | None = None,
        companion: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Run until stopped.

        `prepare` is called with the record before it is read, `ready` when the server accepts requests. `companion`
        runs alongside the probes; the daemon stops when it returns.

        Raises:
            NinewatchError: the record or the address cannot be used, or `companion` raised it.
        """
        # Handle signals first: a SIGHUP while the record is read must not terminate the process.
        with handled_signals(self._stop.set, self._reload_requested.set), Watchdog(self._health, self._clock):
            try:
                await self._run(ready, prepare, companion)
            finally:
                self._self_check.close()
        if self._failure is not None:
            raise self._failure

    async def _run(
        self,
        ready: Callable[[Running], None],
        prepare: Callable[[Store], object] | None,
        companion: Callable[[], Awaitable[None]] | None,
    ) -> None:
        store = SqliteStore(self._record, self._clock.now(), new_record=self._new_record)
        try:
            if prepare is not None:
                prepare(store)
            writer, facts = await self._restore(store)
            signer, subscriptions = usable_signer(self._record), usable_subscriptions(self._record)
            past = partial(recorded_since, self._record)
            summarise = partial(monthly_message, self._ledger, self._clock)
            alerting = Alerting(self._ledger, writer, self._clock, self._health, signer, past, subscriptions, summarise)
            alerting.restore(store)
            async with (
                Recorder(self._ledger, writer, self._health, decide=alerting.changed) as recorder,
                probe_environment(self._clock, self._health, outbound=OutboundPolicy(self._portfolio.outbound)) as (
                    runner,
                    loop_monitor,
                ),
                self._serve(
                    runner,
                    VantageIntake(
                        self._ledger,
                        recorder,
                        writer,
                        self._clock,
                        deliveries := DeliveryWatch(self._ledger, self._health, self._clock),
                    ),
                    heartbeats := Heartbeats(self._ledger, recorder.record, self._clock),
                    WriteContext(facts, alerting, runner.new_attempt, RateLimit(self._clock), signer, subscriptions),
                ) as addresses,
            ):
                limit = in_flight_limit(self._portfolio)
                scheduler = Scheduler(self._clock, loop_monitor, self._health, max_in_flight=limit)
                vantage = VantageWatch(self._clock, self._health, runner.attempt)
                probing = prepare_probing(
                    self._ledger, self._clock, scheduler, vantage, runner, recorder, heartbeats, deliveries
                )
                gc.freeze()  # the loaded data is long-lived, so the garbage collector can skip it
                address = f"http://{addresses.site}"
                requests = self._stop.set, self._reload_requested.set
                ready(Running(self._ledger, self._health, address, *requests, intake=addresses.intake))
                parts = create_parts(self._ledger, self._clock, self._health, probing, writer, facts, alerting)
                recorder.add_hook(parts.drills.on_event)
                parts.drills.update()
                await self._work(parts, runner, companion)
            if not recorder.complete:
                self._failure = self._failure or unwritten_error(self._health)
        finally:
            store.close()
            gc.unfreeze()

    async def _restore(self, store: SqliteStore) -> tuple[Writer, FactRecorder]:
        """Read the record into the ledger. Return the writers of observations and of facts."""
        set_aside_future_rows(store, self._clock.now(), self._health)
        if self._portfolio.centre is not None:
            incarnation = store.next_incarnation(self._clock.now())
            self._frames = FrameMaker(incarnation, self._portfolio.centre.keep)
        self._cursors = store.load_cursors()  # before the thread of the writer uses the store
        writer = Writer(store, self._health, self._clock, frames=self._frames)
        self._self_check.record_step = writer.put_clock_step
        facts = FactRecorder(self._ledger, Journal.of(self._record), writer, self._clock, self._health)
        facts.restore(store)  # first: renamings determine the products and checks of runs
        writer.put_folded(restore(self._ledger, store), None)
        await facts.read_journal()
        facts.define()
        report_unconfigured(self._ledger)
        return writer, facts

    async def _work(self, parts: Parts, runner: Runner, companion: Callable[[], Awaitable[None]] | None) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                if companion is not None:
                    tasks.create_task(self._run_companion(companion), name="companion")
                tasks.create_task(parts.probing.vantage.run(), name="vantage")
                tasks.create_task(parts.probing.scheduler.run(), name="scheduler")
                tasks.create_task(parts.probing.importer.run(), name="vantage-importer")
                if self._frames is not None:
                    shipper = Shipper(self._ledger, self._record, self._frames, self._clock, self._health)
                    tasks.create_task(shipper.run(runner.new_attempt), name="shipper")
                tasks.create_task(parts.alerting.run(runner.new_attempt), name="alerting")
                tasks.create_task(self._watch(parts), name="watch")
                tasks.create_task(parts.keeper.run(), name="chain-keeper")
                tasks.create_task(parts.anchoring.run(runner.new_attempt), name="anchoring")
                tasks.create_task(parts.continuity.run(runner.new_attempt), name="continuity")
                tasks.create_task(parts.feeds.run(runner.new_attempt), name="status-feeds")
                tasks.create_task(parts.probing.journeys.run(runner.new_attempt), name="journeys")
                tasks.create_task(self._until_stopped(), name="stop")
        except* Stopped:
            log.info("stopping")
        await parts.alerting.drain(runner.new_attempt)

    async def _run_companion(self, companion: Callable[[], Awaitable[None]]) -> None:
        try:
            await companion()
        except NinewatchError as error:
            self._failure = error
        raise Stopped

    async def _until_stopped(self) -> None:
        await self._stop.wait()
        raise Stopped

    @contextlib.asynccontextmanager
    async def _serve(
        self, runner: Runner, intake: VantageIntake, heartbeats: Heartbeats, write_context: WriteContext
    ) -> AsyncIterator[Addresses]:
        intake.restore(self._cursors)
        probes = None if self._blackbox is None else Probes(self._blackbox, runner, self._blackbox_allow)
        site = build(self._ledger, self._health, self._clock, heartbeats, probes, self._record, write_context)
        async with listening(site, self._portfolio, intake) as addresses:
            yield addresses

    async def _watch(self, parts: Parts) -> None:
        """Check once per second for changes of configuration, journal and environment."""
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + CHECK_INTERVAL)
            if not self._self_check.update_health():
                continue  # files cannot be opened, so a configuration that seems deleted may exist
            self._restart_if_clock_corrected()
            await parts.facts.read_journal()
            parts.sites.update()
            parts.drills.update()
            parts.probing.pauses.update()
            requested = self._reload_requested.is_set()
            self._reload_requested.clear()
            if await asyncio.to_thread(self._watcher.changed) or requested:
                await self._reload(parts)
            if self._blackbox is not None:
                await asyncio.to_thread(self._blackbox.reload_if_needed, self._health, requested=requested)

    def _restart_if_clock_corrected(self) -> None:
        """Stop for a restart if the record's time is wrong, the clock is correct again, and the record is writable.

        Instants of timelines, schedules and the record cannot go back in a running daemon. A restart sets aside the
        rows with wrong timestamps.

        Raises:
            Stopped: a restart is needed.
        """
        writable = self._health.unrecorded_since is None and not self._health.record_missing
        if self._restarts and writable and self._self_check.clock_corrected:
            log.error("restarting", reason="the wall clock was set back after a forward step")
            self.restarting = True
            raise Stopped

    async def _reload(self, parts: Parts) -> None:
        """Load the configuration, and use it if it is valid. Otherwise keep the running configuration."""
        self._health.config_reload_success = False
        try:
            load_result = await asyncio.to_thread(examine, self._source, self._kinds, RECEIVER_TYPES)
            self._watcher = Watcher(self._source, load_result.files)
            for problem in load_result.problems:
                log.error("config_refused", problem=str(problem))
            if load_result.portfolio is not None:
                await asyncio.to_thread(parts.probing.jobs.prepare, load_result.portfolio)
                self._apply(load_result.portfolio, parts)
                parts.facts.define()
                parts.probing.pauses.update()
                self._health.config_digest = load_result.digest
                self._accepted = load_result, load_result.portfolio
                return
        except Exception:  # probing continues after any error of the loader
            log.exception("config_defect")
        log.error("config_kept", advice="the running configuration is unchanged; fix the file and it is reloaded")

    def _apply(self, portfolio: Portfolio, parts: Parts) -> None:
        for name in NEEDS_RESTART:
            if getattr(portfolio, name) != getattr(self._portfolio, name):
                log.warning("config_needs_restart", key=name)
        self._ledger.reload(portfolio)
        report_unconfigured(self._ledger)
        parts.probing.jobs.limit_outbound(portfolio)
        parts.probing.scheduler.load(parts.probing.jobs.all())
        parts.alerting.reload()
        self._health.config_reload_success, self._health.config_reload_at = True, self._clock.now()
        log.info("config_reloaded", products=len(portfolio.products), checks=len(self._ledger.entries))
