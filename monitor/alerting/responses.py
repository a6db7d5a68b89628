"""Responses to announced alerts: acknowledgements, and the due steps of escalations.

A response is written in one transaction with the notifications that it causes. After a crash, the next process
continues with the same step and due time, and takes no step twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from monitor.config.escalation import find_recipients
from monitor.config.routing import escalations_for
from sla.acknowledgement import Acknowledgement, acknowledgements
from sla.escalation import StepReceivers, advance, start_progress
from sla.page_response import Response
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from monitor.alerting.alert import Alert
    from monitor.alerting.delivery import Delivery
    from monitor.alerting.outbox import Outbox
    from monitor.config.escalation import Escalation
    from monitor.facts.fact_index import Facts
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger
    from sla.escalation import Progress, Step


@dataclass(frozen=True, slots=True)
class Reaction:
    """The response to an alert after an update, with its consequences.

    `changed` are the responses to write. `called` maps the receivers of new steps to the escalation's progress.
    `acknowledged` is True if the update acknowledged the alert.
    """

    response: Response | None = None
    changed: tuple[Response, ...] = ()
    called: Mapping[str, Progress] = field(default_factory=dict)
    acknowledged: bool = False

    @property
    def quiet(self) -> bool:
        """Whether the alert is acknowledged, so that no reminders are sent."""
        return self.response is not None and self.response.acknowledged is not None


class Responses:
    """The unfinished responses by alert key. Not thread-safe: use it on the event loop's thread only."""

    def __init__(self, ledger: Ledger, outbox: Outbox, delivery: Delivery, health: Health) -> None:
        self._ledger, self._outbox, self._delivery, self._health = ledger, outbox, delivery, health
        self._responses: dict[str, Response] = {}
        self._facts: Facts | None = None
        self._acknowledgements: dict[str, list[Acknowledgement]] = {}

    def restore(self, recorded: Iterable[Response]) -> None:
        """Restore the responses of an earlier process."""
        self._responses = {response.key: response for response in recorded}

    def of(self, key: str) -> Response | None:
        """Return the unfinished response to the alert, or None."""
        return self._responses.get(key)

    @property
    def all(self) -> Collection[Response]:
        """All unfinished responses."""
        return self._responses.values()

    def react(self, alert: Alert, now: int, *, since: int | None, muted: bool) -> Reaction:
        """Update the response to an open alert.

        `since` is the instant of the first notification of the alert at this severity; None if there is none. No step
        is taken while the alert is muted.
        """
        previous = self._responses.get(alert.key)
        response = previous if previous is None else self._with_acknowledgement(previous)
        acknowledged = response is not previous
        changed: list[Response] = []
        called_receivers: dict[str, Progress] = {}
        if not muted and alert.severity != alert.suppressed_up_to:
            if response is not None and not response.covers(alert.severity):
                changed.append(replace(response, ended=max(now, response.started)))
                response, acknowledged, since = None, False, now
            if response is None and (since is not None or self._escalations(alert, now)):
                response = self._with_acknowledgement(self._new_response(alert, now if since is None else since))
                acknowledged = not response.open
            if response is not None and response.open:
                response, called_receivers = self._escalate(response, alert, now)
        if response is not None and response != previous:
            changed.append(response)
        self._store(alert.key, response)
        return Reaction(response, tuple(changed), called_receivers, acknowledged=acknowledged)

    def end(self, key: str, now: int) -> Reaction:
        """End the response to an alert that is resolved."""
        response = self._responses.pop(key, None)
        if response is None:
            return Reaction()
        ended_response = replace(self._with_acknowledgement(response), ended=max(now, response.started))
        return Reaction(ended_response, (ended_response,))

    def _store(self, key: str, response: Response | None) -> None:
        if response is None:
            self._responses.pop(key, None)
        else:
            self._responses[key] = response

    def _new_response(self, alert: Alert, since: int) -> Response:
        portfolio, product = self._ledger.portfolio, self._ledger.products.get(alert.product)
        priority, target = "", None
        if portfolio.priorities is not None:
            stage = None if product is None else product.stage
            priority, target = portfolio.priorities.of(alert.severity, stage, since, portfolio.time_zone)
        return Response(alert.key, since, alert.product, alert.severity, priority, target)

    def _with_acknowledgement(self, response: Response) -> Response:
        """Return the response, acknowledged if there is an acknowledgement since its start."""
        if not response.open:
            return response
        recent = (fact for fact in self._acknowledgements_of(response.key) if fact.made >= response.started)
        acknowledgement = next(recent, None)
        if acknowledgement is None:
            return response
        acknowledged = response.acknowledge(acknowledgement.made, acknowledgement.by, acknowledgement.via)
        self._health.acknowledged(acknowledged)
        return acknowledged

    def _acknowledgements_of(self, key: str) -> list[Acknowledgement]:
        if self._ledger.facts is not self._facts:
            self._facts, self._acknowledgements = self._ledger.facts, {}
            for acknowledgement in acknowledgements(self._facts.all):
                self._acknowledgements.setdefault(acknowledgement.key, []).append(acknowledgement)
        return self._acknowledgements.get(key, [])

    def _escalations(self, alert: Alert, now: int) -> list[Escalation]:
        return escalations_for(self._ledger.portfolio, self._ledger.products.get(alert.product), alert.severity, now)

    def _escalate(self, response: Response, alert: Alert, now: int) -> tuple[Response, dict[str, Progress]]:
        """Take the due steps; return the response with their progress, and the called receivers."""
        previous = {progress.plan: progress for progress in response.escalations}
        progresses: list[Progress] = []
        called_receivers: dict[str, Progress] = {}
        for escalation in self._active_escalations(response, alert, now):
            progress = self._progress(escalation, previous.get(escalation.id), response, now)
            progresses.append(progress)
            if _notifies(previous.get(escalation.id), progress):
                called_receivers |= dict.fromkeys(progress.receivers, progress)
        return replace(response, escalations=tuple(progresses)), called_receivers

    def _active_escalations(self, response: Response, alert: Alert, now: int) -> Iterator[Escalation]:
        """Yield the running escalations that are still configured, then those that a route starts now."""
        configured = {escalation.id: escalation for escalation in self._ledger.portfolio.escalations}
        running = (progress.plan for progress in response.escalations)
        starting = (escalation.id for escalation in self._escalations(alert, now))
        yield from (configured[name] for name in dict.fromkeys((*running, *starting)) if name in configured)

    def _progress(self, escalation: Escalation, previous: Progress | None, response: Response, now: int) -> Progress:
        """Return the progress of an escalation. For a ticket, only the first step with receivers is taken."""
        plan = escalation.plan()
        progress = start_progress(plan, now) if previous is None else previous
        paging = response.severity is Severity.PAGE
        if not paging and progress.receivers:
            return progress

        def reachable(receivers: tuple[str, ...]) -> bool:
            return any(self._is_reachable(name, response.key, now, escalation.unreachable_after) for name in receivers)

        following = advance(plan, progress, now, lambda step: self._call(step, now), reachable)
        return following if paging or not following.receivers else replace(following, due=None)

    def _call(self, step: Step, now: int) -> StepReceivers:
        receivers, person = find_recipients(self._ledger.portfolio, step, now)
        return StepReceivers(tuple(name for name in receivers if self._delivery.target(name) is not None), person)

    def _is_reachable(self, receiver: str, key: str, now: int, unreachable_after: int) -> bool:
        if self._delivery.target(receiver) is None:
            return False
        repeated = self._delivery.is_repeated(receiver, key)
        return repeated or self._outbox.is_reachable(receiver, key, now, unreachable_after)


def _notifies(previous: Progress | None, progress: Progress) -> bool:
    """Return whether a step was taken, or the last step was repeated."""
    previous_step = None if previous is None else (previous.step, previous.round)
    return bool(progress.receivers) and (progress.step, progress.round) != previous_step
