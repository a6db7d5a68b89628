"""The daemon's alerting: decide notifications from the ledger, record them, and deliver them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from monitor.alerting.alert import Alert, incident_alert
from monitor.alerting.alert_decisions import AlertDecisions
from monitor.alerting.clock_set_back import corrected_notification, corrected_response
from monitor.alerting.conditions import Conditions
from monitor.alerting.deadlines import deadlines
from monitor.alerting.delivery import Delivery, MakeAttempt
from monitor.alerting.designed_downtime import as_designed
from monitor.alerting.heartbeat_scheduler import HeartbeatScheduler
from monitor.alerting.links import Links
from monitor.alerting.made_notes import MadeNotes
from monitor.alerting.monthly_reports import MonthlyReports
from monitor.alerting.outbox import Outbox
from monitor.alerting.product_incidents import ProductIncidents
from monitor.alerting.public_messages import PublicMessages
from monitor.alerting.report_sender import ReportSender
from monitor.alerting.responses import Responses
from monitor.alerting.retry_requests import RetryRequests
from monitor.alerting.subscribers import QUEUE, Subscribers
from monitor.notification import NO_DECISIONS, Decided, Kind, Notification

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from monitor.access.link import LinkSigner
    from monitor.access.subscriptions import Subscriptions
    from monitor.alerting.made_notes import ReadPast
    from monitor.alerting.monthly_reports import Summarise
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.storage.record_writer import Committed, RecordWriter
    from monitor.storage.store import DecidedStore
    from sla.incident import Incident
    from sla.product_incident import ProductIncident

log = structlog.get_logger()

UPDATE_INTERVAL: Final = 1.0  # seconds between two updates of the alerts that depend on time
DRAIN_TIMEOUT: Final = 3.0  # seconds of delivery when the daemon stops
ALERTS_PER_BATCH: Final = 20  # alerts per iteration of the event loop


class Alerting:
    """Decides, records and delivers notifications. Not thread-safe: use it on the event loop's thread only.

    Errors are counted and logged; they do not stop probing or recording.
    """

    def __init__(
        self,
        ledger: Ledger,
        writer: RecordWriter,
        clock: Clock,
        health: Health,
        signer: LinkSigner | None = None,
        read_past: ReadPast | None = None,
        subscriptions: Subscriptions | None = None,
        summarise: Summarise | None = None,
    ) -> None:
        self._ledger, self._writer, self._clock, self._health = ledger, writer, clock, health
        self.product_incidents = ProductIncidents(ledger)
        self.outbox = Outbox()
        statuses = (lambda: health.vantages, lambda: health.deliveries)
        self._conditions = Conditions(ledger, self.product_incidents, *statuses)
        self._heartbeat = HeartbeatScheduler(ledger, clock, health)
        self._retry_requests = RetryRequests()
        self.made_notes = MadeNotes(clock, read_past)
        self._reports = ReportSender(ledger, clock, self.made_notes)
        self._monthly_reports = summarise and MonthlyReports(ledger, clock, self.made_notes, summarise)
        self._public_messages = PublicMessages(ledger, clock, self.made_notes)
        self._subscribers: Subscribers | None = None
        if subscriptions is not None and signer is not None:
            self._subscribers = Subscribers(ledger, clock, self.made_notes, subscriptions, signer)
        self._delivery = Delivery(self.outbox, writer, clock, health, Links(ledger, signer))
        self.responses = Responses(ledger, self.outbox, self._delivery, health)
        self._decisions = AlertDecisions(
            ledger, clock, self.product_incidents, self.outbox, self._delivery, self.responses
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        writer.listen(self._on_writer_thread)

    def restore(self, store: DecidedStore) -> None:
        """Restore the open incidents, responses and undelivered notifications of an earlier process.

        Raises:
            StoreError: the record cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        now = self._clock.now()
        rows = [corrected_notification(row, now) for row in store.load_notifications()]
        self._decisions.announced.add(row for row in rows if row.event not in (Kind.HEARTBEAT, Kind.REPORT))
        self._load_receivers()
        self.outbox.add((row for row in rows if row.event is not Kind.HEARTBEAT), now, written=True)
        for row in rows:
            if row.done is not None:
                self._delivery.schedule_repeat(row)
        self.responses.restore(corrected_response(response, now) for response in store.load_responses())
        self._record(self.product_incidents.restore(store.load_product_incidents(), now))
        self._conditions.restore(self._decisions.announced.keys, self._decisions.announced.severity)
        self._end_orphans(now)
        self._retry_requests.mark_handled(self._ledger.facts)
        self._report()

    @property
    def needs_updates(self) -> bool:
        """Whether updates matter without new observations: an alert is open, or its end is not announced."""
        return bool(
            self.product_incidents.all_open() or self._decisions.announced.keys or self._conditions.needs_updates
        )

    def deadlines(self) -> Iterator[int]:
        """Yield the instants at which announcements may change without a new observation, in any order."""
        silences = self._decisions.mutes.in_force()
        now = self._clock.now()
        yield from deadlines(
            self._ledger, self.product_incidents, self._decisions.announced, self.responses.all, silences, now
        )

    @property
    def products_with_conditions(self) -> set[str]:
        """The products with an open condition alert, such as a burn alert."""
        return {alert.product for alert in self._conditions.open.values()}

    def skip(self, count: int) -> None:
        """Count updates that were skipped because nothing could have changed."""
        self._conditions.skip(count)

    @property
    def update_count(self) -> int:
        """The number of updates of the conditions; each update checks some of the products."""
        return self._conditions.update_count

    def _end_orphans(self, now: int) -> None:
        """End the responses to alerts that are not open: the record was edited, or no receiver was notified."""
        incidents = (incident.id for incident in self.product_incidents.all_open())
        open_keys = {*self._decisions.announced.keys, *self._conditions.open, *incidents}
        for response in [response for response in self.responses.all if response.key not in open_keys]:
            self._writer.put_decided(Decided((), (), self.responses.end(response.key, now).changed))

    def changed(self, incident: Incident) -> Decided:
        """Return the changes after a check incident opened or resolved, to write in the same transaction."""
        with self._count_errors("decide"):
            product_incident = self.product_incidents.changed(incident)
            if product_incident is not None:
                damped = self._decisions.damping.kept_open(product_incident, self._clock.now())
                decisions = [self._decisions.decide(self._alert(affected)) for affected in (product_incident, *damped)]
                rows = tuple(row for decision in decisions for row in decision.notifications)
                responses = tuple(response for decision in decisions for response in decision.responses)
                return Decided((product_incident,), rows, responses)
        return NO_DECISIONS

    def reload(self) -> None:
        """Apply a newly loaded configuration: receivers, routes, and removed products."""
        with self._count_errors("reload"):
            self._decisions.reload()
            self._load_receivers()
            self._record(self.product_incidents.reconcile(self._clock.now()))

    def _load_receivers(self) -> None:
        targets = () if self._subscribers is None else self._subscribers.targets()
        self._delivery.load(self._ledger.portfolio.receivers, targets)

    def _record(self, product_incidents: Iterable[ProductIncident]) -> None:
        for incident in tuple(product_incidents):
            self._writer.put_decided(self._decisions.decide(self._alert(incident))._replace(incidents=(incident,)))

    def _alert(self, incident: ProductIncident) -> Alert:
        alert = incident_alert(incident, self._ledger.products.get(incident.product))
        return as_designed(alert, self._ledger, self._clock.now())

    def find(self, key: str) -> Alert | None:
        """Return the alert of an open or resolved product incident, or another open alert, by key."""
        incident = self.product_incidents.all.get(key)
        return self._conditions.open.get(key) if incident is None else self._alert(incident)

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are open, or whose end is not announced."""
        return [*self._incident_alerts(), *self._conditions.open.values()]

    def notified(self, key: str) -> Collection[str]:
        """Return the receivers that were notified of an alert, until its end is announced to all of them."""
        return self._decisions.announced.of(key).keys()

    def is_open(self, alert: Alert) -> bool:
        """Return whether the alert is open, or its end is not announced because the product is flapping."""
        return alert.resolved is None or alert.key in self._decisions.announced.keys

    async def update(self) -> None:
        """Update the alerts that depend on time, in batches."""
        if not self._ledger.portfolio.receivers and not self._decisions.announced.keys:
            return
        for number, alert in enumerate(self._incident_alerts()):
            self._update_alert(alert)
            if number % ALERTS_PER_BATCH == ALERTS_PER_BATCH - 1:
                await asyncio.sleep(0)
        for alerts in self._conditions.step(self._clock.now()):
            for alert in alerts:
                self._update_alert(alert)
            await asyncio.sleep(0)
        with self._count_errors("update"):
            self._put(
                self._heartbeat.due_heartbeats(self.outbox),
                self._retry_requests.make_due(self._ledger.facts, self.outbox, self._clock),
            )
            self._put([*await self._reports.due(), *await self._public_messages.due()], ())
        with self._count_errors("monthly_reports"):
            if self._monthly_reports is not None:
                self._put(await self._monthly_reports.due(), ())
        with self._count_errors("subscribers"):
            if self._subscribers is not None:
                self._put(await self._subscribers.due(self.outbox), ())
        self._report()

    def _update_alert(self, alert: Alert) -> None:
        with self._count_errors("update"):
            if any(decided := self._decisions.decide(alert)):
                self._writer.put_decided(decided)

    def _incident_alerts(self) -> list[Alert]:
        """Return the alerts of incidents that are open, or whose end is not announced."""
        open_ids = (incident.id for incident in self.product_incidents.all_open())
        keys = dict.fromkeys([*open_ids, *self._decisions.announced.keys])
        return [self._alert(self.product_incidents.all[key]) for key in keys if key in self.product_incidents.all]

    def _put(self, new: Sequence[Notification], changed: Sequence[Notification]) -> None:
        """Queue new and changed rows for writing; add the new rows to the outbox."""
        if new or changed:
            self.outbox.add(new, self._clock.now(), written=False)
            self._writer.put_decided(Decided((), (*new, *changed)))
            self._delivery.wake()

    def _report(self) -> None:
        waiting = list(self.outbox.waiting())
        self._health.notifications_waiting = len(waiting)
        # A mail server may defer mail to a single subscriber for hours; that is not a failure of alerting.
        due = (row.due for row in waiting if not row.receiver.startswith(QUEUE))
        self._health.notification_oldest = min(due, default=None)
        self._health.count_pages(self.responses.all)
        self._health.receivers_failing = sum(bool(queue.failures) for queue in self.outbox.queues.values())

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Deliver notifications and update alerts until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver(make_attempt), name="deliver")
            tasks.create_task(self._update_periodically(), name="alerts")

    async def drain(self, make_attempt: MakeAttempt) -> None:
        """Deliver the due notifications when the daemon stops, within `DRAIN_TIMEOUT`."""
        with self._count_errors("drain"), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT):
                await self._delivery.run(make_attempt, drain=True)

    async def _deliver(self, make_attempt: MakeAttempt) -> None:
        while True:
            with self._count_errors("deliver"):
                await self._delivery.run(make_attempt)
            await self._clock.sleep_until(self._clock.monotonic() + UPDATE_INTERVAL)

    async def _update_periodically(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + UPDATE_INTERVAL)
            with self._count_errors("update"):
                await self.update()

    @contextlib.contextmanager
    def _count_errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._health.alerting_defects += 1
            log.exception("alerting_defect", doing=action)

    def _on_writer_thread(self, committed: Committed) -> None:
        if self._loop is not None and (committed.notifications or committed.emptied):
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._on_commit, committed)

    def _on_commit(self, committed: Committed) -> None:
        self.outbox.mark_committed(committed.notifications)
        if committed.emptied:
            self._write_everything()
        self._delivery.wake()

    def _write_everything(self) -> None:
        """Write the state in memory into a new record."""
        now, waiting = self._clock.now(), {row.identity: row for row in self.outbox.waiting()}
        delivered = {row.identity: replace(row, done=now, attempts=1) for row in self._decisions.announced.rows()}
        rows = tuple((delivered | waiting).values())
        self._writer.put_decided(Decided(tuple(self.product_incidents.all.values()), rows, tuple(self.responses.all)))
