"""Tests of drills as facts: all statements about a drill can be read as of any instant."""

from __future__ import annotations

import pytest

from sla.drill import DRILL, Drill, DrillKind, DrillSource
from sla.drill_facts import (
    DRILL_END,
    DRILL_FINDING,
    DRILL_RECOVERY_POINT,
    drill_detected,
    drill_end,
    drill_finding,
    drill_finding_closed,
    drill_recovery_point,
    drill_sign_off,
    drill_text,
    drills,
    open_drills,
)
from sla.evidence import revocation_fact
from sla.fact import Fact
from sla.interval import DAY, MINUTE, SECOND
from sla.window import parse_instant

START = parse_instant("2026-11-29T18:00:00Z")
STATED_DRILL = Drill(START, "Ada", "sso", DrillKind.FAILOVER, 15 * MINUTE, 0, "Gold is lost", ("Ada", "Bo"))


def test_drill_is_read_with_all_statements_about_it() -> None:
    finding = drill_finding(STATED_DRILL.id, "sso", START + 3, "Bo", "runbook step 4 is wrong", "Cy", "2026-12-01")
    facts = [
        drill_sign_off(STATED_DRILL.id, "sso", START + 9, "Di", "accepted"),
        drill_finding_closed(STATED_DRILL.id, "sso", START + 8, "Cy", finding.id, "fixed"),
        drill_recovery_point(STATED_DRILL.id, "sso", START + 5, "Bo", 2 * SECOND, "comparison of the ledgers"),
        finding,
        drill_detected(STATED_DRILL.id, "sso", START + 2, "monitor", "abc"),
        drill_end(STATED_DRILL.id, "sso", START + 4, "Ada"),
        STATED_DRILL.fact(),
        Fact.of(START, "Ada", "correction", "sso", {}),
    ]
    (record,) = drills(facts, START + 10)
    assert (record.id, record.drill) == (STATED_DRILL.id, STATED_DRILL)
    assert record.end is not None
    assert (record.end.at, record.end.author, record.end.reason) == (START + 4, "Ada", "")
    assert record.detected == START + 2
    assert [(point.length, point.source) for point in record.points] == [(2 * SECOND, "comparison of the ledgers")]
    assert [(finding.text, finding.owner, finding.closed) for finding in record.findings] == [
        ("runbook step 4 is wrong", "Cy", START + 8)
    ]
    assert [(sign_off.author, sign_off.note) for sign_off in record.signed] == [("Di", "accepted")]
    (earlier,) = open_drills(facts, START + 3)
    assert (earlier.end, earlier.points, earlier.signed, len(earlier.findings)) == (None, (), (), 1)
    assert drills(facts, START - 1) == []


def test_finding_is_overdue_from_the_day_after_its_due_day() -> None:
    finding = drill_finding(STATED_DRILL.id, "sso", START + 3, "Bo", "x", "Cy", "2026-11-30")
    other = drill_finding(STATED_DRILL.id, "sso", START + 4, "Bo", "y", "Cy", "2027-11-30")
    due = parse_instant("2026-12-01T00:00:00Z")
    (record,) = drills([STATED_DRILL.fact(), finding, other], START + DAY)
    assert [record.overdue(due - 1), [finding.id for finding in record.overdue(due)]] == [(), [finding.id]]
    assert [finding.as_json(due)["overdue"] for finding in record.findings] == [True, False]
    closed = drill_finding_closed(STATED_DRILL.id, "sso", START + 5, "Cy", finding.id, "fixed")
    (record,) = drills([STATED_DRILL.fact(), finding, other, closed], START + DAY)
    assert record.overdue(due) == ()


def test_day_of_another_notation_is_no_due_day() -> None:
    """A week date has the length of a date."""
    with pytest.raises(ValueError, match="2027-W05-1"):
        drill_finding(STATED_DRILL.id, "sso", START, "Bo", "x", "Cy", "2027-W05-1")


