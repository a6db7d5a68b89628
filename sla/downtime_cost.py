"""Compute the cost of downtime, and the cost avoided compared with the objective and with the previous period.

    cost                = downtime x rate
    avoided, objective  = ((1 - objective) x counted - downtime) x rate
    avoided, previous   = (share of downtime before x counted - downtime) x rate

`counted` is the time that a figure covers: for the estimate the known time (unknown time has no cost), for the bounds
all time, with unknown time and doubt as downtime for one bound and as uptime for the other. So low <= point <= high.
The previous period is compared by its share of downtime, because months differ in length and coverage. Amounts are
exact fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds, UnknownPolicy
from sla.interval import HOUR

if TYPE_CHECKING:
    from sla.measured import Measured


@dataclass(frozen=True, slots=True)
class Rate:
    """The assumed cost of an hour of downtime. `basis` is the source of the amount.

    Raises:
        ValueError: the amount is not above 0.
    """

    amount: Fraction
    currency: str
    basis: str

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise ValueError(f"the cost of an hour of downtime must be above 0: {self.amount}")

    def cost(self, microseconds: int | Fraction) -> Fraction:
        """Return the cost of the downtime."""
        return self.amount * microseconds / HOUR


Money = Bounds[Fraction]


@dataclass(frozen=True, slots=True)
class Value:
    """The cost of a window's downtime, and the avoided cost, which is negative if the downtime cost more.

    `against_objective` is None without an objective. `against_previous` is None if there is no previous period or all
    of its time is unknown. All three are None if the complete window is unknown: 0.00 would look like a good month.
    Show `assumptions` with every figure.
    """

    rate: Rate
    cost: Money | None
    against_objective: Money | None
    against_previous: Money | None
    assumptions: tuple[str, ...]

    @property
    def amounts(self) -> list[tuple[str, Money]]:
        """The available figures by label."""
        labelled = (
            ("Cost of downtime", self.cost),
            ("Cost avoided compared with the objective", self.against_objective),
            ("Cost avoided compared with the previous period", self.against_previous),
        )
        return [(label, bounds) for label, bounds in labelled if bounds is not None]

    def as_json(self) -> dict[str, Any]:
        """Return the amounts in units of the currency, rounded to hundredths, with the assumptions."""
        return {
            "currency": self.rate.currency,
            "per_hour": _number(self.rate.amount),
            "downtime_cost": _bounds(self.cost),
            "avoided_against_objective": _bounds(self.against_objective),
            "avoided_against_previous": _bounds(self.against_previous),
            "assumptions": list(self.assumptions),
        }


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the cost section: label, estimate and bounds as text."""

    label: str
    figure: str
    between: str


def cost_lines(value: Value) -> list[Line]:
    """Return the figures as lines of the cost section. Show `value.assumptions` with the lines."""
    return [_line(label, bounds, value.rate.currency) for label, bounds in value.amounts]


def _line(label: str, bounds: Money, currency: str) -> Line:
    low, point, high = (format_money(bound, currency) for bound in bounds)
    return Line(label, point, f"between {low} and {high}")


def format_money(amount: Fraction, currency: str) -> str:
    """Return the amount, rounded to hundredths (half to even), with a typographic minus sign.

    >>> format_money(Fraction("-1234.505"), "CAD")
    '−1,234.50 CAD'
    """
    cents = round(amount * 100)
    units, rest = divmod(abs(cents), 100)
    return f"{'−' if cents < 0 else ''}{units:,}.{rest:02} {currency}"


def value(rate: Rate, measured: Measured, previous: Measured | None = None) -> Value:
    """Return the cost of the window's downtime, and the cost avoided.

    `measured` and `previous` must be raw figures, because the cost does not depend on exclusions.
    """
    lost, counted = measured.downtime, _counted_time(measured)
    has_known_time = counted.point > 0
    objective = measured.objective
    allowed = (
        None if objective is None or not has_known_time else Bounds(*(objective.allowed(length) for length in counted))
    )
    shares = None if previous is None or not has_known_time else _shares(previous)
    before = None if shares is None else Bounds(*(s * t for s, t in zip(shares, counted, strict=True)))
    return Value(
        rate,
        Bounds(*(rate.cost(seconds) for seconds in lost)) if has_known_time else None,
        None if allowed is None else _avoided(rate, allowed, lost),
        None if before is None else _avoided(rate, before, lost),
        tuple(_assumptions(rate, measured, compared=before is not None)),
    )


def _counted_time(measured: Measured) -> Bounds[int]:
    """Return the time that low, point and high cover, microseconds."""
    durations = measured.durations
    excluded = durations.unknown if measured.unknown is UnknownPolicy.EXCLUDE else 0
    return Bounds(durations.total, durations.total - excluded, durations.total)


def _shares(measured: Measured) -> Bounds[Fraction] | None:
    """Return the share of time that was down; None if no time is known."""
    counted = _counted_time(measured)
    if not counted.point:
        return None
    return Bounds(*(Fraction(down, time) for down, time in zip(measured.downtime, counted, strict=True)))


def _avoided(rate: Rate, reference: Bounds[Fraction], lost: Bounds[int]) -> Money:
    return Bounds(
        rate.cost(reference.low - lost.high),
        rate.cost(reference.point - lost.point),
        rate.cost(reference.high - lost.low),
    )


def _assumptions(rate: Rate, measured: Measured, *, compared: bool) -> list[str]:
    notes = [
        f"Assumes {format_money(rate.amount, rate.currency)} per hour of downtime ({rate.basis}), at any time of day, "
        "for any length of outage.",
        "Uses raw downtime: exclusions do not change what an outage costs its users.",
    ]
    if measured.objective is not None:
        notes.append(
            f"Compared with the objective: the cost of the downtime that {measured.objective} allows, minus the actual "
            "cost. This is not money saved."
        )
    if compared:
        notes.append(
            "Compared with the previous period: uses that period's share of downtime, whatever its length and "
            "coverage. It does not show what caused the difference."
        )
    if measured.objective is not None or compared:
        notes.append("A negative amount is an additional cost.")
    return notes


def _number(amount: Fraction) -> float:
    return float(round(amount, 2))


def _bounds(bounds: Money | None) -> dict[str, float] | None:
    return None if bounds is None else {name: _number(amount) for name, amount in bounds._asdict().items()}
