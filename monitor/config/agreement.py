"""Agreements: service hours, exclusions and limits on outages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import InstanceOf, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from monitor.config.base import Model
from monitor.config.credits import CreditsBlock
from monitor.config.maintenance import ZoneName
from monitor.config.values import Duration, duration, is_id, problem_at
from sla.duration import format_exact_duration
from sla.interval import DAY
from sla.maintenance_terms import MaintenanceTerms
from sla.outage import LimitKind, OutageLimit
from sla.service_hours import ALWAYS, ServiceHours

_ALLOWED_EXCLUSIONS = "use maintenance, corrections, {dependency: <product>}, or {failover_of: <product>}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """The downtime of another product of the portfolio."""

    product: str


@dataclass(frozen=True, slots=True)
class FailoverOf:
    """The product's own downtime while another product runs at another site than its primary one."""

    product: str


NamedExclusion = Literal["maintenance", "corrections"]
_OF_PRODUCTS: Final[dict[str, type[Dependency | FailoverOf]]] = {"dependency": Dependency, "failover_of": FailoverOf}


def excluded_product(value: Mapping[str, Any]) -> Dependency | FailoverOf:
    """Return the exclusion of `{dependency: ID}` or `{failover_of: ID}`.

    Raises:
        ValueError: the value is another mapping.
    """
    if len(value) == 1:
        ((key, product),) = value.items()
        if key in _OF_PRODUCTS and isinstance(product, str) and is_id(product):
            return _OF_PRODUCTS[key](product)
    raise ValueError(f"not an exclusion; {_ALLOWED_EXCLUSIONS}")


def _excludes(value: Any) -> NamedExclusion | Dependency | FailoverOf:
    if value == "maintenance":
        return "maintenance"
    if value == "corrections":
        return "corrections"
    if isinstance(value, Mapping):
        return excluded_product(value)
    raise ValueError(f"not an exclusion; {_ALLOWED_EXCLUSIONS}")


_EXCLUDES_SCHEMA = {
    "anyOf": [
        {"enum": ["maintenance", "corrections"]},
        *(
            {
                "type": "object",
                "properties": {key: {"type": "string"}},
                "required": [key],
                "additionalProperties": False,
            }
            for key in _OF_PRODUCTS
        ),
    ]
}


def _serialize(value: NamedExclusion | Dependency | FailoverOf) -> Any:
    return value if isinstance(value, str) else exclusion_data(value)


def exclusion_data(value: Dependency | FailoverOf) -> dict[str, str]:
    """Return the exclusion as in the configuration."""
    return {"dependency" if isinstance(value, Dependency) else "failover_of": value.product}


Excludes = Annotated[
    Any,
    PlainValidator(_excludes),
    PlainSerializer(_serialize, when_used="json"),
    WithJsonSchema(_EXCLUDES_SCHEMA),
]


def _hours(value: Any) -> ServiceHours:
    if not isinstance(value, str) or len(value) > 500:
        raise ValueError('not service hours; use "Mon-Fri 07:00-18:00" or "24/7"')
    return ServiceHours.parse(value)


Hours = Annotated[
    InstanceOf[ServiceHours],
    PlainValidator(_hours),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["Mon-Fri 07:00-18:00", "24/7"]}),
]


class TotalOutage(Model):
    """A limit on the total downtime in a rolling period."""

    limit: Duration
    """Maximum downtime: `4h`."""

    per: Duration
    """The rolling period: `30d`."""

    @model_validator(mode="after")
    def _shorter_than_the_period(self) -> TotalOutage:
        if self.limit >= self.per:
            raise problem_at("limit", "must be shorter than the period, otherwise it can never be exceeded; shorten it")
        return self


_MAX_PER_MONTH = re.compile(r"(?P<duration>.+?) per month")


