"""Escalations: steps that notify receivers or people one after another. People on call have receivers.

A person has the same name as in the rotas: the `person` of a shift, or the summary of a calendar event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from monitor.config.alerting import ReceiverIds
from monitor.config.base import Model
from monitor.config.values import Duration, Id, Text, Within, problem_at
from sla.escalation import Plan, Step, StepReceivers
from sla.interval import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.config.on_call import Rota

_DEFAULT_WAIT = 15 * MINUTE  # between two steps

Wait = Annotated[Duration, AfterValidator(Within(SECOND, 7 * DAY, "between 1s and 7d"))]


class Person(Model):
    """A person of the rotas, with receivers."""

    name: Text
    """The name, as in the shifts or in the calendar of a rota."""

    to: ReceiverIds
    """The id of this person's receiver, or a list of ids."""


class EscalationStep(Model):
    """A step of an escalation: `to` or `standby`."""

    to: ReceiverIds = ()
    """A receiver's id, or a list of ids. All of them are notified."""

    standby: Id | None = None
    """A rota. The person on call is notified. Without one, the next step follows immediately."""

    after: Wait | None = None
    """Time since the previous step. For the first step: time since the alert was announced. Default: `15m`, and no
    delay for the first step."""

    @model_validator(mode="after")
    def _one_target(self) -> EscalationStep:
        if bool(self.to) == (self.standby is not None):
            message = (
                "excludes standby; remove one of them"
                if self.to
                else "is missing; specify a receiver, or standby: ROTA"
            )
            raise problem_at("to", message)
        return self


class Escalation(Model):
    """Steps that notify receivers one after another while a page is not acknowledged."""

    id: Id
    """Identifies the escalation in routes."""

    steps: Annotated[tuple[EscalationStep, ...], Field(min_length=1)]
    """The steps, in order; at least one."""

    repeat_every: Wait | None = None
    """Interval at which the last step is repeated until the page is acknowledged. Default: never."""

    unreachable_after: Wait = MINUTE
    """The next step follows immediately if no receiver of a step accepted the page within this time, or earlier if the
    receiver fails repeatedly (circuit breaker)."""

    def plan(self) -> Plan:
        """Return the escalation as a plan for `sla.escalation`."""
        waits = (0 if number == 0 else _DEFAULT_WAIT for number in range(len(self.steps)))
        steps = (
            Step(default if step.after is None else step.after, step.to, step.standby or "")
            for step, default in zip(self.steps, waits, strict=True)
        )
        return Plan(self.id, tuple(steps), self.repeat_every)


def find_recipients(portfolio: Portfolio, step: Step, now: int) -> StepReceivers:
    """Return the receivers that a step notifies at the instant, and the people on call if the step has a rota.

    People without receivers are omitted.
    """
    if not step.rota:
        return StepReceivers(step.to)
    rota = next((rota for rota in portfolio.standby if rota.id == step.rota), None)
    receivers_by_person = {person.name: person.to for person in portfolio.people}
    on_call = [] if rota is None else rota.people_on_call(now, portfolio.time_zone)
    names = [name for name in on_call if name in receivers_by_person]
    receivers = dict.fromkeys(receiver for name in names for receiver in receivers_by_person[name])
    return StepReceivers(tuple(receivers), ", ".join(names))


def receivers_of(portfolio: Portfolio, escalation: Escalation) -> list[str]:
    """Return the receivers of all steps, without duplicates. A step with a rota has the receivers of all people."""
    people = [receiver for person in portfolio.people for receiver in person.to]
    return list(dict.fromkeys(name for step in escalation.steps for name in (people if step.standby else step.to)))


def people_of(rota: Rota) -> list[str]:
    """Return the people in the shifts of a rota, in order. Empty for a rota with a calendar."""
    return list(dict.fromkeys(shift.person for shift in rota.shifts))
