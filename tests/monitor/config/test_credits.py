"""Service credits in a configuration and in recorded agreements; mistakes are reported at their line."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.agreement import Agreement
from monitor.config.agreement_meaning import agreement_meaning
from monitor.config.credits import credit_terms_of
from sla.interval import DAY
from sla.service_credit import CreditBand
from tests.monitor.config.kinds import MINIMAL, load_text, problems_of

if TYPE_CHECKING:
    from pathlib import Path

BANDS = "[{below: 99%, credit: 25%}, {below: 99.9%, credit: 10%}]"


def with_credits(text: str) -> str:
    return MINIMAL + f"    agreement:\n      credits: {text}\n"


def test_bands_may_be_in_any_order_and_amounts_are_exact(tmp_path: Path) -> None:
    text = with_credits(f"{{fee: 1200.10, claim_within: 30d, bands: {BANDS}}}")
    block = load_text(tmp_path, text).products[0].agreement.credits
    assert block is not None
    terms = block.terms
    assert (terms.fee, terms.currency, terms.claim_within) == (Fraction("1200.1"), "CAD", 30 * DAY)
    assert terms.bands == (
        CreditBand(Fraction("0.999"), Fraction("0.1")),
        CreditBand(Fraction("0.99"), Fraction("0.25")),
    )


@pytest.mark.parametrize("within", [None, "30d"])
def test_recorded_agreement_gives_the_same_terms(within: str | None) -> None:
    bands = [{"below": "99.9%", "credit": "33.333333%"}]
    fields: dict[str, Any] = {"fee": 87.5, "currency": "USD", "bands": bands, "claim_within": within}
    agreement = Agreement.model_validate({"credits": {k: v for k, v in fields.items() if v is not None}})
    assert agreement.credits is not None
    assert credit_terms_of(agreement_meaning(agreement, "UTC")) == agreement.credits.terms
    assert "credits" not in agreement_meaning(Agreement(), "UTC")


@pytest.mark.parametrize("recorded", [None, 1, {}, {"fee": "x", "currency": "CAD", "bands": []}, {"bands": [1]}])
def test_terms_of_a_newer_version_are_no_terms(recorded: Any) -> None:
    assert credit_terms_of({"credits": recorded}) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{{fee: 0, bands: {BANDS}}}", "not an amount"),
        (f"{{fee: 10, currency: dollars, bands: {BANDS}}}", "currency"),
        (f"{{bands: {BANDS}}}", "fee"),
        ("{fee: 10, bands: []}", "bands"),
        ("{fee: 10, bands: [{below: 101%, credit: 10%}]}", "below"),
        ("{fee: 10, bands: [{below: 99%, credit: 0%}]}", "above 0 % and at most 100 % of the fee; use 10%"),
        ("{fee: 10, bands: [{below: 99%, credit: 120%}]}", "above 0 % and at most 100 % of the fee; use 10%"),
        ("{fee: 10, bands: [{below: 99%, credit: 10%}, {below: 99.0%, credit: 20%}]}", "has two bands below 99%"),
        ("{fee: 10, bands: [{below: 99%, credit: 10%}, {below: 99.9%, credit: 10%}]}", "gives no higher credit below"),
    ],
)
def test_mistake_is_reported_at_its_line_with_a_remedy(tmp_path: Path, text: str, problem: str) -> None:
    (message,) = problems_of(tmp_path, with_credits(text))
    assert message.startswith(f"c.yaml:{len(MINIMAL.splitlines()) + 2}:")
    assert " products.demo.agreement.credits" in message
    assert problem in message
