"""Responses to announced alerts: when each is acknowledged, and which steps of its escalations are due.

A response is written in the transaction of the notifications that it leads to. So after a kill the next process goes on
with the same step and the same due time, and takes no step twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from monitor.config.escalation import called
from monitor.config.routing import escalations_for
from sla.acknowledgement import Acknowledgement, acknowledgements
from sla.escalation import Called, advanced, begun
from sla.page_response import Response
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from monitor.alerting.alert import Alert
    from monitor.alerting.delivery import Delivery
    from monitor.alerting.outbox import Outbox
    from monitor.config.escalation import Escalation
    from monitor.facts.known_facts import Facts
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from sla.escalation import Progress, Step


@dataclass(frozen=True, slots=True)
class Reaction:
    """The response to an alert after a decision, and what follows from it.

    `changed` are the responses to write. `called` are the receivers of the steps that were taken just now.
    `acknowledged` is whether it was acknowledged just now.
    """

    response: Response | None = None
    changed: tuple[Response, ...] = ()
    called: Mapping[str, Progress] = field(default_factory=dict)
    acknowledged: bool = False

    @property
    def quiet(self) -> bool:
        """Whether a person takes care of the alert, so that no one is reminded."""
        return self.response is not None and self.response.acknowledged is not None


class Responses:
    """The responses to alerts that are not over, by key. Belongs to the event loop's thread."""

    def __init__(self, ledger: Ledger, outbox: Outbox, delivery: Delivery, health: Health) -> None:
        self._ledger, self._outbox, self._delivery, self._health = ledger, outbox, delivery, health
        self._held: dict[str, Response] = {}
        self._facts: Facts | None = None
        self._stated: dict[str, list[Acknowledgement]] = {}

    def restore(self, recorded: Iterable[Response]) -> None:
        """Continue the responses of an earlier process."""
        self._held = {each.key: each for each in recorded}

    def of(self, key: str) -> Response | None:
        """Return the response to the alert, None if it is not announced or over."""
        return self._held.get(key)

    @property
    def all(self) -> Collection[Response]:
        """All responses that are not over."""
        return self._held.values()

    def react(self, alert: Alert, now: int, *, since: int | None, muted: bool) -> Reaction:
        """Return the response to an open alert at the instant.

        `since` is when the first receiver was notified of it at this severity, None if none was and none is now. While
        the alert is muted no step is taken.
        """
        before = self._held.get(alert.key)
        held = before if before is None else self._acknowledged(before)
        just = held is not before
        changed: list[Response] = []
        progressed: dict[str, Progress] = {}
        if not muted and alert.severity != alert.unannounced:
            if held is not None and not held.holds_for(alert.severity):
                changed.append(replace(held, ended=max(now, held.started)))
                held, just, since = None, False, now
            if held is None and (since is not None or self._escalations(alert, now)):
                held = self._acknowledged(self._started(alert, now if since is None else since))
                just = not held.open
            if held is not None and held.open:
                held, progressed = self._escalated(held, alert, now)
        if held is not None and held != before:
            changed.append(held)
        self._keep(alert.key, held)
        return Reaction(held, tuple(changed), progressed, acknowledged=just)

    def end(self, key: str, now: int) -> Reaction:
        """Return the response to an alert that is resolved: it is over."""
        held = self._held.pop(key, None)
        if held is None:
            return Reaction()
        over = replace(self._acknowledged(held), ended=max(now, held.started))
        return Reaction(over, (over,))

    def _keep(self, key: str, held: Response | None) -> None:
        if held is None:
            self._held.pop(key, None)
        else:
            self._held[key] = held

    def _started(self, alert: Alert, since: int) -> Response:
        portfolio, product = self._ledger.portfolio, self._ledger.products.get(alert.product)
        priority, target = "", None
        if portfolio.priorities is not None:
            stage = None if product is None else product.stage
            priority, target = portfolio.priorities.of(alert.severity, stage, since, portfolio.time_zone)
        return Response(alert.key, since, alert.product, alert.severity, priority, target)

    def _acknowledged(self, held: Response) -> Response:
        """Return the response as acknowledged if a person has stated so since it started."""
        if not held.open:
            return held
        stated = next((each for each in self._statements(held.key) if each.made >= held.started), None)
        if stated is None:
            return held
        answered = held.acknowledge(stated.made, stated.by, stated.via)
        self._health.acknowledged(answered)
        return answered

    def _statements(self, key: str) -> list[Acknowledgement]:
        if self._ledger.facts is not self._facts:
            self._facts, self._stated = self._ledger.facts, {}
            for each in acknowledgements(self._facts.all):
                self._stated.setdefault(each.key, []).append(each)
        return self._stated.get(key, [])

    def _escalations(self, alert: Alert, now: int) -> list[Escalation]:
        return escalations_for(self._ledger.portfolio, self._ledger.products.get(alert.product), alert.severity, now)

    def _escalated(self, held: Response, alert: Alert, now: int) -> tuple[Response, dict[str, Progress]]:
        """Return the response with the steps that are due taken, and the receivers of these steps."""
        before = {each.plan: each for each in held.escalations}
        after: dict[str, Progress] = {}
        progressed: dict[str, Progress] = {}
        for each in self._running(held, alert, now):
            after[each.id] = self._progress(each, before.get(each.id), held, now)
            if _notifies(before.get(each.id), after[each.id]):
                progressed |= dict.fromkeys(after[each.id].receivers, after[each.id])
        return replace(held, escalations=tuple(after.values())), progressed

    def _running(self, held: Response, alert: Alert, now: int) -> Iterator[Escalation]:
        """Yield the escalations that run, then those that a route starts now. One that left the configuration ends."""
        configured = {each.id: each for each in self._ledger.portfolio.escalations}
        started = (each.plan for each in held.escalations)
        named = (each.id for each in self._escalations(alert, now))
        yield from (configured[name] for name in dict.fromkeys((*started, *named)) if name in configured)

    def _progress(self, escalation: Escalation, held: Progress | None, response: Response, now: int) -> Progress:
        """Return the progress of an escalation; of a ticket, only the first step that reaches a receiver is taken."""
        plan = escalation.plan()
        progress = begun(plan, now) if held is None else held
        paging = response.severity is Severity.PAGE
        if not paging and progress.receivers:
            return progress

        def reachable(receivers: tuple[str, ...]) -> bool:
            return any(self._reaches(name, response.key, now, escalation.unreachable_after) for name in receivers)

        found = advanced(plan, progress, now, lambda step: self._call(step, now), reachable)
        return found if paging or not found.receivers else replace(found, due=None)

    def _call(self, step: Step, now: int) -> Called:
        found = called(self._ledger.portfolio, step, now)
        return Called(tuple(name for name in found.receivers if self._delivery.target(name) is not None), found.person)

    def _reaches(self, receiver: str, key: str, now: int, patience: int) -> bool:
        if self._delivery.target(receiver) is None:
            return False
        return self._delivery.took(receiver, key) or self._outbox.reaches(receiver, key, now, patience)


def _notifies(before: Progress | None, after: Progress) -> bool:
    """Return whether a step was taken, or the last one repeated."""
    known = None if before is None else (before.step, before.round)
    return bool(after.receivers) and (after.step, after.round) != known
