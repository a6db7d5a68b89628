"""A report states the imported history of a product."""

from __future__ import annotations

from monitor.facts.fact_index import Facts
from monitor.reporting.report import portfolio_report
from sla.calendar import Window
from sla.fact import IMPORT, Fact
from sla.interval import DAY
from sla.window import format_instant, rolling
from tests.support.ledgers import NOW, history, ledger_of, product


def test_notice_names_the_product_and_the_source() -> None:
    ledger = ledger_of(product("forms", name="Forms"))
    ledger.restore(history("forms/health", NOW - 50 * DAY, NOW, ()), (), ())
    extent = {"start": format_instant(NOW - 50 * DAY), "end": format_instant(NOW - 10 * DAY)}
    body = {"tool": "gatus", "file": "data.db", "checks": {"forms/health": extent}}
    ledger.facts = Facts([Fact.of(NOW - DAY, "import", IMPORT, "forms", body)])
    window = Window("own", rolling(30 * DAY, NOW), rolling(30 * DAY, NOW))
    document = portfolio_report(ledger, [ledger.products["forms"]], window, NOW).document()
    (notice,) = [notice for notice in document.notices if "imported from gatus" in notice]
    assert notice.startswith("Forms: The history up to ")
