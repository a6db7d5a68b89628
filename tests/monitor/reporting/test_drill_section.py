"""The section of an availability report on drills: those in its window, as known at its instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.facts.fact_index import Facts
from monitor.reporting.drill_section import drill_sections
from monitor.reporting.report import portfolio_report
from sla.calendar import Window
from sla.drill import Drill, DrillKind
from sla.drill_facts import drill_end, drill_finding, drill_recovery_point
from sla.interval import DAY, HOUR, MINUTE
from sla.window import rolling
from tests.support.ledgers import NOW, history, ledger_of, product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from monitor.reporting.document import Section
    from sla.fact import Fact

MONTH = Window("own", rolling(30 * DAY, NOW), rolling(30 * DAY, NOW))


def drill(started: int, kind: DrillKind = DrillKind.FAILOVER, rpo: int | None = None) -> tuple[Drill, list[Fact]]:
    """Return a drill of half an hour, with its facts."""
    started_drill = Drill(started, "Ana", "forms", kind, 15 * MINUTE, rpo)
    return started_drill, [started_drill.fact(), drill_end(started_drill.id, "forms", started + 30 * MINUTE, "Ana")]


def ledger_with(*facts: Fact, **fields: Any) -> Ledger:
    """Return a product that was down from five to ten minutes after the start of the drill of five days ago."""
    ledger = ledger_of(product("forms", **fields), product("other"))
    down = (NOW - 5 * DAY + 5 * MINUTE, NOW - 5 * DAY + 10 * MINUTE, "http_status")
    ledger.restore(history("forms/health", NOW - 50 * DAY, NOW, [down]), (), ())
    ledger.facts = Facts(facts)
    return ledger


def sections(ledger: Ledger, at: int = NOW) -> list[Section]:
    (report,) = portfolio_report(ledger, [ledger.products["forms"]], MONTH, at).reports
    return list(drill_sections(ledger, ledger.products["forms"], report))


def test_drills_in_the_window_are_listed_with_their_verdicts() -> None:
    _, earlier = drill(NOW - 40 * DAY)
    measured, facts = drill(NOW - 5 * DAY, rpo=0)
    point = drill_recovery_point(measured.id, "forms", NOW - 4 * DAY, "Ana", 0, "ledger")
    tabletop, tabletop_facts = drill(NOW - 2 * DAY, DrillKind.TABLETOP)
    ledger = ledger_with(*earlier, *facts, point, *tabletop_facts)
    (section,) = sections(ledger)
    assert section.table is not None
    rows = [[cell.text for cell in row[1:]] for row in section.table.rows]
    assert rows[0][:-1] == ["failover", "6m (5m to 7m)", "15m", "0s", "0s"]
    assert rows[0][-1] == "met: recovery time and recovery point kept the promised limits"
    assert [row[0] for row in rows] == ["failover", "tabletop"]
    assert rows[1][-1].startswith("undecided: a drill of the kind tabletop does not touch the product")
    report = portfolio_report(ledger, [ledger.products["forms"]], MONTH, NOW).as_json()["products"][0]
    assert [entry["id"] for entry in report["drills"]] == [measured.id, tabletop.id]
    assert report["drills"][0]["rta_seconds"] == {"low": 300.0, "point": 360.0, "high": 420.0}


def test_drill_in_progress_is_in_the_report_and_a_later_one_is_not() -> None:
    running = Drill(NOW - HOUR, "Ana", "forms", DrillKind.RESTORE)
    later = Drill(NOW + HOUR, "Ana", "forms", DrillKind.RESTORE)
    (section,) = sections(ledger_with(running.fact(), later.fact()))
    assert section.table is not None
    assert [row[-1].text.partition(":")[0] for row in section.table.rows] == ["in progress"]


def test_overdue_findings_of_earlier_drills_are_listed() -> None:
    earlier, facts = drill(NOW - 40 * DAY)
    finding = drill_finding(earlier.id, "forms", NOW - 40 * DAY + HOUR, "Ana", "no runbook", "Bo", "2000-01-01")
    (section,) = sections(ledger_with(*facts, finding))
    assert section.table is None
    assert section.notes == ("No drill in this period.", 'Overdue finding: "no runbook" (Bo, due 2000-01-01).')


def test_product_without_drills_has_the_section_only_if_it_promises_a_recovery() -> None:
    assert sections(ledger_with()) == []
    (section,) = sections(ledger_with(drills={"rto": "15m"}))
    assert section.notes == ("No drill in this period.",)
