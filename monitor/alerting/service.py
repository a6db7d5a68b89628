"""The alerting of a daemon: decide notifications from the ledger, record them, and deliver them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from monitor.alerting.alert import Alert, body_of, incident_alert
from monitor.alerting.announcements import Announcements, events_to_send, notifications_for
from monitor.alerting.conditions import Conditions
from monitor.alerting.deadlines import deadlines
from monitor.alerting.delivery import Delivery, MakeAttempt
from monitor.alerting.dependencies import Dependencies
from monitor.alerting.designed_downtime import as_designed
from monitor.alerting.flap_damping import FlapDamping
from monitor.alerting.heartbeat_sender import HeartbeatSender
from monitor.alerting.links import Links
from monitor.alerting.mutes import Mutes
from monitor.alerting.outbox import URGENT, Outbox
from monitor.alerting.product_incidents import ProductIncidents
from monitor.alerting.report_sender import ReportSender
from monitor.alerting.responses import Reaction, Responses
from monitor.alerting.retry_requests import RetryRequests
from monitor.config.routing import is_within, receiver_ids_for
from monitor.notification import NOTHING, Decided, Kind, Notification
from sla.interval import SECOND, Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from monitor.access.link import LinkSigner
    from monitor.alerting.announcements import AlertNotifications
    from monitor.alerting.report_sender import ReadPast
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
BATCH: Final = 20  # alerts per iteration of the event loop


class Alerting:
    """Decides, records and delivers notifications. Use it on the event loop's thread only.

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
    ) -> None:
        self._ledger, self._writer, self._clock, self._health = ledger, writer, clock, health
        self.product_incidents = ProductIncidents(ledger)
        self.outbox = Outbox()
        self._announced = Announcements()
        self._dependencies = Dependencies(ledger.portfolio)
        self._conditions = Conditions(ledger, self.product_incidents, lambda: health.vantages)
        self._mutes = Mutes(ledger, self.product_incidents)
        self._damping = FlapDamping(ledger, self.product_incidents, self._announced)
        self._heartbeat = HeartbeatSender(ledger, clock, health)
        self._retry_requests = RetryRequests()
        self.reports = ReportSender(ledger, clock, read_past)
        self._delivery = Delivery(self.outbox, writer, clock, health, Links(ledger, signer))
        self.responses = Responses(ledger, self.outbox, self._delivery, health)
        self._loop: asyncio.AbstractEventLoop | None = None
        writer.listen(self._on_writer_thread)

    def restore(self, store: DecidedStore) -> None:
        """Continue the open incidents, responses and undelivered notifications of an earlier process.

        Raises:
            StoreError: the record cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        now, rows = self._clock.now(), store.load_notifications()
        self._announced.add(row for row in rows if row.event not in (Kind.HEARTBEAT, Kind.REPORT))
        self._delivery.load(self._ledger.portfolio.receivers)
        self.outbox.add((row for row in rows if row.event is not Kind.HEARTBEAT), now, written=True)
        for row in rows:
            if row.done is not None:
                self._delivery.schedule_repeat(row)
        self.responses.restore(store.load_responses())
        self._record(self.product_incidents.restore(store.load_product_incidents(), now))
        self._conditions.restore(self._announced.keys, self._announced.severity)
        self._end_orphans(now)
        self._retry_requests.ignore(self._ledger.facts)
        self._report()

    @property
    def watching(self) -> bool:
        """Whether an alert is open or its end is not announced, so that updates without new observations matter."""
        return bool(self.product_incidents.all_open() or self._announced.keys or self._conditions.watching)

    def deadlines(self) -> Iterator[int]:
        """Yield the instants at which announcements may change without a new observation, in any order."""
        silences = self._mutes.in_force()
        now = self._clock.now()
        yield from deadlines(self._ledger, self.product_incidents, self._announced, self.responses.all, silences, now)

    @property
    def conditional(self) -> set[str]:
        """The products with an open alert without an incident, such as a burn alert."""
        return {alert.product for alert in self._conditions.open.values()}

    def skip(self, count: int) -> None:
        """Count updates that were skipped because nothing could have changed."""
        self._conditions.skip(count)

    @property
    def turn(self) -> int:
        """The number of updates of conditions; each checks some of the products."""
        return self._conditions.turn

    def _end_orphans(self, now: int) -> None:
        """End the responses to alerts that are not open: the record was edited, or no receiver was notified."""
        incidents = (incident.id for incident in self.product_incidents.all_open())
        open_keys = {*self._announced.keys, *self._conditions.open, *incidents}
        for response in [response for response in self.responses.all if response.key not in open_keys]:
            self._writer.put_decided(Decided((), (), self.responses.end(response.key, now).changed))

    def changed(self, incident: Incident) -> Decided:
        """Return the changes after a check incident opened or resolved, to write in the same transaction."""
        with self._count_errors("decide"):
            product_incident = self.product_incidents.changed(incident)
            if product_incident is not None:
                damped = self._damping.kept_open(product_incident, self._clock.now())
                decisions = [self._decide(self._alert(affected)) for affected in (product_incident, *damped)]
                rows = tuple(row for decision in decisions for row in decision.notifications)
                responses = tuple(response for decision in decisions for response in decision.responses)
                return Decided((product_incident,), rows, responses)
        return NOTHING

    def reload(self) -> None:
        """Apply a newly loaded configuration: receivers, routes, and removed products."""
        with self._count_errors("reload"):
            self._dependencies = Dependencies(self._ledger.portfolio)
            self._delivery.load(self._ledger.portfolio.receivers)
            self._record(self.product_incidents.reconcile(self._clock.now()))

    def _record(self, product_incidents: Iterable[ProductIncident]) -> None:
        for incident in tuple(product_incidents):
            self._writer.put_decided(self._decide(self._alert(incident))._replace(incidents=(incident,)))

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
        return self._announced.of(key).keys()

    def is_open(self, alert: Alert) -> bool:
        """Return whether the alert is open, or its end is not announced because the product is flapping."""
        return alert.resolved is None or alert.key in self._announced.keys

    def _decide(self, alert: Alert) -> Decided:
        """Decide the notifications of the alert; add them to the outbox and return the changes to write."""
        now = self._clock.now()
        announced = self._announced.of(alert.key)
        alert = as_designed(self._damping.damped(alert, now), self._ledger, now)
        if alert.resolved is None:
            targets, muted = self._targets(alert, now), self._is_muted(alert, now)
            reaction = self.responses.react(alert, now, since=_since(alert, announced, targets, now), muted=muted)
        else:
            targets, muted, reaction = [], False, self.responses.end(alert.key, now)
        before = self._reminded_before(now)
        events = list(events_to_send(alert, announced, targets, muted=muted, reaction=reaction, reminded_before=before))
        return Decided((), self._rows(alert, events, reaction, now), reaction.changed)

    def _targets(self, alert: Alert, now: int) -> list[str]:
        product = self._ledger.products.get(alert.product)
        names = receiver_ids_for(self._ledger.portfolio, product, alert.severity, now)
        return [name for name in names if self._delivery.target(name) is not None]

    def _is_muted(self, alert: Alert, now: int) -> bool:
        return bool(self._mutes.of(alert, self._dependencies, now)) or self._damping.absorbs(alert, now)

    def _reminded_before(self, now: int) -> int:
        every = self._ledger.portfolio.alerting.remind_every
        return 0 if every is None else now - every

    def _rows(
        self, alert: Alert, events: Sequence[tuple[str, Kind]], reaction: Reaction, now: int
    ) -> tuple[Notification, ...]:
        """Add the notifications of the events to the outbox; return all new and changed rows."""
        events = [event for event in events if not self._is_undelivered_call(alert, *event, reaction)]
        if not events:
            return ()
        response = reaction.response
        body = partial(body_of, alert, ledger=self._ledger, dependencies=self._dependencies, now=now, response=response)
        due = partial(self._due, alert, now)
        rows = tuple(notifications_for(alert, events, self._announced.of(alert.key), now, due, body, reaction.called))
        self._announced.add(rows)
        self.outbox.add(rows, now, written=False)
        expedited = [earlier for row in rows if row.event in URGENT for earlier in self.outbox.expedite_earlier(row)]
        self._delivery.wake()
        return (*expedited, *rows)

    def _is_undelivered_call(self, alert: Alert, receiver: str, event: Kind, reaction: Reaction) -> bool:
        """Return whether a step calls a receiver again although its previous notification is not delivered."""
        called_again = event is Kind.REMINDER and receiver in reaction.called
        return called_again and not self.outbox.all_delivered(receiver, alert.key)

    def _due(self, alert: Alert, now: int, receiver: str, event: Kind) -> int:
        """Return when a message is sent: tickets after quiet hours, urgent messages with their group."""
        settings = self._ledger.portfolio.alerting
        due = now
        if alert.severity is not Severity.PAGE and settings.quiet_hours is not None:
            zone = self._ledger.portfolio.zone
            if is_within(settings.quiet_hours, now, zone):
                quiet = settings.quiet_hours.within(Interval(now, now + 8 * 24 * 3600 * SECOND), zone)
                due = next(quiet).end
        target = self._delivery.target(receiver)
        if target is None or not target.kind.combines_messages or event not in URGENT:
            return due
        return self.outbox.queue(receiver).assign_to_group(alert.severity, due, settings.group_wait)

    async def update(self) -> None:
        """Update the alerts that depend on time, in batches."""
        if not self._ledger.portfolio.receivers and not self._announced.keys:
            return
        for number, alert in enumerate(self._incident_alerts()):
            self._update_alert(alert)
            if number % BATCH == BATCH - 1:
                await asyncio.sleep(0)
        for alerts in self._conditions.step(self._clock.now()):
            for alert in alerts:
                self._update_alert(alert)
            await asyncio.sleep(0)
        with self._count_errors("update"):
            self._put(
                self._heartbeat.due(self.outbox), self._retry_requests.due(self._ledger.facts, self.outbox, self._clock)
            )
            self._put(await self.reports.due(), ())
        self._report()

    def _update_alert(self, alert: Alert) -> None:
        with self._count_errors("update"):
            if any(decided := self._decide(alert)):
                self._writer.put_decided(decided)

    def _incident_alerts(self) -> list[Alert]:
        """Return the alerts of incidents that are open, or whose end is not announced."""
        open_ids = (incident.id for incident in self.product_incidents.all_open())
        keys = dict.fromkeys([*open_ids, *self._announced.keys])
        return [self._alert(self.product_incidents.all[key]) for key in keys if key in self.product_incidents.all]

    def _put(self, new: Sequence[Notification], changed: Sequence[Notification]) -> None:
        """Queue new and changed rows for writing; add the new rows to the outbox."""
        if new or changed:
            self.outbox.add(new, self._clock.now(), written=False)
            self._writer.put_decided(Decided((), (*new, *changed)))
            self._delivery.wake()

    def _report(self) -> None:
        waiting = [row.due for row in self.outbox.waiting()]
        self._health.notifications_waiting = len(waiting)
        self._health.notification_oldest = min(waiting, default=None)
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
        sent = {row.identity: replace(row, done=now, attempts=1) for row in self._announced.rows()}
        rows = tuple((sent | waiting).values())
        self._writer.put_decided(Decided(tuple(self.product_incidents.all.values()), rows, tuple(self.responses.all)))


def _since(alert: Alert, announced: Mapping[str, AlertNotifications], targets: Sequence[str], now: int) -> int | None:
    """Return when the first receiver was notified of the alert at its severity.

    That is `now` if the first receiver is to be notified now, and None without receivers.
    """
    rows = (row for announcement in announced.values() for row in announcement.rows)
    instants = (row.made for row in rows if row.severity == alert.severity)
    return min(instants, default=now if targets or announced else None)
