"""The parts of the daemon: those that send probes, and those that run next to the web server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from monitor.anchoring.service import Anchoring
from monitor.continuity.journeys import SUFFIX as JOURNEYS
from monitor.continuity.journeys import JourneyCleaner
from monitor.continuity.service import Continuity
from monitor.engine.chain_keeper import ChainKeeper
from monitor.engine.drill_manager import DrillManager
from monitor.engine.jobs import Jobs
from monitor.engine.pause_manager import PauseManager, paused_keys
from monitor.engine.site_observer import SiteObserver
from monitor.engine.vantage_importer import VantageImporter
from monitor.facts.intent_log import IntentLog
from monitor.status_feeds.service import StatusFeeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.alerting.service import Alerting
    from monitor.clock import Clock
    from monitor.engine.delivery_watch import DeliveryWatch
    from monitor.engine.fact_recorder import FactRecorder
    from monitor.engine.heartbeats import Heartbeats
    from monitor.engine.recorder import Recorder
    from monitor.engine.runner import Runner
    from monitor.engine.scheduler import Scheduler
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.storage.writer import Writer
    from monitor.vantage.watch import VantageWatch


@dataclass(frozen=True, slots=True)
class Probing:
    """The parts that send probes or read the observations of other vantages."""

    scheduler: Scheduler
    jobs: Jobs
    vantage: VantageWatch
    journeys: JourneyCleaner
    pauses: PauseManager
    importer: VantageImporter


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that run next to the web server and are updated by a reload."""

    probing: Probing
    facts: FactRecorder
    alerting: Alerting
    keeper: ChainKeeper
    anchoring: Anchoring
    drills: DrillManager
    continuity: Continuity
    sites: SiteObserver
    feeds: StatusFeeds


def _set_probe_intervals(jobs: Jobs, scheduler: Scheduler, intervals: Mapping[str, int]) -> None:
    """Probe the checks of these products at the intervals of their drills, all others as configured."""
    jobs.drill_intervals = intervals
    scheduler.load(jobs.all())


def _set_paused(jobs: Jobs, scheduler: Scheduler, heartbeats: Heartbeats, paused: frozenset[str]) -> None:
    """Stop the probes of paused checks, and start those of resumed ones."""
    heartbeats.restart(set(jobs.paused) - paused)
    jobs.paused = paused
    scheduler.load(jobs.all())


def prepare_probing(
    ledger: Ledger,
    clock: Clock,
    scheduler: Scheduler,
    vantage: VantageWatch,
    runner: Runner,
    recorder: Recorder,
    heartbeats: Heartbeats,
    deliveries: DeliveryWatch,
) -> Probing:
    """Prepare the probes of the portfolio, and load the scheduler with those that are not paused."""
    journeys = JourneyCleaner(ledger, IntentLog.of(ledger.portfolio.store, JOURNEYS), clock)
    journeys.restore()
    jobs = Jobs(ledger, runner, recorder, heartbeats, vantage)
    jobs.on_prepared = journeys.attach
    jobs.prepare(ledger.portfolio)
    jobs.paused = paused_keys(ledger, clock.now())
    pauses = PauseManager(ledger, clock, partial(_set_paused, jobs, scheduler, heartbeats))
    scheduler.load(jobs.all())
    importer = VantageImporter(ledger, recorder, clock, deliveries)
    return Probing(scheduler, jobs, vantage, journeys, pauses, importer)


def create_parts(
    ledger: Ledger,
    clock: Clock,
    health: Health,
    probing: Probing,
    writer: Writer,
    facts: FactRecorder,
    alerting: Alerting,
) -> Parts:
    """Create the parts that run next to the web server."""
    set_intervals = partial(_set_probe_intervals, probing.jobs, probing.scheduler)
    drills = DrillManager(ledger, facts, clock, set_intervals)
    continuity = Continuity(ledger, IntentLog.of(ledger.portfolio.store), facts.add, clock)
    continuity.restore()
    return Parts(
        probing,
        facts,
        alerting,
        ChainKeeper(ledger.portfolio.store, writer, clock, health),
        Anchoring(ledger, ledger.portfolio.store, facts.add, clock, health),
        drills,
        continuity,
        SiteObserver(ledger, facts, clock, drills.on_site_change, drills.on_failover_end),
        StatusFeeds(ledger, facts.add, clock),
    )
