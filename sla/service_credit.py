"""Service credits: the share of the monthly fee that an agreement credits for a low contractual availability.

The credit is computed for the lowest possible, the estimated and the highest possible availability. Only the last one
can be claimed: it counts unknown time and doubt as up, so a claim does not depend on time with an unknown state.
Figures are exact fractions. Amounts are rounded down to a hundredth of the currency, so that none exceeds the agreed
credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sla.availability import Bounds
from sla.interval import DAY
from sla.localtime import local, midnight
from sla.window import format_instant

if TYPE_CHECKING:
    from datetime import tzinfo

    from sla.calendar import Window
    from sla.measured import Measured

ROUNDING = "amounts are rounded down to a hundredth of the currency"


@dataclass(frozen=True, slots=True, order=True)
class CreditBand:
    """The share of the fee that is credited if the availability is below `below`. Both are shares from 0 to 1."""

    below: Fraction
    credit: Fraction


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """The fee per calendar month, its currency and the bands.

    `claim_within` is the time to claim a credit after the end of the month, microseconds; None without a deadline.
    """

    fee: Fraction
    currency: str
    bands: tuple[CreditBand, ...]
    claim_within: int | None = None

    def share(self, availability: Fraction) -> Fraction:
        """Return the credited share of the fee: the highest credit of the bands that apply, or 0."""
        return max((band.credit for band in self.bands if availability < band.below), default=Fraction(0))

    def deadline(self, end: int, zone: tzinfo) -> int | None:
        """Return the deadline (exclusive) to claim a credit for the month that ends at `end`, or None.

        A deadline of whole days is a local midnight.
        """
        if self.claim_within is None:
            return None
        days, rest = divmod(self.claim_within, DAY)
        if rest:
            return end + self.claim_within
        return midnight(local(end, zone).date() + timedelta(days), zone)


@dataclass(frozen=True, slots=True)
class Credit:
    """The credit at one availability: the share of the fee, and the exact amount."""

    availability: Fraction
    share: Fraction
    amount: Fraction

    @property
    def rounded(self) -> Decimal:
        """The amount, rounded down to a hundredth of the currency."""
        return rounded_down(self.amount)

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API. The amount is a decimal number as text, so that it stays exact."""
        return {
            "availability": float(self.availability),
            "credit": float(self.share),
            "amount": str(self.rounded),
        }


def rounded_down(amount: Fraction) -> Decimal:
    """Return the amount, rounded down to hundredths.

    >>> rounded_down(Fraction("1234.509"))
    Decimal('1234.50')
    """
    return Decimal(amount * 100 // 1).scaleb(-2)


def format_amount(amount: Decimal, currency: str) -> str:
    """Return a rounded amount with its currency.

    >>> format_amount(Decimal("1234.50"), "CAD")
    '1,234.50 CAD'
    """
    return f"{amount:,.2f} {currency}"


@dataclass(frozen=True, slots=True)
class MonthlyCredit:
    """The credit for one calendar month.

    `measured` are its contractual figures. `credits` has the credit at the lowest, estimated and highest availability.
    The estimate is None without known time; all are None if all time is excluded. `deadline` is None if there is none.
    """

    window: Window
    terms: CreditTerms
    measured: Measured
    credits: Bounds[Credit | None]
    deadline: int | None

    @property
    def claimable(self) -> Credit | None:
        """The credit that can be claimed, at the highest availability. None if it is 0 or the month has not ended.

        Nothing can be claimed for a provisional month, because observations of it may still arrive.
        """
        certain = self.credits.high
        if self.window.in_progress or self.measured.provisional or certain is None or not certain.share:
            return None
        return certain

    def as_json(self) -> dict[str, Any]:
        """Return the object of the API and of reports."""
        names = ("low", "point", "high")
        at = {name: credit and credit.as_json() for name, credit in zip(names, self.credits, strict=True)}
        claimable = self.claimable
        return {
            "month": {"start": format_instant(self.window.full.start), "end": format_instant(self.window.full.end)},
            "in_progress": self.window.in_progress,
            "fee": float(self.terms.fee),
            "currency": self.terms.currency,
            "at_availability": at,
            "claimable_amount": None if claimable is None else str(claimable.rounded),
            "deadline": None if self.deadline is None else format_instant(self.deadline),
            "provisional": self.measured.provisional,
        }


def monthly_credit(terms: CreditTerms, window: Window, measured: Measured, zone: tzinfo) -> MonthlyCredit:
    """Return the credit for a calendar month. `measured` are its contractual figures up to now."""
    by_availability = Bounds(*(_credit(terms, availability) for availability in measured.availability))
    return MonthlyCredit(window, terms, measured, by_availability, terms.deadline(window.full.end, zone))


def _credit(terms: CreditTerms, availability: Fraction | None) -> Credit | None:
    if availability is None:
        return None
    share = terms.share(availability)
    return Credit(availability, share, terms.fee * share)
