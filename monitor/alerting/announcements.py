"""What each receiver was notified of, and the notifications that follow when an alert has changed since.

A receiver that was notified of an alert is notified of every change and of its end, whatever routes, maintenance or
silences apply by then: each trigger is paired with its resolve. What was sent is in the outbox, so a restart or a
reload changes nothing.
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
class Announced:
    """The notifications of one alert to one receiver: the number of each event, and the severities, newest last.

    `last` is the instant at which the last one was decided, microseconds since the epoch. `rows` are all of them.
    """

    severities: tuple[str, ...] = ()
    last: int = 0
    rows: list[Notification] = field(default_factory=list)
    events: Counter[Kind] = field(default_factory=Counter)

    @property
    def severity(self) -> str:
        """The severity of the last one."""
        return self.severities[-1] if self.severities else ""

    @property
    def open(self) -> bool:
        """Whether the receiver takes the alert for open."""
        return not self.events[Kind.RESOLVED]

    def add(self, row: Notification) -> None:
        """Take in a notification."""
        self.severities = (*(each for each in self.severities if each != row.severity), row.severity)
        self.events[row.event] += 1
        self.last = row.made
        self.rows.append(row)


class Announcements:
    """What was announced of the alerts that are not resolved for every receiver."""

    def __init__(self) -> None:
        self._announced: dict[str, dict[str, Announced]] = {}

    def add(self, rows: Iterable[Notification]) -> None:
        """Take in notifications in the order of their decision."""
        for row in rows:
            self._announced.setdefault(row.key, {}).setdefault(row.receiver, Announced()).add(row)
            if not any(announced.open for announced in self._announced[row.key].values()):
                del self._announced[row.key]

    def of(self, key: str) -> Mapping[str, Announced]:
        """Return the notifications of the alert by receiver; nothing once it is resolved for all."""
        return self._announced.get(key, {})

    def rows(self) -> Iterator[Notification]:
        """Yield the notifications of all alerts that are open for some receiver, as they were decided."""
        for receivers in self._announced.values():
            for announced in receivers.values():
                yield from announced.rows

    def severity(self, key: str) -> str:
        """Return the severity of the last notification of the alert."""
        return next(iter(self._announced[key].values())).severity

    @property
    def keys(self) -> list[str]:
        """The keys that some receiver takes for open."""
        return list(self._announced)


def changes(
    alert: Alert,
    announced: Mapping[str, Announced],
    targets: Iterable[str],
    *,
    muted: bool,
    reaction: Reaction = _NO_REACTION,
    reminded_before: int = 0,
) -> Iterator[tuple[str, Kind]]:
    """Yield the receivers to notify, each with the event.

    `targets` are the receivers that the routes name now. The first event of an alert for a receiver is `opened`. While
    an alert is muted nothing is sent but its acknowledgement and its end. A receiver of a page is reminded when a step
    of an escalation calls it again, or if it was last notified before the instant `reminded_before`.
    """
    holders = [name for name, each in announced.items() if each.open]
    if alert.resolved is not None:
        yield from ((name, Kind.RESOLVED) for name in holders)
        return
    before = 0 if reaction.quiet else reminded_before
    for name in dict.fromkeys((*holders, *reaction.called, *targets)):
        if name not in announced:
            if not muted and alert.severity != alert.unannounced:
                yield name, Kind.OPENED
        elif announced[name].open and (event := _change(alert, announced[name], muted, reaction, before)) is not None:
            yield name, event


def _change(alert: Alert, held: Announced, muted: bool, reaction: Reaction, reminded_before: int) -> Kind | None:
    """Return the event for a receiver that takes the alert for open, None if there is none."""
    if not muted and held.severity != alert.severity:
        return Kind.ESCALATED
    if reaction.acknowledged:
        return Kind.ACKNOWLEDGED
    called = held.rows[-1].receiver in reaction.called
    if not muted and alert.severity is Severity.PAGE and (called or held.last <= reminded_before):
        return Kind.REMINDER
    return None


def rows_of(
    alert: Alert,
    events: Iterable[tuple[str, Kind]],
    announced: Mapping[str, Announced],
    now: int,
    due: Callable[[str, Kind], int],
    body: Callable[[Kind, tuple[str, ...], Progress | None], str],
    called: Mapping[str, Progress],
) -> Iterator[Notification]:
    """Yield a row of the outbox for each event; `due` gives the instant of sending.

    `body` gives the message, from the event, the other severities that the receiver was notified of, and the step of an
    escalation that calls the receiver.
    """
    bodies: dict[tuple[Kind, tuple[str, ...], Progress | None], str] = {}
    for receiver, event in events:
        before = announced.get(receiver, Announced())
        former = tuple(each for each in before.severities if each != alert.severity)
        form = event, former, called.get(receiver)
        if form not in bodies:
            bodies[form] = body(*form)
        yield Notification(
            key=alert.key,
            receiver=receiver,
            turn=before.events.total(),
            event=event,
            repeat=before.events[event] + 1,
            made=now,
            due=due(receiver, event),
            severity=alert.severity,
            product=alert.product,
            body=bodies[form],
        )
