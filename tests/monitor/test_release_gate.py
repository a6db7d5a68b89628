"""The release gate from a ledger: go and hold need evidence; otherwise the answer is unknown."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.budget_policy import BudgetPolicyBlock
from monitor.facts.fact_index import Facts
from monitor.ledger.release_gate import gate_answer, release_gate
from sla.gate import cleared_at
from sla.gate_override import GateOverride, gate_override_end, in_force
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.states import Piece, State
from sla.window import format_instant, parse_instant
from tests.support.ledgers import BAD_RESULT, GOOD, NOW, history, ledger_of, observe, product, resolved_incidents, run

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.gate import Gate

WHO = {"consequence": "fixes only", "owner": "Team Forms"}


def outage(minutes: int, ago: int = 10 * DAY) -> list[tuple[int, int, str]]:
    """Return an outage with this number of bad observations, one per minute; up to a minute at each end is in doubt."""
    return [(NOW - ago, NOW - ago + (minutes - 1) * MINUTE, "deadline")] if minutes else []


def recorded_ledger(*outages: tuple[int, int, str], since: int = 40 * DAY, until: int = NOW, **fields: Any) -> Ledger:
    """Return the ledger of one product that was probed once a minute."""
    ledger = ledger_of(product("forms", **fields))
    runs = history("forms/health", NOW - since, until, outages)
    ledger.restore(runs, [], resolved_incidents("forms/health", outages))
    return ledger


def gate(ledger: Ledger, now: int = NOW) -> Gate:
    return release_gate(ledger, ledger.products["forms"], now)


def policy(*steps: dict[str, Any], **fields: Any) -> BudgetPolicyBlock:
    return BudgetPolicyBlock.model_validate({"steps": [{**WHO, **step} for step in steps], **fields})


@pytest.mark.parametrize(
    ("minutes", "threshold", "answer"),
    [
        (0, {"spent": "100%"}, "go"),
        (20, {"spent": "100%"}, "go"),
        (50, {"spent": "100%"}, "hold"),
        (43, {"spent": "100%"}, "unknown"),  # 42 to 44 minutes of 43.2
        (20, {"spent": "25%"}, "hold"),
        (20, {"left": "75%"}, "hold"),
        (20, {"left": "25%"}, "go"),
        (50, {"spent": "150%"}, "go"),
        (90, {"spent": "150%"}, "hold"),
        (50, {"spent": "100%", "gate": "go"}, "go"),
    ],
)
def test_bounds_of_the_spent_budget_decide_a_step(minutes: int, threshold: dict[str, str], answer: str) -> None:
    ledger = recorded_ledger(*outage(minutes), budget_policy=policy(threshold))
    result = gate(ledger)
    assert result.answer == answer, result.decision
    durations = ledger.compositions["forms"].durations(Interval(NOW - 30 * DAY, NOW))
    assert gate_answer(ledger, ledger.products["forms"], NOW, None, durations) == answer


def test_reason_contains_threshold_consequence_and_owner() -> None:
    steps = [{"spent": "50%", "gate": "go", "consequence": "plan work"}, {"left": "10%"}, {"spent": "300%"}]
    result = gate(recorded_ledger(*outage(60), budget_policy=policy(*steps)))
    assert result.decision.reason == "90% of the budget spent or more: fixes only (Team Forms)"
    assert result.in_force is not None
    assert result.in_force.step.threshold == Fraction(9, 10)
    assert [step_status.reached for step_status in result.step_statuses] == [True, True, False]
    with_note = gate(recorded_ledger(*outage(30), budget_policy=policy(*steps)))
    assert with_note.answer == "go"
    assert "releases are held from 90% of the budget spent" in with_note.decision.reason
    assert with_note.decision.reason.endswith("50% of the budget spent: plan work (Team Forms)")


def test_unknown_answer_contains_the_unknown_time_and_the_decidable_instant() -> None:
    """An hour without observations may be an hour of downtime, until it leaves the window."""
    gap = NOW - 5 * DAY
    result = gate(ledger_with_gap(NOW))
    assert result.answer == "unknown"
    assert result.decision.reason.startswith("between 0.0% and 138.9% of the budget is spent; the threshold is 100% of")
    assert "unknown" in result.decision.decided_by
    at = parse_instant(result.decision.decided_by.rpartition("known by ")[2])
    assert gap + 30 * DAY < at < gap + 30 * DAY + HOUR
    assert gate(ledger_with_gap(at - 3 * MINUTE), at - 3 * MINUTE).answer == "unknown"
    assert gate(ledger_with_gap(at + SECOND), at + SECOND).answer == "go"


@pytest.mark.parametrize(("coverage", "answer"), [("99.8%", "go"), ("99.9%", "unknown")])
def test_estimate_decides_only_with_the_coverage_of_the_policy(coverage: str, answer: str) -> None:
    """An hour of 30 days is unknown, so the coverage is 99.86 %."""
    block = policy({"spent": "100%"}, unknown="estimate", coverage=coverage)
    assert gate(ledger_with_gap(NOW, budget_policy=block)).answer == answer


def ledger_with_gap(until: int, **fields: object) -> Ledger:
    ledger, gap = ledger_of(product("forms", **fields)), NOW - 5 * DAY
    runs = [run("forms/health", GOOD, NOW - 40 * DAY, gap), run("forms/health", GOOD, gap + HOUR, until)]
    ledger.restore(runs, [], [])
    return ledger


@pytest.mark.parametrize(
    ("meaning", "answer"), [("unknown", "unknown"), ("hold", "hold"), ("go", "go"), ("estimate", "go")]
)
def test_policy_defines_the_answer_for_unknown(meaning: str, answer: str) -> None:
    ledger = recorded_ledger(*outage(43), budget_policy=policy({"spent": "101%"}, unknown=meaning))
    result = gate(ledger)
    assert (result.answer, result.decision.decided_by != "") == (answer, True)
    other_result = gate(recorded_ledger(*outage(43), budget_policy=policy({"spent": "99%"}, unknown=meaning)))
    assert other_result.answer == ("hold" if meaning in ("hold", "estimate") else meaning)


@pytest.mark.parametrize(("meaning", "answer"), [("unknown", "unknown"), ("estimate", "unknown"), ("hold", "hold")])
def test_stale_observations_give_unknown_despite_the_estimate(meaning: str, answer: str) -> None:
    ledger = recorded_ledger(until=NOW - HOUR, budget_policy=policy({"spent": "100%"}, unknown=meaning))
    result = gate(ledger)
    assert result.answer == answer
    assert format_instant(NOW - HOUR) in result.decision.reason
    never = gate(ledger_of(product("forms", budget_policy=policy({"spent": "100%"}, unknown=meaning))))
    assert never.answer == answer
    assert "never observed" in never.decision.reason


def test_low_coverage_is_unknown() -> None:
    """At an objective of 50 % the bounds decide long before enough of the window is known."""
    ledger = recorded_ledger(since=20 * DAY, objective="50%")
    result = gate(ledger)
    assert result.answer == "unknown"
    assert "66.666% of the window is known, the policy needs 90%" in result.decision.reason
    lenient = recorded_ledger(since=20 * DAY, objective="50%", budget_policy=policy({"spent": "100%"}, coverage="60%"))
    assert gate(lenient).answer == "go"


def test_open_incident_and_downtime_give_hold() -> None:
    ledger = recorded_ledger(until=NOW - 3 * MINUTE)
    entry = ledger.entries["forms/health"]
    observe(ledger, entry, NOW - 2 * MINUTE, BAD_RESULT)
    result = gate(ledger, NOW - 90 * SECOND)
    assert (result.answer, result.decision.reason) == ("hold", "the product is down by its last observations")
    observe(ledger, entry, NOW - MINUTE, BAD_RESULT)
    result = gate(ledger)
    assert result.answer == "hold"
    assert result.decision.reason == f"an incident is open: {ledger.open_incidents('forms')[0].id}"


def test_contractual_policy_uses_the_budget_after_exclusions() -> None:
    agreement = {"agreement": {}}
    when = {
        "reason": "move",
        "start": format_instant(NOW - 10 * DAY - HOUR),
        "end": format_instant(NOW - 10 * DAY + 3 * HOUR),
    }
    fields: dict[str, Any] = {**agreement, "maintenance": (when,)}
    raw = recorded_ledger(*outage(60), **fields, budget_policy=policy({"spent": "100%"}))
    assert gate(raw).answer == "hold"
    after = recorded_ledger(*outage(60), **fields, budget_policy=policy({"spent": "100%"}, figure="contractual"))
    assert gate(after).answer == "go"


# overrides


def test_override_decides_until_its_end_and_keeps_the_computed_answer() -> None:
    ledger = recorded_ledger(*outage(60))
    override = GateOverride(NOW - HOUR, "Ana", "security fix", "forms", "go", NOW + HOUR)
    other = GateOverride(NOW - HOUR, "Ben", "freeze", "mail", "hold", NOW + HOUR)
    ledger.facts = Facts([override.fact(), other.fact()])
    result = gate(ledger)
    assert (result.answer, result.computed.answer) == ("go", "hold")
    assert result.decision.reason == f"overridden by Ana until {format_instant(NOW + HOUR)}: security fix"
    assert result.as_json("forms")["override"]["id"] == override.id
    assert in_force(ledger.facts.overrides, NOW - HOUR - 1) == []
    assert in_force(ledger.facts.overrides, NOW + HOUR) == []
    ledger.facts = Facts([override.fact(), gate_override_end(override, NOW - 1, "Ben", "done")])
    assert gate(ledger).answer == "hold"


def test_newest_override_counts_also_under_the_former_id() -> None:
    ledger = ledger_of(product("forms", was=("chefs",)))
    ledger.restore(history("forms/health", NOW - 40 * DAY, NOW, []), [], [])
    first = GateOverride(NOW - HOUR, "Ana", "x", "chefs", "go", NOW + HOUR)
    second = GateOverride(NOW - MINUTE, "Ben", "freeze", "chefs", "hold", NOW + HOUR)
    ledger.facts = Facts([second.fact(), first.fact()], former_ids=ledger.former_ids)
    assert gate(ledger).answer == "hold"


def test_decidable_instant_is_when_possible_downtime_leaves_the_window() -> None:
    pieces = [
        Piece(0, 10, State.UP),
        Piece(10, 14, State.UNKNOWN),
        Piece(14, 50, State.UP),
        Piece(50, 60, State.DOUBT_UP),
        Piece(60, 100, State.UP),
    ]
    assert cleared_at(pieces, 100, Fraction(14)) == 110 + 1
    assert cleared_at(pieces, 100, Fraction(10)) == 150 + 1
    assert cleared_at(pieces, 100, Fraction(3)) == 157 + 1
    assert cleared_at(pieces, 100, Fraction(0)) is None
