"""Clients of a product, and the cost of its downtime for them."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import InstanceOf, PlainSerializer, PlainValidator, StringConstraints, WithJsonSchema

from monitor.config.base import Model
from monitor.config.secret import Secret
from monitor.config.values import Count, Text
from sla.downtime_cost import Rate
from sla.localtime import midnight
from sla.stage import Risk


def _date(value: Any) -> dt.date:
    if isinstance(value, str):
        try:
            value = dt.date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise ValueError("not a date; use the format 2027-03-01")
    return value


Date = Annotated[dt.date, PlainValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]


class Client(Model):
    """A client of the product: a program or a group of programs, never a person."""

    name: Text
    """Name on pages and in reports."""

    count: Count = 1
    """Number of clients, if the entry is a group."""

    risk: Literal["low", "high"]
    """The client's risk if the product fails: `low` or `high`."""

    since: Date | None = None
    """First day of use (in the portfolio's zone); earlier outages did not affect the client."""

    contact: Secret | None = None
    """Reference to a contact: `{env: NAME}` or `{file: PATH}`. It is never shown."""

    @property
    def risk_level(self) -> Risk:
        """The risk as a value of `Risk`."""
        return Risk[self.risk.upper()]

    def used_before(self, until: int, zone: ZoneInfo) -> bool:
        """Return whether the client used the product at some time before the instant `until`."""
        return self.since is None or midnight(self.since, zone) < until


_MAX_AMOUNT = 10**12


def _amount(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MAX_AMOUNT:
        raise ValueError("not an amount; use a number above 0, such as 1200 or 87.50, and the currency separately")
    return Fraction(repr(value))


_AS_NUMBER = PlainSerializer(float, return_type=float, when_used="json")
Amount = Annotated[
    InstanceOf[Fraction],
    PlainValidator(_amount),
    _AS_NUMBER,
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": _MAX_AMOUNT}),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class ValuePerHour(Model):
    """Cost of an hour of downtime. It is an assumption, and is shown with every amount."""

    amount: Amount
    """Cost of an hour of downtime for the product's clients."""

    currency: Currency = "CAD"
    """The currency's three letters (ISO 4217)."""

    basis: Text
    """Basis of the amount, shown with every figure: `40 case workers at 30 an hour who have to wait`."""

    @property
    def rate(self) -> Rate:
        """The cost as a `Rate`, for computations."""
        return Rate(self.amount, self.currency, self.basis)
