"""Alert priorities with their response targets: read the policy file that the key `priorities` names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, InstanceOf, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from monitor.config.agreement import Agreement, Hours
from monitor.config.alerting import SeverityField
from monitor.config.base import Model
from monitor.config.block_file import read_block
from monitor.config.errors import quoted
from monitor.config.hosting import FOLDER
from monitor.config.maintenance import ZoneName
from monitor.config.readiness import candidate_paths
from monitor.config.service_hours_exclusions import service_hours_exclusions
from monitor.config.stage import StageField
from monitor.config.validation_context import Context, Located
from monitor.config.values import Duration, Id, Text, is_id, problem_at
from sla.interval import Interval
from sla.priority import PriorityRule, Target, priority_and_target
from sla.product_incident import Severity
from sla.service_hours import ALWAYS

if TYPE_CHECKING:
    from sla.stage import Stage

Name = Literal["P1", "P2", "P3", "P4"]
Within = Literal["best effort"] | Duration


class _Target(Model):
    """Time to acknowledge alerts of a priority, in and outside of business hours."""

    priority: Name
    business_hours: Within
    after_hours: Within

    def plain(self) -> Target:
        return Target(self.priority, _time(self.business_hours), _time(self.after_hours))


def _time(value: str | int) -> int | None:
    """Return the time in microseconds; None for `best effort`."""
    return None if isinstance(value, str) else value


class _Rule(Model):
    priority: Name
    severities: tuple[SeverityField, ...] = ()
    stages: tuple[StageField, ...] = ()
    hours: Literal["business", "after"] | None = None

    def plain(self) -> PriorityRule:
        severities = tuple(Severity(severity) for severity in self.severities)
        in_business_hours = None if self.hours is None else self.hours == "business"
        return PriorityRule(self.priority, severities, self.stages, in_business_hours)


class _Priorities(Model):
    id: Id
    title: Text
    source: Text
    business_hours: Hours = ALWAYS
    holidays: Literal["BC", "Canada"] | None = None
    zone: ZoneName | None = None
    targets: Annotated[tuple[_Target, ...], Field(min_length=1)]
    rules: Annotated[tuple[_Rule, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_unique_targets(self) -> _Priorities:
        names = [target.priority for target in self.targets]
        if (duplicate := next((name for name in names if names.count(name) > 1), None)) is not None:
            raise problem_at("targets", f"has {duplicate} twice; list each priority once")
        return self

    def plain(self) -> Priorities:
        hours = Agreement.model_construct(service_hours=self.business_hours, holidays=self.holidays, zone=self.zone)
        rules = tuple(rule.plain() for rule in self.rules)
        return Priorities(
            self.id, self.title, self.source, hours, rules, tuple(target.plain() for target in self.targets)
        )


@dataclass(frozen=True, slots=True)
class Priorities:
    """Rules that assign a priority to an alert, and the response target of each priority.

    `hours` are the business hours, as an agreement that excludes all other time.
    """

    id: str
    title: str
    source: str
    hours: Agreement
    rules: tuple[PriorityRule, ...]
    targets: tuple[Target, ...]

    def of(self, severity: Severity, stage: Stage | None, now: int, zone: str) -> tuple[str, int | None]:
        """Return the priority of an alert announced at `now`, and its time to acknowledge (None: best effort).

        Times are in microseconds. `zone` applies if the policy has no time zone.
        """
        is_business_time = not any(service_hours_exclusions(self.hours, Interval(now, now + 1), zone))
        return priority_and_target(self.rules, self.targets, severity, stage, business=is_business_time)


def load_priorities(path: Path) -> Priorities:
    """Return the priorities in a policy file.

    Raises:
        ValueError: the file is invalid. The message contains the first problem, with its position.
    """
    try:
        return read_block(path, _Priorities).plain()
    except ValueError as error:
        raise ValueError(f"invalid priorities: {error}") from None


def _find_priorities(value: Any, info: ValidationInfo) -> Priorities:
    if isinstance(value, Priorities):
        return value
    if not isinstance(value, str) or not is_id(value):
        raise ValueError("not the name of a file in policies/; use pathfinder-sso, or the name of your own file")
    for path in candidate_paths(value, value.directory if isinstance(value, Located) else Path(), FOLDER):
        if path.is_file():
            if isinstance(info.context, Context):
                info.context.reads(path)
            return load_priorities(path)
    raise ValueError(f"there are no priorities {quoted(value)}; use pathfinder-sso, or put {value}.yaml into policies/")


_BY_NAME = PlainSerializer(lambda priorities: priorities.id, return_type=str, when_used="json")
PrioritiesField = Annotated[
    InstanceOf[Priorities], PlainValidator(_find_priorities), _BY_NAME, WithJsonSchema({"type": "string"})
]
