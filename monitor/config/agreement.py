"""What an agreement counts: hours of service, and what it leaves out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import holidays as statutory
from pydantic import InstanceOf, PlainSerializer, PlainValidator, WithJsonSchema

from monitor.config.base import Model
from monitor.config.maintenance import ZoneName
from monitor.config.values import is_id
from sla.exclusion import Cause, Exclusion
from sla.localtime import local
from sla.service_hours import ALWAYS, ServiceHours

if TYPE_CHECKING:
    from sla.interval import Interval

_WRITE = "write maintenance, corrections, or {dependency: <product>}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """The downtime of another product of the portfolio."""

    product: str


Named = Literal["maintenance", "corrections"]


def _excludes(value: Any) -> Named | Dependency:
    if isinstance(value, Dependency):
        return value
    if value == "maintenance":
        return "maintenance"
    if value == "corrections":
        return "corrections"
    if isinstance(value, Mapping) and list(value) == ["dependency"]:
        product = value["dependency"]
        if isinstance(product, str) and is_id(product):
            return Dependency(product)
    raise ValueError(f"not something that can be left out; {_WRITE}")


_EXCLUDES_SCHEMA = {
    "anyOf": [
        {"enum": ["maintenance", "corrections"]},
        {
            "type": "object",
            "properties": {"dependency": {"type": "string"}},
            "required": ["dependency"],
            "additionalProperties": False,
        },
    ]
}


def _written(value: Named | Dependency) -> Any:
    return {"dependency": value.product} if isinstance(value, Dependency) else value


Excludes = Annotated[
    Any,
    PlainValidator(_excludes),
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema(_EXCLUDES_SCHEMA),
]


def _hours(value: Any) -> ServiceHours:
    if isinstance(value, ServiceHours):
        return value
    if not isinstance(value, str) or len(value) > 500:
        raise ValueError('not service hours; write "Mon-Fri 07:00-18:00" or "24/7"')
    return ServiceHours.parse(value)


Hours = Annotated[
    InstanceOf[ServiceHours],
    PlainValidator(_hours),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["Mon-Fri 07:00-18:00", "24/7"]}),
]


class Agreement(Model):
    """What the contractual figure leaves out. The raw figure, which leaves nothing out, always stands beside it."""

    service_hours: Hours = ALWAYS
    """When the service is promised: `"Mon-Fri 07:00-18:00"`, or `24/7`."""

    holidays: Literal["BC", "Canada"] | None = None
    """Statutory holidays, on which nothing is promised: those of `BC`, or those that are held in all of `Canada`."""

    zone: ZoneName | None = None
    """The zone of service hours and holidays. Default: the portfolio's `time_zone`."""

    excludes: tuple[Excludes, ...] = ("maintenance", "corrections")
    """What else is left out: `maintenance`, `corrections`, `{dependency: keycloak}` for another product's downtime."""

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The products whose downtime is left out."""
        return tuple(each.product for each in self.excludes if isinstance(each, Dependency))

    def out_of_hours(self, window: Interval, default: str) -> Iterator[Exclusion]:
        """Yield the time of the window for which nothing is promised; `default` is the zone where none is named."""
        if self.service_hours == ALWAYS and self.holidays is None:
            return
        zone = ZoneInfo(self.zone or default)
        years = range(local(window.start, zone).year - 1, local(window.end, zone).year + 1)
        off = frozenset(day for year in years for day in _holidays(self.holidays, year))
        for span in self.service_hours.outside(window, zone, off):
            yield Exclusion(span, Cause.SERVICE_HOURS, str(self.service_hours), reason=self._reason())

    def _reason(self) -> str:
        return f"outside service hours, or a holiday of {self.holidays}" if self.holidays else "outside service hours"


@lru_cache(maxsize=512)
def _holidays(where: str | None, year: int) -> frozenset[dt.date]:
    if where is None:
        return frozenset()
    return frozenset(statutory.country_holidays("CA", subdiv="BC" if where == "BC" else None, years=year))
