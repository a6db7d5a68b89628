"""Service credits in the API, on the product's page, in reports, and as the file of a claim."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from monitor.facts.definitions import definition_of
from monitor.facts.fact_index import Facts
from monitor.reporting.report import portfolio_report
from monitor.reporting.text_formats import as_csv
from monitor.web.openapi import description
from sla.calendar import Period, previous_window
from sla.interval import DAY, HOUR, MINUTE
from sla.window import parse_instant, parse_window
from tests.support.clocks import ManualClock
from tests.support.ledgers import BAD, GOOD, NOW, ledger_of, product, resolved_incidents, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.ledger.ledger import Ledger
    from tests.monitor.web.conftest import RunningServer

BANDS = [{"below": "99.9%", "credit": "10%"}, {"below": "99%", "credit": "25%"}]
CREDITS = {"fee": 12000, "bands": BANDS, "claim_within": "30d"}
DOWN = parse_instant("2026-08-10T18:00:20Z")  # in the month before NOW
KEY = "forms/health"
PATH = "/api/v1/products/forms/credits?limit=2"


def ledger_with_outage(gap: int = 0, agreement: dict[str, Any] | None = None) -> Ledger:
    """Return a ledger with a certain downtime of 59 minutes in August, and `gap` microseconds without observations."""
    ledger = ledger_of(product("forms", agreement={"credits": CREDITS} if agreement is None else agreement))
    runs = [
        run(KEY, GOOD, NOW - 60 * DAY, DOWN - MINUTE),
        run(KEY, BAD, DOWN, DOWN + 59 * MINUTE, "http_status"),
        run(KEY, GOOD, DOWN + HOUR, DOWN + DAY),
        run(KEY, GOOD, DOWN + DAY + gap + MINUTE, NOW),
    ]
    ledger.restore(runs, [], resolved_incidents(KEY, [(DOWN, DOWN + 59 * MINUTE, "http_status")]))
    return ledger


def ledger_with_gap_only() -> Ledger:
    ledger = ledger_of(product("forms", agreement={"credits": CREDITS}))
    ledger.restore([run(KEY, GOOD, NOW - 60 * DAY, DOWN), run(KEY, GOOD, DOWN + DAY, NOW)], [], [])
    return ledger


async def test_credits_are_at_the_minimum_estimate_and_maximum(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    server = await publish(ledger_with_outage(gap=DAY))
    current, august = await (await server.get(PATH)).json()  # type: ignore[misc]
    assert current["in_progress"] is True
    assert current["claimable_amount"] is None
    at = august["at_availability"]
    assert [at[name]["amount"] for name in ("low", "point", "high")] == ["3000.00", "1200.00", "1200.00"]
    assert at["low"]["availability"] < 0.99 < at["high"]["availability"] < 0.999
    assert (august["claimable_amount"], august["deadline"]) == ("1200.00", "2026-10-01T07:00:00Z")
    schema = description()["paths"]["/api/v1/products/{id}/credits"]["get"]["responses"]["200"]
    components = {"components": description()["components"]}
    jsonschema.validate([current, august], schema["content"]["application/json"]["schema"] | components)


async def test_claim_file_has_amount_figures_facts_terms_and_deadline(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    bands = [BANDS[0], {"below": "99%", "credit": "33.333333%"}]
    server = await publish(ledger_with_outage(agreement={"credits": {**CREDITS, "bands": bands}}))
    assert 'href="/products/forms/claims/2026-08"' in (await server.get("/products/forms")).text
    answer = await server.get("/products/forms/claims/2026-08")
    assert answer.status == 200
    assert answer.raw.headers["Content-Disposition"] == 'attachment; filename="claim-forms-2026-08.md"'
    for part in (
        "# Claim for a service credit: forms, 2026-08",
        "Claimed: **1,200.00 CAD**, 10.00% of the fee of the month.",
        "(2026-10-01T07:00:00Z)",
        "- Fee per month: 12,000.00 CAD",
        "- Below 99.90%: 10.00% of the fee",
        "- Below 99.00%: 33.333333% of the fee",
        "| downtime | 59m | 1h | 1h 1m |",
        "http\\_status",
        "rounded down to a hundredth",
    ):
        assert part in answer.text


async def test_claim_reports_a_deadline_that_has_passed(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(ledger_with_outage(), ManualClock(NOW + 60 * DAY))
    assert "<strong>deadline passed</strong>" in (await server.get("/products/forms")).text
    claim = (await server.get("/products/forms/claims/2026-08")).text
    assert "The deadline has passed:" in claim
    assert "Claim before" not in claim


async def test_month_is_final_if_the_product_was_not_observed_since(
    publish: Callable[..., Awaitable[RunningServer]],
) -> None:
    """Observations that are missing since 10 August cannot arrive in September any more: they are unknown time."""
    ledger = ledger_of(product("forms", agreement={"credits": CREDITS}))
    ledger.restore([run(KEY, GOOD, NOW - 60 * DAY, DOWN), run(KEY, BAD, DOWN + MINUTE, DOWN + 2 * HOUR)], [], [])
    server = await publish(ledger)
    _, august = await (await server.get(PATH)).json()  # type: ignore[misc]
    assert (august["provisional"], august["claimable_amount"]) == (False, "1200.00")
    assert (await server.get("/products/forms/claims/2026-08")).status == 200


async def test_unknown_time_gives_no_claim(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(ledger_with_gap_only())
    _, august = await (await server.get(PATH)).json()  # type: ignore[misc]
    assert august["at_availability"]["low"]["amount"] == "3000.00"
    assert august["claimable_amount"] is None
    answer = await server.get("/products/forms/claims/2026-08")
    assert (answer.status, "no credit is certain" in answer.text) == (409, True)
    page = (await server.get("/products/forms")).text
    assert "not certain" in page
    assert "/claims/" not in page


@pytest.mark.parametrize(
    ("month", "status"), [("2026-09", 409), ("2026-13", 404), ("2027-01", 404), ("1970-01", 404), ("0000-01", 404)]
)
async def test_claim_needs_a_month_that_has_ended(
    publish: Callable[..., Awaitable[RunningServer]], month: str, status: int
) -> None:
    server = await publish(ledger_with_outage())
    assert (await server.get(f"/products/forms/claims/{month}")).status == status


async def test_product_without_credits_has_none(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    server = await publish(ledger_with_outage(agreement={}))
    assert await (await server.get(PATH)).json() == []
    assert 'id="credits"' not in (await server.get("/products/forms")).text
    assert (await server.get("/products/forms/claims/2026-08")).status == 404


async def test_terms_in_force_at_the_end_of_the_month_apply(publish: Callable[..., Awaitable[RunningServer]]) -> None:
    """The agreement of August had another fee; the present one changes only September."""
    ledger = ledger_with_outage()
    earlier = ledger_of(product("forms", agreement={"credits": {**CREDITS, "fee": 100}}))
    zone, september = ledger.portfolio.time_zone, parse_instant("2026-09-05T00:00:00Z")
    then = definition_of(earlier.products["forms"], zone, NOW - 60 * DAY)
    now = definition_of(ledger.products["forms"], zone, september)
    assert then.digest != now.digest
    ledger.facts = Facts([then.fact("c.yaml"), now.fact("c.yaml")])
    server = await publish(ledger)
    current, august = await (await server.get(PATH)).json()  # type: ignore[misc]
    assert (current["fee"], august["fee"], august["claimable_amount"]) == (12000, 100, "10.00")


def test_report_has_the_credits_of_its_months_in_all_formats() -> None:
    ledger = ledger_with_outage(gap=DAY)
    window = previous_window(Period.MONTH, NOW, ledger.portfolio.zone)
    report = portfolio_report(ledger, ledger.portfolio.products, window, NOW)
    (credit,) = report.as_json()["products"][0]["service_credits"]
    assert (credit["claimable_amount"], credit["currency"]) == ("1200.00", "CAD")
    document = report.document()
    (section,) = (section for section in document.parts[0].sections if section.id == "credits")
    assert section.table is not None
    texts = [cell.text for cell in section.table.rows[0]]
    assert texts[0] == "2026-08"
    assert texts[4:8] == ["3,000.00 CAD", "1,200.00 CAD", "1,200.00 CAD", "1,200.00 CAD"]
    assert "1200.0" in as_csv(document)
    half = parse_window("2026-08-01T07:00:00Z/2026-08-15T07:00:00Z", NOW, ledger.portfolio.zone)
    of_half = portfolio_report(ledger, ledger.portfolio.products, half, NOW)
    assert "service_credits" not in json.dumps(of_half.as_json())
    without = portfolio_report(ledger_with_outage(agreement={}), ledger.portfolio.products, window, NOW)
    assert "service_credits" not in json.dumps(without.as_json())
