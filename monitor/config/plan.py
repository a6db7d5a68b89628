"""The YAML format of `ninewatch plan`. docs/plans.md has an example."""

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

DEFAULT_MTTR = HOUR
"""Length of an outage if a plan has `availability` without `mttr`. The result lists components with this default."""

_CENTURY = 36_500 * DAY
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*%?")


def _long_duration(value: Any) -> int:
    """Return a duration in microseconds. It may be longer than 10 years."""
    if isinstance(value, str) and value.strip().endswith("y") and value.strip()[:-1].isdecimal():
        value = f"{365 * int(value.strip()[:-1])}d" if len(value) < 8 else value
    if isinstance(value, str) and value.strip().endswith("d") and value.strip()[:-1].isdecimal() and len(value) < 12:
        return int(value.strip()[:-1]) * DAY
    return duration(value)


def _share(value: Any) -> Fraction:
    """Return the share. A number below 1 without % is rejected, because 0.9 may mean 90 % or 0.9 %."""
    text = str(value).strip()
    number = _SHARE.fullmatch(text)
    share = Fraction(number[1]) / 100 if number is not None and not isinstance(value, bool) else Fraction(0)
    if not 0 < share <= 1 or (share < Fraction(1, 100) and "%" not in text):
        allowed = "use a percentage such as 90% (above 0%, at most 100%)"
        raise ValueError(f"{quoted(value)} is not a share; {allowed}")
    return share


Span = Annotated[int, PlainValidator(_long_duration), AfterValidator(Within(HOUR, _CENTURY, "between 1h and 100y"))]
Share = Annotated[Fraction, PlainValidator(_share)]
Replicas = Annotated[Count, Field(le=20)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]


class FailureBlock(Model):
    """Frequency and length of failures: `availability`, or `mtbf`; with `mttr`."""

    availability: ObjectiveField | None = None
    """Availability of one replica."""

    mtbf: Span | None = None
    """Mean time between failures of one replica, instead of `availability`: `90d`, `5y`."""

    mttr: Duration | None = None
    """Mean time to repair: the average length of an outage. Default with `availability`: 1 hour."""

    @model_validator(mode="after")
    def _one_form(self) -> FailureBlock:
        if self.availability is None and self.mtbf is None:
            raise problem_at("availability", "is missing; use availability: 99.9%, or mtbf: 90d and mttr: 1h")
        if self.availability is not None and self.mtbf is not None:
            raise problem_at("mtbf", "excludes availability; remove one of them")
        if self.mtbf is not None and self.mttr is None:
            raise problem_at("mttr", "is missing; specify how long an outage lasts on average, such as mttr: 30m")
        if self.repairable().mtbf < HOUR:
            raise problem_at("availability", "means more than 1 failure per hour; correct mttr, or use mtbf: 1h")
        return self

    def repairable(self, replicas: int = 1, needed: int = 1) -> Repairable:
        """Return the failures as a repairable process."""
        mttr = self.mttr or DEFAULT_MTTR
        if self.availability is None:
            return Repairable(self.mtbf or _CENTURY, mttr, replicas, needed)
        return Repairable.from_availability(self.availability.ratio, mttr, replicas, needed)


class PlannedDowntimeBlock(Model):
    """Planned downtime of a part or of the entire design."""

    every: Annotated[Duration, AfterValidator(Within(HOUR, 3650 * DAY, "between 1h and 3650d"))]
    """Time between the starts of two planned downtimes."""

    downtime: Duration
    """Length of each planned downtime."""

    @model_validator(mode="after")
    def _downtime_shorter_than_period(self) -> PlannedDowntimeBlock:
        if self.downtime >= self.every:
            raise problem_at("downtime", "must be shorter than every")
        return self

    def planned(self) -> Planned:
        """Return the planned downtime as a periodic process."""
        return Planned(self.every, self.downtime)


class MaintenanceBlock(PlannedDowntimeBlock):
    """Maintenance windows in which the entire design is down."""

    counted: Flag = True
    """`false`: the agreement excludes maintenance."""

    @model_validator(mode="after")
    def _leaves_counted_time(self) -> MaintenanceBlock:
        """Ensure that every year has time outside of maintenance."""
        if self.every > 365 * DAY:
            raise problem_at("every", "must be at most 365d, so that every year has maintenance")
        if 10 * self.downtime > self.every:
            raise problem_at("downtime", "must be at most a tenth of every; shorten it, or increase every")
        return self


class Component(FailureBlock):
    """Common keys of parts and dependencies."""

    id: Id
    """Identifies the component in `structure`, `needs`, `covers` and the output."""

    name: Text = Field(default_factory=lambda known: known.get("id", ""))
    """Display name. Default: the id."""

    needs: tuple[Id, ...] = ()
    """Parts, dependencies or sites that this component depends on. Components may share them."""


class PartBlock(Component):
    """A component of the system itself."""

    replicas: Replicas | None = None
    """Number of replicas, which fail independently. Default: 1, and replicas cannot be added."""

    needed: Replicas = 1
    """Number of replicas that must be up."""

    deployments: PlannedDowntimeBlock | None = None
    """Deployments that stop all replicas at once. Default: none do."""

    @model_validator(mode="after")
    def _has_needed_replicas(self) -> PartBlock:
        if self.needed > (self.replicas or 1):
            raise problem_at("needed", f"must be at most {self.replicas or 1}, the number of replicas")
        return self