def _monthly_cap(value: Any) -> int:
    match = _MAX_PER_MONTH.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError('not a duration per calendar month; use "4h per month"')
    length = duration(match["duration"])
    if length >= 28 * DAY:
        raise ValueError("must be shorter than a month, otherwise it can never be exceeded; shorten it")
    return length


MonthlyCap = Annotated[
    int,
    PlainValidator(_monthly_cap),
    PlainSerializer(lambda length: f"{format_exact_duration(length)} per month", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["4h per month"]}),
]


class MaintenanceTermsBlock(Model):
    """Conditions for excluding maintenance. Maintenance that does not meet them counts in the contractual figure."""

    notice: Duration | None = None
    """Minimum time between the announcement of a window and its start: `5d`. Default: no condition."""

    at_most: MonthlyCap | None = None
    """Maximum maintenance that is excluded per calendar month, the earliest first: `4h per month`. Months are those of
    the agreement's `zone`. Default: no limit."""

    approval: Literal["second_person"] | None = None
    """`second_person`: another person than its author must have approved a window before its start, with
    `ninewatch maintenance approve`. Default: no approval."""

    @model_validator(mode="after")
    def _any_condition(self) -> MaintenanceTermsBlock:
        if self.notice is None and self.at_most is None and self.approval is None:
            raise ValueError("has no condition; specify notice, at_most or approval, or remove the key")
        return self

    @property
    def terms(self) -> MaintenanceTerms:
        """The conditions."""
        return MaintenanceTerms(self.notice, self.at_most, second_person=self.approval is not None)


class Agreement(Model):
    """Time that the contractual figure excludes. The raw figure, without exclusions, is always shown too."""

    service_hours: Hours = ALWAYS
    """Hours in which the objective applies: `"Mon-Fri 07:00-18:00"`, or `24/7`."""

    holidays: Literal["BC", "Canada"] | None = None
    """Statutory holidays, on which the objective does not apply: of `BC`, or of `Canada`."""

    zone: ZoneName | None = None
    """The time zone of service hours, of holidays and of the months of `maintenance`. Default: the portfolio's
    `time_zone`."""

    excludes: tuple[Excludes, ...] = ("maintenance", "corrections")
    """Further exclusions: `maintenance`, `corrections`, `{dependency: keycloak}` for another product's downtime,
    `{failover_of: keycloak}` for downtime by design (`down_by_design`)."""

    maintenance: MaintenanceTermsBlock | None = None
    """Conditions for excluding maintenance: `{notice: 5d, at_most: 4h per month, approval: second_person}`. Default:
    all planned maintenance is excluded."""

    longest_outage: Duration | None = None
    """Limit on a single outage: with `22m`, an outage longer than 22 minutes breaks the agreement. The limit has its
    own verdict."""

    total_outage: TotalOutage | None = None
    """Limit on the total downtime in a rolling period: `{limit: 4h, per: 30d}`."""

    degraded: Literal["counts"] | None = None
    """With `counts`, the contractual figures count degraded time as downtime. Without it, degraded time is up. See
    docs/latency.md for its causes."""

    credits: CreditsBlock | None = None
    """Service credits by the contractual availability of a calendar month: `{fee: 12000, claim_within: 30d, bands:
    [{below: 99.9%, credit: 10%}]}`. See docs/reports.md. Default: none.
    """

    @model_validator(mode="after")
    def _terms_of_excluded_maintenance(self) -> Agreement:
        if self.maintenance is not None and "maintenance" not in self.excludes:
            message = "has no effect, because excludes does not contain maintenance; add it there, or remove this key"
            raise problem_at("maintenance", message)
        return self

    def limits(self) -> Iterator[OutageLimit]:
        """Yield the promised limits on outages."""
        if self.longest_outage is not None:
            yield OutageLimit(LimitKind.LONGEST, self.longest_outage)
        if self.total_outage is not None:
            yield OutageLimit(LimitKind.TOTAL, self.total_outage.limit, self.total_outage.per)
