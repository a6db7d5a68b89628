"""Statements of suppliers on the pages, in the API and in reports, and their configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import jsonschema
import pytest
from pydantic import ValidationError

from monitor.config.status_feed import StatusFeed
from monitor.facts.fact_index import Facts
from monitor.facts.history import history
from monitor.health import Health
from monitor.ledger.supplier_statements import supplier_record, supplier_records
from monitor.probe_result import ProbeResult
from monitor.reporting.admission_section import admission_json
from monitor.reporting.report import portfolio_report
from monitor.reporting.report_file import rendered
from monitor.views.admissions import admission_table, delay_text
from monitor.web.admissions import SCHEMAS
from monitor.web.server import build, listen
from sla.calendar import Window
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Outcome
from sla.supplier_statement import FeedState, Statement
from tests.support.clocks import ManualClock
from tests.support.ledgers import GOOD_RESULT, NOW, ledger_of, observe, product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

FEED = {"statuspage": "https://status.example.org/api/v2/incidents.json"}
BAD = ProbeResult(Outcome.BAD, "http_status", 503)
WINDOW = Interval(NOW - DAY, NOW)
REPORT_WINDOW = Window("24h", WINDOW, WINDOW)


def supplied_ledger() -> Ledger:
    """Return a ledger of `forms`, which depends on `sso`: `sso` was down 20 minutes 10 h, 6 h and 10 minutes ago.

    Its supplier admitted the first outage 12 minutes later, never the second, and one that was not observed.
    """
    ledger = ledger_of(product("sso", status_feed=FEED), product("forms", depends_on=["sso"]), time_zone="UTC")
    entry = ledger.entries["sso/health"]
    for minute in range(-12 * 60, 1):
        down = minute < 0 and any(start <= minute < start + 20 for start in (-600, -360, -10))
        observe(ledger, entry, NOW + minute * MINUTE, BAD if down else GOOD_RESULT)
    first = Statement("sso", "a", "Logins fail", NOW - 588 * MINUTE, NOW - 9 * HOUR, None, NOW - 580 * MINUTE)
    other = Statement("sso", "b", "Slow e-mail", NOW - 20 * HOUR, NOW - 19 * HOUR, None, NOW - 11 * HOUR)
    facts = [first.fact(first.made), other.fact(other.made), FeedState("sso", NOW - 11 * HOUR, True).fact()]
    ledger.facts = Facts(facts)
    return ledger


def test_outages_and_statements_of_a_dependency() -> None:
    """An outage 6 hours ago may still be admitted: it is never admitted only after a day."""
    ledger = supplied_ledger()
    table = admission_table(ledger, ledger.products["forms"], WINDOW, NOW)
    assert table is not None
    assert len(table.notes) == 1  # the feed can be read
    rows = table.rows
    assert [(row.supplier, row.outage, row.delay, row.statement) for row in rows] == [
        ("sso", "9m", "", ""),
        ("sso", "19m", "", ""),
        ("sso", "19m", "12m later", "Logins fail"),
        ("sso", "none observed", "", "Slow e-mail"),
    ]
    assert [row.admitted for row in rows] == [
        "not yet",
        "not yet",
        "2026-09-21 04:25:20 UTC",
        "2026-09-20 18:13:20 UTC",
    ]


def test_outage_that_was_not_admitted_within_a_day_was_never_admitted() -> None:
    ledger = supplied_ledger()
    table = admission_table(ledger, ledger.products["sso"], WINDOW, NOW + 2 * DAY)
    assert table is not None
    assert [row.admitted for row in table.rows[:2]] == ["never", "never"]


def test_statements_are_known_from_their_reading_on() -> None:
    ledger = supplied_ledger()
    record = supplier_record(ledger, ledger.products["sso"], WINDOW, NOW - 590 * MINUTE)
    assert record is not None
    assert [admission.verdict for admission in record.admissions] == ["not_yet"]
    assert record.admissions[0].outage.ongoing


def test_product_without_a_status_feed_has_no_section() -> None:
    ledger = ledger_of(product("forms"))
    assert supplier_records(ledger, ledger.products["forms"], WINDOW, NOW) == []
    assert admission_table(ledger, ledger.products["forms"], WINDOW, NOW) is None


def test_feed_that_cannot_be_read_is_reported() -> None:
    def notes(ledger: Ledger) -> list[str]:
        table = admission_table(ledger, ledger.products["sso"], WINDOW, NOW)
        assert table is not None
        return list(table.notes[1:])

    ledger = ledger_of(product("sso", status_feed=FEED), time_zone="UTC")
    assert notes(ledger) == ["The status feed of sso was not read yet."]
    ledger.facts = Facts([FeedState("sso", NOW - HOUR, False, "status 503").fact()])
    (note,) = notes(ledger)
    assert note.startswith("The status feed of sso cannot be read since ")
    assert note.endswith("UTC: status 503.")


def test_delays() -> None:
    assert (delay_text(90 * SECOND), delay_text(-90 * SECOND)) == ("1m 30s later", "1m 30s earlier")


def test_statements_change_no_figure() -> None:
    ledger, without = supplied_ledger(), supplied_ledger()
    without.facts = Facts([])
    for name in ("sso", "forms"):
        assert ledger.measured(name, WINDOW, NOW) == without.measured(name, WINDOW, NOW)
        assert ledger.exclusions(name, WINDOW) == without.exclusions(name, WINDOW)


async def test_api_and_pages() -> None:
    ledger, clock = supplied_ledger(), ManualClock(NOW)
    listener = await listen(build(ledger, Health(last_tick=0.0), clock), "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://{listener.addresses[0]}") as session:
            async with session.get("/api/v1/products/forms/supplier-statements?days=1") as response:
                body = json.loads(await response.text())
            async with session.get("/api/v1/products/forms/supplier-statements?days=0") as response:
                assert response.status == 400
            pages = {}
            for name in ("forms", "sso"):
                async with session.get(f"/products/{name}") as response:
                    pages[name] = await response.text()
    finally:
        await listener.close()
    (sso,) = body["suppliers"]
    assert (sso["product"], sso["feed"]["readable"], sso["feed"]["error"]) == ("sso", True, None)
    assert [(row["verdict"], row["delay_seconds"]) for row in sso["outages"]] == [
        ("admitted", 720.0),
        ("not_yet", None),
        ("not_yet", None),
    ]
    assert [row["key"] for row in sso["not_observed"]] == ["b"]
    schemas = {name: json.loads(json.dumps(schema)) for name, schema in SCHEMAS.items()}
    jsonschema.validate(body, schemas["SupplierStatements"])
    for page in pages.values():
        assert "Statements of suppliers" in page
        assert "12m later" in page
        assert "Slow e-mail" in page


@pytest.mark.parametrize("form", ["html", "csv", "md", "json"])
def test_reports_of_text_formats(form: str) -> None:
    ledger = supplied_ledger()
    complete = portfolio_report(ledger, [ledger.products["forms"]], REPORT_WINDOW, NOW)
    text = rendered(complete, form, "letter").decode()
    for expected in ("Logins fail", "Slow e-mail", "12m later" if form != "json" else "delay_seconds"):
        assert expected in text


def test_workbook_and_pdf_have_the_section() -> None:
    ledger = supplied_ledger()
    complete = portfolio_report(ledger, [ledger.products["forms"]], REPORT_WINDOW, NOW)
    (section,) = [s for part in complete.document().parts for s in part.sections if s.id == "suppliers"]
    assert section.table is not None
    assert len(section.table.rows) == 4
    assert rendered(complete, "xlsx", "letter").startswith(b"PK")
    assert rendered(complete, "pdf", "letter").startswith(b"%PDF")


def test_report_as_json_has_the_statements() -> None:
    ledger = supplied_ledger()
    complete = portfolio_report(ledger, list(ledger.products.values()), REPORT_WINDOW, NOW)
    of_forms = next(report for report in complete.reports if report.product == "forms")
    (sso,) = admission_json(ledger, ledger.products["forms"], of_forms)["suppliers"]
    assert len(sso["outages"]) == 3


def test_history_lists_the_statements() -> None:
    lines = sorted(line for entry in history(supplied_ledger().facts, "sso") for line in entry.changes)
    assert lines == [
        "the status feed is readable",
        "the supplier states an ended problem: Logins fail",
        "the supplier states an ended problem: Slow e-mail",
    ]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "has no feed next to it; add one of statuspage, atom, gc_notify"),
        ({"atom": "https://a.example", "gc_notify": "https://a.example"}, "excludes atom in the same feed"),
        ({"atom": "https://a.example", "components": ["a"]}, "is not allowed for an Atom feed"),
        ({"atom": "https://a.example", "interval": "1s"}, "between 1m and 1d"),
        ({"atom": "ftp://a.example"}, "http"),
    ],
)
def test_mistakes_in_the_configuration(block: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StatusFeed.model_validate(block)
