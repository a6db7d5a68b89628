"""Who relies on a product, and what its downtime costs them."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import InstanceOf, PlainSerializer, PlainValidator, StringConstraints, WithJsonSchema

from monitor.config.base import Model
from monitor.config.secret import Secret
from monitor.config.values import Count, Text
from sla.localtime import midnight
from sla.stage import Risk
from sla.value import Rate


def _date(value: Any) -> dt.date:
    if isinstance(value, str):
        try:
            value = dt.date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise ValueError("not a date; write it as 2027-03-01")
    return value


Date = Annotated[dt.date, PlainValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]


class Client(Model):
    """Somebody who relies on the product: a program or a group of them, never a person."""

    name: Text
    """What they are called on pages and in reports."""

    count: Count = 1
    """How many they are, where one entry stands for several."""

    risk: Literal["low", "high"]
    """What is at stake for them when the product fails."""

    since: Date | None = None
    """The day (in the portfolio's zone) from which they rely on it; what failed before it did not affect them."""

    contact: Secret | None = None
    """Whom to tell, kept elsewhere: `{env: NAME}` or `{file: PATH}`. No page, log or answer shows it."""

    @property
    def stakes(self) -> Risk:
        """The risk as the stages know it."""
        return Risk[self.risk.upper()]

    def relies_by(self, until: int, zone: ZoneInfo) -> bool:
        """Return whether they relied on the product at some time before the instant `until`."""
        return self.since is None or midnight(self.since, zone) < until


_MOST = 10**12


def _amount(value: Any) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MOST:
        raise ValueError("not an amount; write a number above 0, such as 1200 or 87.50, and the currency beside it")
    return Fraction(repr(value))


_AS_NUMBER = PlainSerializer(float, return_type=float, when_used="json")
Amount = Annotated[
    InstanceOf[Fraction],
    PlainValidator(_amount),
    _AS_NUMBER,
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": _MOST}),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class ValuePerHour(Model):
    """What an hour of downtime costs. It is an assumption, and every figure made with it says so."""

    amount: Amount
    """How much an hour of downtime costs those who rely on the product."""

    currency: Currency = "CAD"
    """The currency's three letters (ISO 4217)."""

    basis: Text
    """What the amount rests on; it stands beside every figure: `40 case workers at 30 an hour who have to wait`."""

    @property
    def rate(self) -> Rate:
        """The value as arithmetic takes it."""
        return Rate(self.amount, self.currency, self.basis)
