"""Downtime by design in the ledger: in the measured figures always, out of the contractual ones if it is agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from monitor.bundle.archive import unpack
from monitor.bundle.verification import verify_bundle
from monitor.facts.fact_index import Facts
from monitor.ledger.designed_downtime import designed_downtime, designed_total
from monitor.reporting.report import portfolio_report
from monitor.reporting.site_section import site_sections
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.availability import Bounds
from sla.calendar import Window
from sla.exclusion import Cause, totals
from sla.failover import FailoverResult
from sla.failover_facts import failover_end_fact, site_change_fact
from sla.interval import DAY, MINUTE, Interval
from sla.sites import ChangeKind, SiteChange
from sla.window import rolling
from tests.monitor.bundle.worlds import World, write_bundle
from tests.monitor.config.kinds import MINIMAL, load_text, problems_of
from tests.support.ledgers import BAD_RESULT, NOW, FakeCheck, history, ledger_of, probe_all, product

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.ledger.ledger import Ledger
    from monitor.reporting.document import Section

MONTH = rolling(30 * DAY, NOW)
OWN = Window("own", MONTH, MONTH)
OUTAGE = Interval(NOW - 5 * DAY, NOW - 5 * DAY + 9 * MINUTE)  # ten bad probes: ten minutes by the point estimate
DESIGN = {"down_by_design": {"failover_of": "sso"}}
NOTHING = Bounds[int | None](None, None, None)
EXCLUDED = {"agreement": {"excludes": ["corrections", {"failover_of": "sso"}]}}


def ledger_with(**css: Any) -> Ledger:
    """Return a ledger in which css was down for ten minutes five days ago, and since five minutes."""
    sites = [{"id": name, "active": FakeCheck(id=name, interval="1m", timeout="10s")} for name in ("gold", "dr")]
    ledger = ledger_of(product("css", **css), product("sso", sites=sites))
    bad = [(OUTAGE.start, OUTAGE.end, "http_status")]
    ledger.restore(history("css/health", NOW - 31 * DAY, NOW - 6 * MINUTE, bad), [], [])
    probe_all(ledger, [ledger.entries["css/health"]], NOW - 5 * MINUTE, NOW, BAD_RESULT)
    return ledger


def record_failover(ledger: Ledger, *instants: tuple[ChangeKind, int]) -> None:
    """Record site changes of sso."""
    changes = [(SiteChange(kind, "gold", "dr", at, at), at) for kind, at in instants]
    ledger.facts = Facts([site_change_fact(change, "sso", at, "ninewatch") for change, at in changes])


DURING = ((ChangeKind.FAILOVER, OUTAGE.start - MINUTE), (ChangeKind.FAILBACK, OUTAGE.end + MINUTE))


@pytest.mark.parametrize("agreed", [True, False])
def test_contractual_figure_excludes_downtime_by_design_only_if_it_is_agreed(*, agreed: bool) -> None:
    ledger = ledger_with(**DESIGN, **(EXCLUDED if agreed else {}))
    before = ledger.agreement_figures("css", OWN, NOW)
    record_failover(ledger, *DURING)
    after = ledger.agreement_figures("css", OWN, NOW)
    assert before.raw.downtime.point == after.raw.downtime.point == 15 * MINUTE + 30_000_000
    assert before.contractual.downtime.point == before.raw.downtime.point
    excluded = 10 * MINUTE if agreed else 0
    assert before.contractual.downtime.point - after.contractual.downtime.point == excluded
    assert totals(after.excluded_pieces) == ({Cause.DOWN_BY_DESIGN: excluded} if agreed else {})
    assert ledger.contractual("css", MONTH).downtime == after.contractual.downtime
    assert designed_total(ledger, ledger.products["css"], MONTH) == 10 * MINUTE


def test_product_is_down_by_design_from_the_failover_until_the_failback() -> None:
    ledger = ledger_with(**DESIGN)
    css, sso = ledger.products["css"], ledger.products["sso"]
    assert designed_downtime(ledger, css, NOW) is None
    record_failover(ledger, *DURING, (ChangeKind.FAILOVER, NOW - MINUTE))
    assert designed_downtime(ledger, css, NOW) == ("sso", NOW - MINUTE)
    assert designed_downtime(ledger, sso, NOW) is None
    record_failover(ledger, (ChangeKind.FAILOVER, NOW - 4 * MINUTE), (ChangeKind.FAILBACK, NOW - MINUTE))
    assert designed_downtime(ledger, css, NOW) is None


SSO = """
  - id: sso
    objective: 99%
    checks: [{id: c, tcp: "h:1"}]
    sites:
      - {id: gold, active: {id: gold, tcp: "h:1"}}
      - {id: dr, active: {id: dr, tcp: "h:2"}}
