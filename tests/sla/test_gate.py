"""Tests of the release gate for excluded and calendar windows, and of its overrides."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.budget_policy import BudgetPolicy, FallbackAnswer, Step
from sla.fact import Fact
from sla.gate import Answer, Situation, answer, gate
from sla.gate_override import (
    GATE_OVERRIDE,
    GATE_OVERRIDE_END,
    GateOverride,
    as_override,
    ended_override,
    gate_override_end,
    in_force,
    stated_overrides,
)
from sla.interval import HOUR, MINUTE, SECOND, Interval
from sla.measured import Measured, measure
from sla.objective import Objective
from sla.observation import Outcome
from sla.observation_counts import Counts
from sla.states import Durations, State
from sla.timeline import Timeline


def test_answer_is_unknown_if_all_of_the_window_is_excluded() -> None:
    history = Timeline.of_pairs([(minute * MINUTE, Outcome.GOOD) for minute in range(10)], 130 * SECOND)
    window = Interval(0, 9 * MINUTE)
    measured = measure(history, window, Objective.parse("99%"), excluded=[window])
    situation = Situation(window.end, measured, None, State.UP, (), window.end)
    actual = gate(BudgetPolicy("budget", "Budget", "", ()), situation)
    assert actual.answer is Answer.UNKNOWN
    assert actual.decision.reason == "no budget is known: all of the window is excluded"


@given(
    st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=3),
    st.integers(0, 10),
    st.lists(st.integers(0, 90), min_size=5, max_size=5),
    st.sampled_from(list(State)),
    st.booleans(),
    st.sampled_from(list(FallbackAnswer)),
)
def test_answer_alone_is_the_answer_of_the_gate(
    thresholds: list[tuple[int, bool]],
    coverage: int,
    parts: list[int],
    state: State,
    has_incident: bool,
    undecided: FallbackAnswer,
) -> None:
    steps = tuple(Step(Fraction(tenths, 10), holds, "freeze", "Ana") for tenths, holds in thresholds)
    policy = BudgetPolicy("budget", "Budget", "", steps, Fraction(coverage, 10), undecided)
    durations = Durations(*parts)
    window = Interval(0, durations.total)
    measured = Measured(
        window, 0, durations, Counts(), durations.total, Objective.parse("90%"), counts_are_of_probes=False
    )
    situation = Situation(window.end, measured, None, state, ("i-1",) if has_incident else (), 0)
    assert answer(policy, situation) is gate(policy, situation).answer


@pytest.mark.parametrize("unknown", [0, 1, 2])
def test_answer_is_go_at_the_least_coverage_and_unknown_below(unknown: int) -> None:
    measured = Measured(
        Interval(0, 10), 0, Durations(10 - unknown, unknown=unknown), Counts(), 10, Objective.parse("50%")
    )
    situation = Situation(10, measured, None, State.UP, (), 10)
    policy = BudgetPolicy("budget", "Budget", "", (Step(Fraction(1), True, "freeze", "Ana"),))
    assert answer(policy, situation) is (Answer.UNKNOWN if unknown == 2 else Answer.GO)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"answer": "go", "until": "soon", "reason": "x"},
        {"answer": "perhaps", "until": "2026-11-29T09:00:00Z", "reason": "x"},
    ],
)
def test_invalid_override_is_ignored(body: object) -> None:
    assert as_override(Fact.of(1, "Ana", GATE_OVERRIDE, "forms", body)) is None


def test_override_is_read_from_its_fact() -> None:
    override = GateOverride(1_000_000, "Ana", "fix", "forms", "go", 2_000_000)
    assert as_override(override.fact()) == override
    assert as_override(Fact.of(1, "Ana", "note", "forms", {})) is None


def test_override_is_in_force_from_its_fact_until_its_end() -> None:
    first = GateOverride(10, "Ana", "fix", "forms", "go", 50_000_000)
    second = GateOverride(20, "Ben", "freeze", "forms", "hold", 2_000_000)
    overrides = stated_overrides([first.fact(), second.fact(), gate_override_end(first, 30, "Ana", "deployed")])
    assert [in_force(overrides, at) for at in (9, 10, 20, 30)] == [[], [first], [first, second], [second]]
    assert in_force(overrides, 2_000_000) == []


def test_invalid_or_unknown_end_ends_no_override() -> None:
    override = GateOverride(10, "Ana", "fix", "forms", "go", 50_000_000)
    for body in ({"override": "other"}, ["x"], {}):
        assert in_force(stated_overrides([override.fact(), Fact.of(11, "Ana", GATE_OVERRIDE_END, "forms", body)]), 12)
    assert ended_override(override.fact()) == ""


@pytest.mark.parametrize(("allowed", "known"), [(HOUR, True), (2 * MINUTE, False), (SECOND, False)])
def test_answer_of_a_calendar_window_is_known_when_its_period_ends(allowed: int, known: bool) -> None:
    """The budget of the next period is new. An answer is never known if the budget is at most two intervals."""
    window, full_window = Interval(0, 10 * HOUR), Interval(0, 720 * HOUR)
    durations = Durations(2 * HOUR, unknown=8 * HOUR)
    goal = Objective(1 - Fraction(allowed, full_window.length))
    measured = Measured(window, 0, durations, Counts(), full_window.length, goal, interval=MINUTE)
    situation = Situation(window.end, measured, None, State.UP, (), window.end, full_window.end)
    actual = gate(BudgetPolicy("budget", "Budget", "", (Step(Fraction(1), True, "freeze", "Ana"),)), situation)
    assert actual.answer is Answer.UNKNOWN
    assert ("is known by 1970-01-31T00:00:00Z" in actual.decision.decided_by) is known


def test_answer_is_go_at_the_first_instant_of_a_calendar_window() -> None:
    """No time has elapsed, so that nothing of the budget is spent."""
    measured = Measured(Interval(0, 0), 0, Durations(), Counts(), 720 * HOUR, Objective.parse("99%"))
    situation = Situation(0, measured, None, State.UP, (), 0, 720 * HOUR)
    policy = BudgetPolicy("budget", "Budget", "", (Step(Fraction(1), True, "freeze", "Ana"),))
    assert gate(policy, situation).answer is answer(policy, situation) is Answer.GO
