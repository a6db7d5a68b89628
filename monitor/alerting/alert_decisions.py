"""Decide which notifications an alert needs now: receivers, mutes, escalation steps, reminders and quiet hours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from monitor.alerting.alert import Alert, body_of
from monitor.alerting.announcements import Announcements, events_to_send, notifications_for
from monitor.alerting.dependencies import Dependencies
from monitor.alerting.designed_downtime import as_designed
from monitor.alerting.flap_damping import FlapDamping
from monitor.alerting.mutes import Mutes
from monitor.alerting.outbox import URGENT
from monitor.config.routing import is_within, receiver_ids_for
from monitor.notification import Decided, Kind, Notification
from sla.interval import DAY, Interval
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.alerting.announcements import AlertNotifications
    from monitor.alerting.delivery import Delivery
    from monitor.alerting.outbox import Outbox
    from monitor.alerting.product_incidents import ProductIncidents
    from monitor.alerting.responses import Reaction, Responses
    from monitor.clock import Clock
    from monitor.ledger.ledger import Ledger


class AlertDecisions:
    """Decides which notifications alerts need, and adds them to the outbox. `announced` has those already decided."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        product_incidents: ProductIncidents,
        outbox: Outbox,
        delivery: Delivery,
        responses: Responses,
    ) -> None:
        self._ledger, self._clock = ledger, clock
        self._outbox, self._delivery, self._responses = outbox, delivery, responses
        self.announced = Announcements()
        self.mutes = Mutes(ledger, product_incidents)
        self.damping = FlapDamping(ledger, product_incidents, self.announced)
        self._dependencies = Dependencies(ledger.portfolio)

    def reload(self) -> None:
        """Use the dependencies of the newly loaded portfolio."""
        self._dependencies = Dependencies(self._ledger.portfolio)

    def decide(self, alert: Alert) -> Decided:
        """Decide the notifications of the alert; add them to the outbox and return the changes to write."""
        now = self._clock.now()
        announced = self.announced.of(alert.key)
        alert = as_designed(self.damping.damped(alert, now), self._ledger, now)
        if alert.resolved is None:
            targets, muted = self._targets(alert, now), self._is_muted(alert, now)
            reaction = self._responses.react(alert, now, since=_since(alert, announced, targets, now), muted=muted)
        else:
            targets, muted, reaction = [], False, self._responses.end(alert.key, now)
        before = self._reminded_before(now)
        events = list(events_to_send(alert, announced, targets, muted=muted, reaction=reaction, reminded_before=before))
        return Decided((), self._rows(alert, events, reaction, now), reaction.changed)

    def _targets(self, alert: Alert, now: int) -> list[str]:
        product = self._ledger.products.get(alert.product)
        names = receiver_ids_for(self._ledger.portfolio, product, alert.severity, now)
        return [name for name in names if self._delivery.target(name) is not None]

    def _is_muted(self, alert: Alert, now: int) -> bool:
        return bool(self.mutes.of(alert, self._dependencies, now)) or self.damping.absorbs(alert, now)

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
        rows = tuple(notifications_for(alert, events, self.announced.of(alert.key), now, due, body, reaction.called))
        self.announced.add(rows)
        self._outbox.add(rows, now, written=False)
        expedited = [earlier for row in rows if row.event in URGENT for earlier in self._outbox.expedite_earlier(row)]
        self._delivery.wake()
        return (*expedited, *rows)

    def _is_undelivered_call(self, alert: Alert, receiver: str, event: Kind, reaction: Reaction) -> bool:
        """Return whether an escalation step calls a receiver whose previous notification is not delivered yet."""
        called_again = event is Kind.REMINDER and receiver in reaction.called
        return called_again and not self._outbox.all_delivered(receiver, alert.key)

    def _due(self, alert: Alert, now: int, receiver: str, event: Kind) -> int:
        """Return the instant to send a message: a ticket after quiet hours, an urgent message with its group."""
        settings = self._ledger.portfolio.alerting
        due = now
        if alert.severity is not Severity.PAGE and settings.quiet_hours is not None:
            zone = self._ledger.portfolio.zone
            if is_within(settings.quiet_hours, now, zone):
                quiet = settings.quiet_hours.within(Interval(now, now + 8 * DAY), zone)
                due = next(quiet).end
        target = self._delivery.target(receiver)
        if target is None or not target.kind.combines_messages or event not in URGENT:
            return due
        return self._outbox.queue(receiver).assign_to_group(alert.severity, due, settings.group_wait)


def _since(alert: Alert, announced: Mapping[str, AlertNotifications], targets: Sequence[str], now: int) -> int | None:
    """Return when the first receiver was notified of the alert at its severity.

    That is `now` if the first receiver is to be notified now, and None without receivers.
    """
    rows = (row for announcement in announced.values() for row in announcement.rows)
    instants = (row.made for row in rows if row.severity == alert.severity)
    return min(instants, default=now if targets or announced else None)