"""
DECLARED = "    down_by_design: {failover_of: sso}\n"
AGREED = "    agreement: {excludes: [{failover_of: sso}]}\n"


def test_exclusion_of_downtime_by_design_is_read_and_written(tmp_path: Path) -> None:
    css = load_text(tmp_path, MINIMAL + DECLARED + AGREED + SSO).products[0]
    assert css.down_by_design is not None
    assert css.agreement.model_dump(mode="json")["excludes"] == [{"failover_of": "sso"}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (MINIMAL + AGREED + SSO, "is excluded but not declared; add down_by_design: {failover_of: sso}"),
        (MINIMAL + DECLARED, 'unknown product "sso"; known products: '),
        (
            MINIMAL + DECLARED + '  - {id: sso, objective: 99%, checks: [{id: c, tcp: "h:1"}]}\n',
            '"sso" has fewer than two sites',
        ),
        (MINIMAL + SSO + DECLARED, "is the product itself; specify the id of the product that fails over"),
        (MINIMAL + SSO + AGREED, "is the product itself; specify the id of another product, or remove the entry"),
        (MINIMAL + AGREED, 'unknown product "sso"; known products: '),
        (MINIMAL + "    agreement: {excludes: [{failover_of: sso, dependency: x}]}\n", "not an exclusion; use"),
    ],
)
def test_mistakes_are_reported(tmp_path: Path, text: str, problem: str) -> None:
    assert [message for message in problems_of(tmp_path, text) if problem in message]


def sections(ledger: Ledger, name: str) -> dict[str, Section]:
    """Return the sections on sites of the report of a product over its own window."""
    product = ledger.products[name]
    (report,) = portfolio_report(ledger, [product], OWN, NOW).reports
    return {section.id: section for section in site_sections(ledger, product, report)}


@pytest.mark.parametrize(
    ("agreement", "counted"),
    [({}, "counted in the contractual figures"), (EXCLUDED, "excluded from the contractual figures")],
)
def test_report_has_the_downtime_by_design(agreement: dict[str, Any], counted: str) -> None:
    ledger = ledger_with(**DESIGN, **agreement)
    record_failover(ledger, *DURING)
    (note,) = sections(ledger, "css")["down-by-design"].notes
    assert "Estimated downtime by design in this period: 10m." in note
    assert counted in note
    reported = portfolio_report(ledger, [ledger.products["css"]], OWN, NOW).as_json()["products"][0]
    assert reported["failovers"] is None
    assert reported["down_by_design"] == {"failover_of": "sso", "seconds": 600.0, "excluded": bool(agreement)}


def test_report_has_the_failovers_in_its_window() -> None:
    ledger = ledger_with(**DESIGN)
    assert sections(ledger, "sso")["sites"].notes[-1] == "No failover in this period."
    record_failover(ledger, (ChangeKind.FAILOVER, NOW - 40 * DAY), (ChangeKind.FAILBACK, NOW - 39 * DAY), *DURING)
    ends = [None, NOW - 39 * DAY]  # the site changed again; over
    for fact, ended in zip(ledger.facts.all[:2], ends, strict=True):
        over = FailoverResult(fact.made, ended, NOTHING, NOTHING, True, None, "")
        ledger.facts = Facts(ledger.facts.all, [failover_end_fact(fact.id, over, "sso", NOW - 38 * DAY, "ninewatch")])
    by_id = sections(ledger, "sso")
    table = by_id["sites"].table
    assert list(by_id) == ["sites"]
    assert table is not None
    assert [row[1].text for row in table.rows] == ["failover", "failback"]
    reported = portfolio_report(ledger, [ledger.products["sso"]], OWN, NOW).as_json()["products"][0]
    assert [failover["kind"] for failover in reported["failovers"]] == ["failover", "failback"]
    assert reported["down_by_design"] is None


def test_bundle_verifies_the_exclusion_without_the_configured_sites(tmp_path: Path) -> None:
    ledger = ledger_with(**DESIGN, **EXCLUDED)
    record_failover(ledger, *DURING)
    store = SqliteStore(tmp_path / "n.db", NOW)
    runs = history("css/health", NOW - 31 * DAY, NOW, [(OUTAGE.start, OUTAGE.end, "http_status")])
    store.write(Batch(runs=runs, facts=list(ledger.facts.all)))
    store.close()
    portfolio = ledger.portfolio.model_copy(update={"store": tmp_path / "n.db"})
    path = tmp_path / "bundle.zip"
    path.write_bytes(write_bundle(World(tmp_path / "n.db", portfolio, NOW, []), "css"))
    assert b"down by design" in unpack(path.read_bytes(), "bundle")["figures.jsonl"]
    checked = verify_bundle(path)
    assert checked.is_valid, checked.as_json()
