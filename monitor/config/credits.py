"""Service credits of an agreement: bands of availability, the monthly fee, and the deadline for claims."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, model_validator

from monitor.config.base import Model
from monitor.config.budget_policy import Share
from monitor.config.clients import Amount, Currency
from monitor.config.values import Duration, ObjectiveField, problem_at
from sla.interval import SECOND
from sla.service_credit import CreditBand, CreditTerms


class CreditBandBlock(Model):
    """A band: the credit if the contractual availability of a month is below a limit."""

    below: ObjectiveField
    """The limit: `99.9%`. The band applies to an availability below the limit, not equal to it."""

    credit: Share
    """The credited share of the monthly fee: `10%`."""

    @model_validator(mode="after")
    def _is_a_share_of_the_fee(self) -> CreditBandBlock:
        if not 0 < self.credit <= 1:
            raise problem_at("credit", "must be above 0 % and at most 100 % of the fee; use 10%")
        return self


class CreditsBlock(Model):
    """Credits for a calendar month whose contractual availability is too low."""

    fee: Amount
    """The fee per calendar month: `12000`."""

    currency: Currency = "CAD"
    """The currency's three letters (ISO 4217)."""

    bands: Annotated[tuple[CreditBandBlock, ...], Field(min_length=1, max_length=20)]
    """The bands, in any order. If several apply, the one with the highest credit is used."""

    claim_within: Duration | None = None
    """Time after the end of the month in which a credit must be claimed: `30d`. Default: no deadline."""

    @model_validator(mode="after")
    def _lower_availability_has_a_higher_credit(self) -> CreditsBlock:
        bands = sorted(self.bands, key=lambda band: band.below.ratio, reverse=True)
        for higher, lower in pairwise(bands):
            if higher.below.ratio == lower.below.ratio:
                raise problem_at("bands", f"has two bands below {lower.below}; remove one of them")
            if lower.credit <= higher.credit:
                message = (
                    f"gives no higher credit below {lower.below} than below {higher.below}, so that the band has no "
                    "effect; raise its credit, or remove it"
                )
                raise problem_at("bands", message)
        return self

    @property
    def terms(self) -> CreditTerms:
        """The terms for computations, bands from the highest limit to the lowest."""
        bands = sorted((CreditBand(band.below.ratio, band.credit) for band in self.bands), reverse=True)
        return CreditTerms(self.fee, self.currency, tuple(bands), self.claim_within)


def credits_meaning(terms: CreditTerms) -> dict[str, Any]:
    """Return the terms as plain data for a definition. Fractions are text, so that they stay exact."""
    meaning: dict[str, Any] = {
        "fee": str(terms.fee),
        "currency": terms.currency,
        "bands": [{"below": str(band.below), "credit": str(band.credit)} for band in terms.bands],
    }
    return meaning | ({} if terms.claim_within is None else {"claim_within_seconds": terms.claim_within / SECOND})


def credit_terms_of(meaning: Mapping[str, Any]) -> CreditTerms | None:
    """Return the terms of a recorded agreement. None without credits, or with credits of a newer version."""
    try:
        data = meaning["credits"]
        bands = tuple(CreditBand(Fraction(band["below"]), Fraction(band["credit"])) for band in data["bands"])
        within = data.get("claim_within_seconds")
        fee, currency = Fraction(data["fee"]), str(data["currency"])
        return CreditTerms(fee, currency, bands, None if within is None else round(within * SECOND))
    except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError):
        return None
