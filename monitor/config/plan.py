"""The YAML of `ninewatch plan`: a design on paper, as frozen types. docs/plans.md explains it with an example."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, InstanceOf, PlainValidator, Strict, StringConstraints, model_validator

from monitor.config.base import Model
from monitor.config.errors import quoted
from monitor.config.values import Count, Duration, Flag, Id, ObjectiveField, Text, Within, duration, problem_at
from sla import feasibility
from sla.feasibility import Coupling, Design, Limit, Planned, Repairable, Standby, Structure
from sla.interval import DAY, HOUR

SUPPOSED_MTTR = HOUR
"""How long an outage lasts where a plan gives an availability only. Said whenever it is used."""

_CENTURY = 36_500 * DAY
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*%?")


def _long(value: Any) -> int:
    """Return microseconds; written like any duration, but data centres live longer than ten years."""
    if isinstance(value, str) and value.strip().endswith("y") and value.strip()[:-1].isdecimal():
        value = f"{365 * int(value.strip()[:-1])}d" if len(value) < 8 else value
    if isinstance(value, str) and value.strip().endswith("d") and value.strip()[:-1].isdecimal() and len(value) < 12:
        return int(value.strip()[:-1]) * DAY
    return duration(value)


def _share(value: Any) -> Fraction:
    """Return the share; a bare number below 1 is refused, because 0.9 is meant as 90 % more often than as 0.9 %."""
    written = str(value).strip()
    number = _SHARE.fullmatch(written)
    share = Fraction(number[1]) / 100 if number is not None and not isinstance(value, bool) else Fraction(0)
    if not 0 < share <= 1 or (share < Fraction(1, 100) and "%" not in written):
        allowed = "write how many of a hundred work, such as 90% (above 0%, at most 100%)"
        raise ValueError(f"{quoted(value)} is not a share; {allowed}")
    return share


Span = Annotated[int, PlainValidator(_long), AfterValidator(Within(HOUR, _CENTURY, "between 1h and 100y"))]
Share = Annotated[Fraction, PlainValidator(_share)]
Replicas = Annotated[Count, Field(le=20)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]


class Failing(Model):
    """How often something fails and for how long: `availability`, or `mtbf`; with `mttr`."""

    availability: ObjectiveField | None = None
    """The share of the time that it is up, of one replica."""

    mtbf: Span | None = None
    """Mean time from a repair to the next failure, of one replica: `90d`, `5y`. Instead of `availability`."""

    mttr: Duration | None = None
    """Mean time to repair: how long an outage lasts on average. With `availability` alone, an hour is supposed."""

    @model_validator(mode="after")
    def _said_once(self) -> Failing:
        if self.availability is None and self.mtbf is None:
            raise problem_at("availability", "is missing; write availability: 99.9%, or mtbf: 90d and mttr: 1h")
        if self.availability is not None and self.mtbf is not None:
            raise problem_at("mtbf", "and availability say the same twice; take one of them out")
        if self.mtbf is not None and self.mttr is None:
            raise problem_at("mttr", "is missing; write how long an outage lasts on average, such as mttr: 30m")
        if self.repairable().mtbf < HOUR:
            raise problem_at("availability", "would be lost more than once an hour; write the true mttr, or mtbf: 1h")
        return self

    def repairable(self, replicas: int = 1, needed: int = 1) -> Repairable:
        """Return the process that it is."""
        mttr = self.mttr or SUPPOSED_MTTR
        if self.availability is None:
            return Repairable(self.mtbf or _CENTURY, mttr, replicas, needed)
        return Repairable.of(self.availability.ratio, mttr, replicas, needed)


class Stops(Model):
    """Something planned that takes a part, or all of it, down."""

    every: Annotated[Duration, AfterValidator(Within(HOUR, 3650 * DAY, "between 1h and 3650d"))]
    """Time from one to the next."""

    downtime: Duration
    """How long users are without the service each time."""

    @model_validator(mode="after")
    def _ends(self) -> Stops:
        if self.downtime >= self.every:
            raise problem_at("downtime", "is as long as the time from one to the next; shorten it")
        return self

    def planned(self) -> Planned:
        """Return the process that it is."""
        return Planned(self.every, self.downtime)


class MaintenanceBlock(Stops):
    """Windows in which all of it is down."""

    counted: Flag = True
    """`false`: the agreement leaves maintenance out, so it leaves the year before anything is measured."""

    @model_validator(mode="after")
    def _leaves_a_year(self) -> MaintenanceBlock:
        """Keep every year with time in it that counts."""
        if self.every > 365 * DAY:
            raise problem_at("every", "must be at most 365d, so that every year has its share")
        if 10 * self.downtime > self.every:
            raise problem_at("downtime", "is more than a tenth of all time; shorten it, or make it rarer")
        return self


class Component(Failing):
    """What parts and dependencies have in common."""

    id: Id
    """Names it in `structure`, `needs`, `covers` and the output."""

    name: Text = Field(default_factory=lambda known: known.get("id", ""))
    """What people call it. Default: the id."""

    needs: tuple[Id, ...] = ()
    """Parts, dependencies or sites that it stands on; several may stand on one."""


class PartBlock(Component):
    """A component of your own."""

    replicas: Replicas | None = None
    """How many alike there are, failing independently. Left out: one, and there cannot be more."""

    needed: Replicas = 1
    """How many of them must be up."""

    deployments: Stops | None = None
    """Deployments that stop it, all replicas at once. Left out: they do not."""

    @model_validator(mode="after")
    def _enough(self) -> PartBlock:
        if self.needed > (self.replicas or 1):
            raise problem_at("needed", f"must be at most {self.replicas or 1}, the number of replicas")
        return self


class DependencyBlock(Component):
    """A service of others."""

    coupling: Literal["hard", "retried", "decoupled"]
    """What its outage does: `hard` takes this down, `retried` once `retry` is over, `decoupled` nothing."""

    retry: Duration | None = None
    """With `retried`: for how long a call is tried again before a user sees an error."""

    @model_validator(mode="after")
    def _patient(self) -> DependencyBlock:
        if self.coupling == "retried" and self.retry is None:
            raise problem_at("retry", "is missing; write for how long a call is tried again, such as retry: 5m")
        if self.coupling != "retried" and self.retry is not None:
            raise problem_at("retry", f"does nothing for a coupling that is {self.coupling}; write coupling: retried")
        return self


class SiteBlock(Failing):
    """A data centre with its power, network and platform."""

    id: Id
    """Names it in `needs` and the output."""

    name: Text = Field(default_factory=lambda known: known.get("id", ""))
    """What people call it."""


class FailOverBlock(Model):
    """What happens when the first site is lost."""

    kind: Literal["none", "cold", "warm", "hot"]
    """What waits elsewhere: nothing, something to be started, something running, or something that serves already."""

    rto: Duration | None = None
    """Recovery time: from the loss to the moment users are served again. Left out of `hot`: no time at all."""

    success: Share | None = None
    """How many of a hundred fail-overs work: `90%`. What does not work lasts until the repair."""

    covers: tuple[Id, ...] = ()
    """Parts whose own outages are handed over too, not only those of the site."""

    @model_validator(mode="after")
    def _complete(self) -> FailOverBlock:
        if self.kind == "none":
            given = [key for key in ("rto", "success", "covers") if getattr(self, key)]
            if given:
                raise problem_at(given[0], "means nothing where the kind is none; take it out")
        elif self.success is None:
            raise problem_at("success", "is missing; write how many of a hundred fail-overs work, such as 90%")
        elif self.rto is None and self.kind != "hot":
            raise problem_at("rto", "is missing; write how long a fail-over takes, such as rto: 15m")
        return self


class CeilingBlock(Model):
    """A rule that caps what may be promised, apart from the arithmetic: of the hosting tier, say."""

    at_most: ObjectiveField
    """The cap."""

    because: Sentence
    """The rule in words."""

    source: Sentence
    """Where it is written."""


class PlanBlock(Model):
    """A design, and what is said of it."""

    title: Text
    """What the design is called."""

    objective: ObjectiveField | None = None
    """What is to be promised, if anything yet."""

    parts: Annotated[tuple[PartBlock, ...], Field(min_length=1, max_length=100)]
    """Your own components."""

    dependencies: Annotated[tuple[DependencyBlock, ...], Field(max_length=100)] = ()
    """What is needed from others."""

    sites: Annotated[tuple[SiteBlock, ...], Field(max_length=10)] = ()
    """Data centres, the first of which serves. Left out: their outages are left out of account, which is said."""

    fail_over: FailOverBlock | None = None
    """What happens when the first site is lost. Needed as soon as there is a second."""

    maintenance: MaintenanceBlock | None = None
    """Planned windows in which all of it is down."""

    structure: InstanceOf[object] | None = None
    """How parts and dependencies make the whole; what neither it nor the `needs` of its parts name is needed too."""

    meets: tuple[Id, ...] = ()
    """Items of the five-nines checklist that the design meets, as far as it does not show the contrary."""

    ceilings: tuple[CeilingBlock, ...] = ()
    """Rules that cap a promise beside those of the checklist."""

    costs: dict[str, Annotated[float, Strict(), Field(ge=0, le=1e12)]] = Field(default_factory=dict)
    """What a change would cost a year, by its id in the output: `replica/database: 4000`."""

    assumptions: tuple[Sentence, ...] = ()
    """What the figures above rest on; printed with the answer."""

    def design(self, structure: Structure | None) -> Design:
        """Return the design, with its structure as it was read."""
        kept = self.maintenance
        return Design(
            title=self.title,
            parts=(*map(_part, self.parts), *map(_dependency, self.dependencies)),
            sites=tuple(feasibility.Site(each.id, each.name, each.repairable()) for each in self.sites),
            fail_over=None if self.fail_over is None else _fail_over(self.fail_over),
            maintenance=None if kept is None else feasibility.Maintenance(kept.planned(), kept.counted),
            structure=structure,
        )

    def limits(self) -> tuple[Limit, ...]:
        """Return the rules that the plan itself states."""
        return tuple(Limit(each.at_most.ratio, each.because, each.source) for each in self.ceilings)

    def supposed(self) -> tuple[str, ...]:
        """Return the names of what gives no length of an outage."""
        every: tuple[Component | SiteBlock, ...] = (*self.parts, *self.dependencies, *self.sites)
        return tuple(each.name for each in every if each.mttr is None)


def _part(block: PartBlock) -> feasibility.Part:
    deployments = None if block.deployments is None else block.deployments.planned()
    failures = block.repairable(block.replicas or 1, block.needed)
    replicable = block.replicas is not None
    return feasibility.Part(block.id, block.name, failures, block.needs, deployments, replicable=replicable)


def _dependency(block: DependencyBlock) -> feasibility.Part:
    return feasibility.Part(
        block.id,
        block.name,
        block.repairable(),
        block.needs,
        outside=True,
        coupling=Coupling(block.coupling),
        patience=block.retry or 0,
    )


def _fail_over(block: FailOverBlock) -> feasibility.FailOver | None:
    if block.kind == "none" or block.success is None:
        return None
    return feasibility.FailOver(Standby(block.kind), block.rto or 0, block.success, block.covers)
