"""Notifications sent per alert and receiver, and those that a change of the alert requires.

A receiver that was notified of an alert is also notified of all its changes and its end, regardless of later routes,
maintenance and silences: each trigger has a resolve. The outbox is recorded, so this survives restarts and reloads.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.alerting.responses import Reaction
from monitor.notification import Kind, Notification
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from monitor.alerting.alert import Alert
    from sla.escalation import Progress

_NO_REACTION: Final = Reaction()


@dataclass(slots=True)
class AlertNotifications:
    """The notifications of one alert to one receiver.

    `severities` are the announced severities, newest last. `last` is the decision time of the last notification,
    microseconds since the epoch. `events` counts the notifications by event; `rows` are all of them.
    """

    severities: tuple[str, ...] = ()
    last: int = 0
    rows: list[Notification] = field(default_factory=list)
    events: Counter[Kind] = field(default_factory=Counter)

    @property
    def severity(self) -> str:
        """The severity of the last notification."""
        return self.severities[-1] if self.severities else ""

    @property
    def open(self) -> bool:
        """Whether the receiver has not been notified of the alert's end."""
        return not self.events[Kind.RESOLVED]

    def add(self, row: Notification) -> None:
        """Add a notification."""
        other_severities = (severity for severity in self.severities if severity != row.severity)
        self.severities = (*other_severities, row.severity)
        self.events[row.event] += 1
        self.last = row.made
        self.rows.append(row)


class Announcements:
    """The notifications of alerts that are still open for at least one receiver."""

    def __init__(self) -> None:
        self._announced: dict[str, dict[str, AlertNotifications]] = {}

    def add(self, rows: Iterable[Notification]) -> None:
        """Add notifications, in the order of their decision."""
        for row in rows:
            self._announced.setdefault(row.key, {}).setdefault(row.receiver, AlertNotifications()).add(row)
            if not any(announced.open for announced in self._announced[row.key].values()):
                del self._announced[row.key]

    def of(self, key: str) -> Mapping[str, AlertNotifications]:
        """Return the alert's notifications by receiver; empty if all receivers were notified of its end."""
        return self._announced.get(key, {})

    def rows(self) -> Iterator[Notification]:
        """Yield all notifications of the alerts that are open for at least one receiver."""
        for receivers in self._announced.values():
            for announced in receivers.values():
                yield from announced.rows

    def severity(self, key: str) -> str:
        """Return the severity of the last notification of the alert."""
        return next(iter(self._announced[key].values())).severity

    @property
    def keys(self) -> list[str]:
        """The keys of the alerts that are open for at least one receiver."""
        return list(self._announced)


def events_to_send(
    alert: Alert,
    announced: Mapping[str, AlertNotifications],
    targets: Iterable[str],
    *,
    muted: bool,
    reaction: Reaction = _NO_REACTION,
    reminded_before: int = 0,
) -> Iterator[tuple[str, Kind]]:
    """Yield (receiver, event) for each notification to send.

    `targets` are the receivers of the current routes. A receiver's first event of an alert is `opened`. For a muted
    alert, only the acknowledgement and the end are sent. A page is sent again as a reminder when an escalation step
    calls the receiver again, or when the receiver was last notified before the instant `reminded_before`.
    """
    notified = [name for name, announcement in announced.items() if announcement.open]
    if alert.resolved is not None:
        yield from ((name, Kind.RESOLVED) for name in notified)
        return
    before = 0 if reaction.quiet else reminded_before
    for name in dict.fromkeys((*notified, *reaction.called, *targets)):
        if name not in announced:
            if not muted and alert.severity != alert.suppressed_up_to:
                yield name, Kind.OPENED
        elif announced[name].open and (event := _next_event(alert, announced[name], muted, reaction, before)):
            yield name, event


def _next_event(
    alert: Alert, announced: AlertNotifications, muted: bool, reaction: Reaction, reminded_before: int
) -> Kind | None:
    """Return the next event to send to a receiver that was already notified of the alert, or None."""
    if not muted and announced.severity != alert.severity:
        return Kind.ESCALATED
    if reaction.acknowledged:
        return Kind.ACKNOWLEDGED
    called = announced.rows[-1].receiver in reaction.called
    if not muted and alert.severity is Severity.PAGE and (called or announced.last <= reminded_before):
        return Kind.REMINDER
    return None


def notifications_for(
    alert: Alert,
    events: Iterable[tuple[str, Kind]],
    announced: Mapping[str, AlertNotifications],
    now: int,
    due: Callable[[str, Kind], int],
    body: Callable[[Kind, tuple[str, ...], Progress | None], str],
    called: Mapping[str, Progress],
) -> Iterator[Notification]:
    """Yield a notification for each event. `due` returns the instant to send it.

    `body` returns the message. Its arguments are the event, the severities already sent to the receiver, and the
    escalation step that calls the receiver.
    """
    bodies: dict[tuple[Kind, tuple[str, ...], Progress | None], str] = {}
    for receiver, event in events:
        previous = announced.get(receiver, AlertNotifications())
        previous_severities = tuple(severity for severity in previous.severities if severity != alert.severity)
        variant = event, previous_severities, called.get(receiver)
        if variant not in bodies:
            bodies[variant] = body(*variant)
        yield Notification(
            key=alert.key,
            receiver=receiver,
            turn=previous.events.total(),
            event=event,
            repeat=previous.events[event] + 1,
            made=now,
            due=due(receiver, event),
            severity=alert.severity,
            product=alert.product,
            body=bodies[variant],
        )