def test_findings_of_a_revoked_drill_are_not_overdue() -> None:
    finding = drill_finding(STATED_DRILL.id, "sso", START + 3, "Bo", "x", "Cy", "2026-11-30")
    revocation = revocation_fact(START + 5, "Bo", "sso", STATED_DRILL.id, "wrong product")
    facts = [STATED_DRILL.fact(), finding, revocation]
    due = parse_instant("2026-12-01T00:00:00Z")
    (before,), (after,) = drills(facts, START + 4), drills(facts, START + 5)
    assert (before.revoked, len(before.overdue(due))) == (None, 1)
    assert (after.revoked, after.overdue(due)) == ("wrong product", ())


def test_first_end_and_first_detection_count() -> None:
    facts = [STATED_DRILL.fact()]
    facts += [
        drill_end(STATED_DRILL.id, "sso", START + at, who, "late", START + 1) for at, who in ((5, "Ada"), (6, "Bo"))
    ]
    facts += [drill_detected(STATED_DRILL.id, "sso", START + at, "monitor", "i") for at in (2, 3)]
    (record,) = drills(facts, START + 10)
    assert record.end is not None
    assert (record.end.author, record.end.at, record.detected) == ("Ada", START + 1, START + 2)


def test_end_is_not_before_the_start_and_not_after_its_statement() -> None:
    for stated_end, expected in ((START - 5, START), (START + 50, START + 4)):
        (record,) = drills(
            [STATED_DRILL.fact(), drill_end(STATED_DRILL.id, "sso", START + 4, "Ada", at=stated_end)], START + 10
        )
        assert record.end is not None
        assert record.end.at == expected


def test_drill_start_may_be_before_its_statement() -> None:
    drill = Drill(START, "monitor", "sso", DrillKind.FAILBACK, source=DrillSource.SITE_CHANGE, since=START - MINUTE)
    (record,) = drills([drill.fact()], START)
    assert (record.drill.started, record.drill.made, record.id) == (START - MINUTE, START, drill.id)


@pytest.mark.parametrize(
    "fact",
    [
        Fact.of(START, "Ada", DRILL, "sso", []),
        Fact.of(START, "Ada", DRILL, "sso", {}),
        Fact.of(START, "Ada", DRILL, "sso", STATED_DRILL.fact().content() | {"kind": "party"}),
        Fact.of(START, "Ada", DRILL, "sso", STATED_DRILL.fact().content() | {"rto_seconds": -1}),
        Fact.of(START + 1, "Ada", DRILL_END, "sso", {"drill": STATED_DRILL.id}),
        Fact.of(START + 1, "Ada", DRILL_END, "sso", {"drill": "other", "at": "2026-11-29T18:00:00Z", "reason": ""}),
        Fact.of(
            START + 1, "Ada", DRILL_FINDING, "sso", {"drill": STATED_DRILL.id, "text": "", "owner": "", "due": "x"}
        ),
        Fact.of(
            START + 1, "Ada", DRILL_RECOVERY_POINT, "sso", {"drill": STATED_DRILL.id, "seconds": None, "source": ""}
        ),
    ],
)
def test_unreadable_facts_and_facts_about_unknown_drills_are_ignored(fact: Fact) -> None:
    (record,) = drills([STATED_DRILL.fact(), fact], START + 10)
    assert (record.end, record.points, record.findings, record.drill) == (None, (), (), STATED_DRILL)


@pytest.mark.parametrize("due", ["2026-12-1", "2026-13-01", "20261201T1"])
def test_due_day_of_a_finding_is_a_date(due: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        drill_finding(STATED_DRILL.id, "sso", START, "Bo", "x", "Cy", due)


def test_drill_fact_has_one_line_of_text() -> None:
    assert drill_text(STATED_DRILL.fact()) == "drill started: failover; stated"
    assert drill_text(drill_sign_off("d", "sso", START, "Di", "accepted {x}")) == "drill d signed off: accepted {x}"
    assert drill_text(Fact.of(START, "Ada", "correction", "sso", {})) == ""
    assert drill_text(Fact.of(START, "Ada", DRILL, "sso", {})) == ""
