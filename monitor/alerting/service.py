"""Alerting as the daemon runs it: decisions from the ledger, rows for the record, and the loop that delivers them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from monitor.alerting.alert import Alert, body_of, incident_alert
from monitor.alerting.announcements import Announcements, changes, rows_of
from monitor.alerting.conditions import Conditions
from monitor.alerting.deadlines import deadlines
from monitor.alerting.delivery import Delivery, MakeAttempt
from monitor.alerting.dependencies import Dependencies
from monitor.alerting.flap_damping import FlapDamping
from monitor.alerting.heartbeat_sender import HeartbeatSender
from monitor.alerting.links import Links
from monitor.alerting.mutes import Mutes
from monitor.alerting.outages import Outages
from monitor.alerting.outbox import URGENT, Outbox
from monitor.alerting.responses import Reaction, Responses
from monitor.alerting.retries import Retries
from monitor.config.routing import is_within, receiver_ids_for
from monitor.notification import NOTHING, Decided, Kind, Notification
from sla.interval import SECOND, Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from monitor.access.link import LinkSigner
    from monitor.alerting.announcements import Announced
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from monitor.storage.record_writer import Committed, RecordWriter
    from monitor.storage.store import DecidedStore
    from sla.incident import Incident
    from sla.product_incident import ProductIncident

log = structlog.get_logger()

LOOK: Final = 1.0  # seconds between two looks at what time alone changes: the end of maintenance, of quiet hours
DRAIN: Final = 3.0  # seconds for which a daemon that stops goes on delivering
STEP: Final = 20  # alerts that one turn of the loop looks at


class Alerting:
    """Decides, records and delivers notifications. All of it belongs to the event loop's thread.

    An error in here is counted and logged; it never stops probing or recording.
    """

    def __init__(
        self, ledger: Ledger, writer: RecordWriter, clock: Clock, health: Health, signer: LinkSigner | None = None
    ) -> None:
        self._ledger, self._writer, self._clock, self._health = ledger, writer, clock, health
        self.outages = Outages(ledger)
        self.outbox = Outbox()
        self._announced = Announcements()
        self._dependencies = Dependencies(ledger.portfolio)
        self._conditions = Conditions(ledger, self.outages)
        self._mutes = Mutes(ledger, self.outages)
        self._damping = FlapDamping(ledger, self.outages, self._announced)
        self._heartbeat = HeartbeatSender(ledger, clock, health)
        self._retries = Retries()
        self._delivery = Delivery(self.outbox, writer, clock, health, Links(ledger, signer))
        self.responses = Responses(ledger, self.outbox, self._delivery, health)
        self._loop: asyncio.AbstractEventLoop | None = None
        writer.listen(self._on_writer_thread)

    def restore(self, store: DecidedStore) -> None:
        """Take up what an earlier process left: open incidents, and notifications that are not delivered.

        Raises:
            StoreError: the record cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        now, rows = self._clock.now(), store.load_notifications()
        self._announced.add(row for row in rows if row.event is not Kind.HEARTBEAT)
        self._delivery.load(self._ledger.portfolio.receivers)
        self.outbox.add((row for row in rows if row.event is not Kind.HEARTBEAT), now, written=True)
        for row in rows:
            if row.done is not None:
                self._delivery.fire(row)
        self.responses.restore(store.load_responses())
        self._record(self.outages.restore(store.load_product_incidents(), now))
        self._conditions.restore(self._announced.keys, self._announced.severity)
        self._end_orphans(now)
        self._retries.seen(self._ledger.facts)
        self._report()

    @property
    def watching(self) -> bool:
        """Whether an alert is open or its end not announced: else time alone changes no incident."""
        return bool(self.outages.ongoing() or self._announced.keys or self._conditions.watching)

    def deadlines(self) -> Iterator[int]:
        """Yield the instants at which time alone may change what is announced of open alerts, in no order."""
        found = self._mutes.in_force()
        now = self._clock.now()
        yield from deadlines(self._ledger, self.outages, self._announced, self.responses.all, found, now)

    @property
    def conditional(self) -> set[str]:
        """The products with an open alert that is no incident: a budget that burns, a certificate."""
        return {each.product for each in self._conditions.open.values()}

    def skip(self, looks: int) -> None:
        """Count looks that were skipped because nothing could have changed at them."""
        self._conditions.skip(looks)

    @property
    def turn(self) -> int:
        """The number of looks at conditions so far; each looks at some of the products."""
        return self._conditions.turn

    def _end_orphans(self, now: int) -> None:
        """End the responses to alerts that are not open any more: the record was edited, or none was notified."""
        alive = {*self._announced.keys, *self._conditions.open, *(each.id for each in self.outages.ongoing())}
        for response in [each for each in self.responses.all if each.key not in alive]:
            self._writer.put_decided(Decided((), (), self.responses.end(response.key, now).changed))

    def changed(self, incident: Incident) -> Decided:
        """Return what a check incident that opened or resolved changes, to be written in the same transaction."""
        with self._guarded("decide"):
            outage = self.outages.changed(incident)
            if outage is not None:
                damped = self._damping.kept_open(outage, self._clock.now())
                decided = [self._decide(self._alert(each)) for each in (outage, *damped)]
                rows = tuple(row for each in decided for row in each.notifications)
                return Decided((outage,), rows, tuple(response for each in decided for response in each.responses))
        return NOTHING

    def reload(self) -> None:
        """Follow a configuration that was loaded: its receivers, its routes, and what left it."""
        with self._guarded("reload"):
            self._dependencies = Dependencies(self._ledger.portfolio)
            self._delivery.load(self._ledger.portfolio.receivers)
            self._record(self.outages.reconcile(self._clock.now()))

    def _record(self, outages: Iterable[ProductIncident]) -> None:
        found = tuple(outages)
        for outage in found:
            self._writer.put_decided(self._decide(self._alert(outage))._replace(incidents=(outage,)))

    def _alert(self, outage: ProductIncident) -> Alert:
        return incident_alert(outage, self._ledger.products.get(outage.product))

    def find(self, key: str) -> Alert | None:
        """Return the alert of a key: a product incident, also a resolved one, or another alert that is open."""
        outage = self.outages.all.get(key)
        return self._conditions.open.get(key) if outage is None else self._alert(outage)

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are open, or that a receiver takes for open."""
        return [*self._incidents(), *self._conditions.open.values()]

    def notified(self, key: str) -> Collection[str]:
        """Return the receivers that were notified of an alert that one of them takes for open."""
        return self._announced.of(key).keys()

    def is_open(self, alert: Alert) -> bool:
        """Return whether the alert goes on, or a receiver takes it for open: the end of a flapping one waits."""
        return alert.resolved is None or alert.key in self._announced.keys

    def _decide(self, alert: Alert) -> Decided:
        """Return what brings all receivers up to date about the alert; the rows are in the outbox by then."""
        now = self._clock.now()
        announced = self._announced.of(alert.key)
        alert = self._damping.damped(alert, now)
        if alert.resolved is None:
            targets, muted = self._targets(alert, now), self._muted(alert, now)
            reaction = self.responses.react(alert, now, since=_since(alert, announced, targets, now), muted=muted)
        else:
            targets, muted, reaction = [], False, self.responses.end(alert.key, now)
        reminded = self._reminded_before(now)
        events = list(changes(alert, announced, targets, muted=muted, reaction=reaction, reminded_before=reminded))
        return Decided((), self._rows(alert, events, reaction, now), reaction.changed)

    def _targets(self, alert: Alert, now: int) -> list[str]:
        product = self._ledger.products.get(alert.product)
        names = receiver_ids_for(self._ledger.portfolio, product, alert.severity, now)
        return [name for name in names if self._delivery.target(name) is not None]

    def _muted(self, alert: Alert, now: int) -> bool:
        return bool(self._mutes.of(alert, self._dependencies, now)) or self._damping.absorbs(alert, now)

    def _reminded_before(self, now: int) -> int:
        every = self._ledger.portfolio.alerting.remind_every
        return 0 if every is None else now - every

    def _rows(
        self, alert: Alert, events: Sequence[tuple[str, Kind]], reaction: Reaction, now: int
    ) -> tuple[Notification, ...]:
        """Return the rows of events, and those before them that are due with them now; all are in the outbox."""
        events = [each for each in events if not self._in_vain(alert, *each, reaction)]
        if not events:
            return ()
        response = reaction.response
        body = partial(body_of, alert, ledger=self._ledger, dependencies=self._dependencies, now=now, response=response)
        due = partial(self._due, alert, now)
        rows = tuple(rows_of(alert, events, self._announced.of(alert.key), now, due, body, reaction.called))
        self._announced.add(rows)
        self.outbox.add(rows, now, written=False)
        hastened = [each for row in rows if row.event in URGENT for each in self.outbox.hasten(row)]
        self._delivery.wake()
        return (*hastened, *rows)

    def _in_vain(self, alert: Alert, receiver: str, event: Kind, reaction: Reaction) -> bool:
        """Return whether a step calls a receiver again that has not taken what was sent to it before."""
        called_again = event is Kind.REMINDER and receiver in reaction.called
        return called_again and not self.outbox.took_all(receiver, alert.key)

    def _due(self, alert: Alert, now: int, receiver: str, event: Kind) -> int:
        """Return when a message leaves: tickets after quiet hours, further openings with the group's."""
        settings = self._ledger.portfolio.alerting
        due = now
        if alert.severity is not Severity.PAGE and settings.quiet_hours is not None:
            zone = self._ledger.portfolio.zone
            if is_within(settings.quiet_hours, now, zone):
                quiet = settings.quiet_hours.within(Interval(now, now + 8 * 24 * 3600 * SECOND), zone)
                due = next(quiet).end
        target = self._delivery.target(receiver)
        if target is None or not target.kind.groups or event not in URGENT:
            return due
        return self.outbox.lane(receiver).grouped(alert.severity, due, settings.group_wait)

    async def look(self) -> None:
        """Bring every alert up to date that time alone may have changed, a few at a time."""
        if not self._ledger.portfolio.receivers and not self._announced.keys:
            return
        for number, alert in enumerate(self._incidents()):
            self._update(alert)
            if number % STEP == STEP - 1:
                await asyncio.sleep(0)
        for alerts in self._conditions.step(self._clock.now()):
            for alert in alerts:
                self._update(alert)
            await asyncio.sleep(0)
        with self._guarded("look"):
            self._put(self._heartbeat.due(self.outbox), self._retries.due(self._ledger.facts, self.outbox, self._clock))
        self._report()

    def _update(self, alert: Alert) -> None:
        with self._guarded("look"):
            if any(decided := self._decide(alert)):
                self._writer.put_decided(decided)

    def _incidents(self) -> list[Alert]:
        """Return the incidents that are open, and those whose end is not announced yet."""
        keys = dict.fromkeys([*(each.id for each in self.outages.ongoing()), *self._announced.keys])
        return [self._alert(self.outages.all[key]) for key in keys if key in self.outages.all]

    def _put(self, fresh: Sequence[Notification], changed: Sequence[Notification]) -> None:
        """Queue new rows, which wait for the disk, and rows that changed."""
        if fresh or changed:
            self.outbox.add(fresh, self._clock.now(), written=False)
            self._writer.put_decided(Decided((), (*fresh, *changed)))
            self._delivery.wake()

    def _report(self) -> None:
        waiting = [row.due for row in self.outbox.waiting()]
        self._health.notifications_waiting = len(waiting)
        self._health.notification_oldest = min(waiting, default=None)
        self._health.count_pages(self.responses.all)
        self._health.receivers_failing = sum(bool(lane.failures) for lane in self.outbox.lanes.values())

    async def run(self, make_attempt: MakeAttempt) -> None:
        """Deliver, and look once a second at what time changes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver(make_attempt), name="deliver")
            tasks.create_task(self._look_out(), name="alerts")

    async def drain(self, make_attempt: MakeAttempt) -> None:
        """Deliver what is due when the daemon stops, for a few seconds; the rest is left to the next process."""
        with self._guarded("drain"), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await self._delivery.run(make_attempt, drain=True)

    async def _deliver(self, make_attempt: MakeAttempt) -> None:
        while True:
            with self._guarded("deliver"):
                await self._delivery.run(make_attempt)
            await self._clock.sleep_until(self._clock.monotonic() + LOOK)

    async def _look_out(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.monotonic() + LOOK)
            with self._guarded("look"):
                await self.look()

    @contextlib.contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._health.alerting_defects += 1
            log.exception("alerting_defect", doing=what)

    def _on_writer_thread(self, settled: Committed) -> None:
        if self._loop is not None and (settled.notifications or settled.emptied):
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._settle, settled)

    def _settle(self, settled: Committed) -> None:
        self.outbox.committed(settled.notifications)
        if settled.emptied:
            self._write_everything()
        self._delivery.wake()

    def _write_everything(self) -> None:
        """Write what is in memory into a record that was begun anew."""
        now, waiting = self._clock.now(), {row.identity: row for row in self.outbox.waiting()}
        sent = {row.identity: replace(row, done=now, attempts=1) for row in self._announced.rows()}
        rows = tuple((sent | waiting).values())
        self._writer.put_decided(Decided(tuple(self.outages.all.values()), rows, tuple(self.responses.all)))


def _since(alert: Alert, announced: Mapping[str, Announced], targets: Sequence[str], now: int) -> int | None:
    """Return when the first receiver was notified of the alert at its severity; now if one is now, None if none is."""
    made = (row.made for each in announced.values() for row in each.rows if row.severity == alert.severity)
    return min(made, default=now if targets or announced else None)
