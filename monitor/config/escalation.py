"""Escalations: steps that notify one receiver or person after another, and the people on stand-by with their receivers.

A person is named as in the rotas: the `person` of a shift, or the summary of a calendar's event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, model_validator

from monitor.config.alerting import ReceiverIds
from monitor.config.base import Model
from monitor.config.values import Duration, Id, Text, Within, problem_at
from sla.escalation import Called, Plan, Step
from sla.interval import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.config.model import Portfolio
    from monitor.config.standby import Rota

_AFTER = 15 * MINUTE  # from one step to the next where none is written

Wait = Annotated[Duration, AfterValidator(Within(SECOND, 7 * DAY, "between 1s and 7d"))]


class Person(Model):
    """A person of the rotas, and the receivers that reach them."""

    name: Text
    """The name, as in the shifts or in the calendar of a rota."""

    to: ReceiverIds
    """The receiver of this person, or a list of them."""


class EscalationStep(Model):
    """A step of an escalation: `to` or `standby`."""

    to: ReceiverIds = ()
    """A receiver's id, or a list of them: all are notified."""

    standby: Id | None = None
    """A rota: the person on stand-by at that time is notified. If there is none, the next step follows at once."""

    after: Wait | None = None
    """Time since the step before; of the first step, since the alert was announced. Default: `15m`, and at once for
    the first step.
    """

    @model_validator(mode="after")
    def _one_target(self) -> EscalationStep:
        if bool(self.to) == (self.standby is not None):
            what = "is one of two; keep it or standby" if self.to else "is missing; write a receiver, or standby: ROTA"
            raise problem_at("to", what)
        return self


class Escalation(Model):
    """Whom to notify of a page while it is not acknowledged, one step after another."""

    id: Id
    """Identifies the escalation in routes."""

    steps: Annotated[tuple[EscalationStep, ...], Field(min_length=1)]
    """The steps, in order; at least one."""

    repeat_every: Wait | None = None
    """The last step is notified again after each such time, until the page is acknowledged. Default: never."""

    unreachable_after: Wait = MINUTE
    """The next step follows at once if no receiver of a step took the page within this time, or sooner if the receiver
    keeps failing (circuit breaker).
    """

    def plan(self) -> Plan:
        """Return the steps as the decision takes them."""
        waits = (0 if number == 0 else _AFTER for number in range(len(self.steps)))
        steps = (
            Step(default if each.after is None else each.after, each.to, each.standby or "")
            for each, default in zip(self.steps, waits, strict=True)
        )
        return Plan(self.id, tuple(steps), self.repeat_every)


def called(portfolio: Portfolio, step: Step, now: int) -> Called:
    """Return the receivers that a step notifies at the instant, and the people on stand-by if it names a rota.

    A person without receivers is passed over.
    """
    if not step.rota:
        return Called(step.to)
    rota = next((each for each in portfolio.standby if each.id == step.rota), None)
    held = {each.name: each.to for each in portfolio.people}
    names = [] if rota is None else [name for name in rota.standing(now, portfolio.time_zone) if name in held]
    receivers = dict.fromkeys(receiver for name in names for receiver in held[name])
    return Called(tuple(receivers), ", ".join(names))


def receivers_of(portfolio: Portfolio, escalation: Escalation) -> list[str]:
    """Return the receivers that any step may notify, each once; of a rota, those of all people."""
    people = [receiver for each in portfolio.people for receiver in each.to]
    return list(dict.fromkeys(name for step in escalation.steps for name in (people if step.standby else step.to)))


def people_of(rota: Rota) -> list[str]:
    """Return the people who are named in the shifts of a rota, in order; none for one that is a calendar."""
    return list(dict.fromkeys(shift.person for shift in rota.shifts))
