"""The priority of an alert by severity, stage and hour, and its target."""

from __future__ import annotations

import pytest

from sla.priority import PriorityRule, Target, priority_and_target
from sla.product_incident import Severity
from sla.stage import Stage

PAGE, TICKET = Severity.PAGE, Severity.TICKET
TARGETS = (Target("P1", 15, 30), Target("P2", 30, None), Target("P4", None, None))
RULES = (
    PriorityRule("P1", (PAGE,), (Stage.PRODUCTION, Stage.ENTERPRISE)),
    PriorityRule("P2", (PAGE,), business=True),
    PriorityRule("P3", (PAGE,)),
    PriorityRule("P4", (TICKET,)),
)


@pytest.mark.parametrize(
    ("severity", "stage", "business", "actual"),
    [
        (PAGE, Stage.PRODUCTION, True, ("P1", 15)),
        (PAGE, Stage.ENTERPRISE, False, ("P1", 30)),
        (PAGE, Stage.PILOT, True, ("P2", 30)),
        (PAGE, None, False, ("P3", None)),
        (TICKET, Stage.PRODUCTION, True, ("P4", None)),
        (Severity.NOTE, None, True, ("", None)),
    ],
)
def test_first_matching_rule_decides(
    severity: Severity, stage: Stage | None, business: bool, actual: tuple[str, int | None]
) -> None:
    assert priority_and_target(RULES, TARGETS, severity, stage, business=business) == actual