class DependencyBlock(Component):
    """An external service."""

    coupling: Literal["hard", "retried", "decoupled"]
    """Effect of its outage: `hard` takes the system down, `retried` does so after `retry`, `decoupled` has none."""

    retry: Duration | None = None
    """For `retried`: how long a call is retried before a user sees an error."""

    @model_validator(mode="after")
    def _retried_has_retry(self) -> DependencyBlock:
        if self.coupling == "retried" and self.retry is None:
            raise problem_at("retry", "is missing; specify how long a call is retried, such as retry: 5m")
        if self.coupling != "retried" and self.retry is not None:
            raise problem_at("retry", f"has no effect for coupling: {self.coupling}; use coupling: retried")
        return self


class SiteBlock(FailureBlock):
    """A data centre with its power, network and platform."""

    id: Id
    """Identifies the site in `needs` and the output."""

    name: Text = Field(default_factory=lambda known: known.get("id", ""))
    """Display name. Default: the id."""


class FailoverBlock(Model):
    """The failover when the first site is lost."""

    kind: Literal["none", "cold", "warm", "hot"]
    """The standby: `none`, `cold` (must be started), `warm` (running) or `hot` (serving)."""

    rto: Duration | None = None
    """Recovery time: from the loss until users are served again. Default for `hot`: 0."""

    success: Share | None = None
    """Share of successful failovers: `90%`. After a failed one the outage lasts until the repair."""

    covers: tuple[Id, ...] = ()
    """Parts whose own outages also cause a failover."""

    @model_validator(mode="after")
    def _has_rto_and_success(self) -> FailoverBlock:
        if self.kind == "none":
            configured = [key for key in ("rto", "success", "covers") if getattr(self, key)]
            if configured:
                raise problem_at(configured[0], "has no effect for kind: none; remove it")
        elif self.success is None:
            raise problem_at("success", "is missing; specify the share of successful failovers, such as 90%")
        elif self.rto is None and self.kind != "hot":
            raise problem_at("rto", "is missing; specify how long a failover takes, such as rto: 15m")
        return self


class CeilingBlock(Model):
    """A limit on the availability that may be promised, such as the limit of the hosting tier."""

    at_most: ObjectiveField
    """The limit."""

    because: Sentence
    """The reason for the limit."""

    source: Sentence
    """The source of the limit."""


class PlanBlock(Model):
    """A design with its objective, limits, costs and assumptions."""

    title: Text
    """Title of the design."""

    objective: ObjectiveField | None = None
    """The objective, if there is one."""

    parts: Annotated[tuple[PartBlock, ...], Field(min_length=1, max_length=100)]
    """Components of the system itself."""

    dependencies: Annotated[tuple[DependencyBlock, ...], Field(max_length=100)] = ()
    """External services."""

    sites: Annotated[tuple[SiteBlock, ...], Field(max_length=10)] = ()
    """Data centres; the first one serves. Default: their outages are not included, which the output states."""

    failover: FailoverBlock | None = None
    """Failover when the first site is lost. Required with a second site."""

    maintenance: MaintenanceBlock | None = None
    """Planned windows in which the entire design is down."""

    structure: InstanceOf[object] | None = None
    """Structure of parts and dependencies. Components that are not in `structure` or `needs` are required too."""

    meets: tuple[Id, ...] = ()
    """Items of the five-nines checklist that the design meets. The design must not contradict them."""

    ceilings: tuple[CeilingBlock, ...] = ()
    """Limits in addition to those of the checklist."""

    costs: dict[str, Annotated[float, Strict(), Field(ge=0, le=1e12)]] = Field(default_factory=dict)
    """Yearly cost of changes, by the change's id in the output: `replica/database: 4000`."""

    assumptions: tuple[Sentence, ...] = ()
    """Assumptions of the plan, printed with the result."""

    def design(self, structure: Structure | None) -> Design:
        """Return the design with this structure."""
        maintenance = self.maintenance
        return Design(
            title=self.title,
            parts=(*map(_part, self.parts), *map(_dependency, self.dependencies)),
            sites=tuple(feasibility.Site(site.id, site.name, site.repairable()) for site in self.sites),
            failover=None if self.failover is None else _failover(self.failover),
            maintenance=None
            if maintenance is None
            else feasibility.Maintenance(maintenance.planned(), maintenance.counted),
            structure=structure,
        )

    def limits(self) -> tuple[Limit, ...]:
        """Return the limits in the plan."""
        return tuple(Limit(ceiling.at_most.ratio, ceiling.because, ceiling.source) for ceiling in self.ceilings)

    def default_mttr(self) -> tuple[str, ...]:
        """Return the names of components and sites without `mttr`."""
        every: tuple[Component | SiteBlock, ...] = (*self.parts, *self.dependencies, *self.sites)
        return tuple(part.name for part in every if part.mttr is None)


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
        external=True,
        coupling=Coupling(block.coupling),
        retry_period=block.retry or 0,
    )


def _failover(block: FailoverBlock) -> feasibility.Failover | None:
    if block.kind == "none" or block.success is None:
        return None
    return feasibility.Failover(Standby(block.kind), block.rto or 0, block.success, block.covers)
