"""Tests of the due step of an escalation: examples, and all histories of small plans against a second computation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.escalation import Plan, Progress, Step, StepReceivers, advance, start_progress
from sla.interval import MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

START = 1_000 * MINUTE
SSO = Plan(
    "sso", (Step(0, ("pager",)), Step(15 * MINUTE, ("manager",)), Step(10 * MINUTE, rota="rota")), repeat_every=None
)


def call(*covered: str) -> Callable[[Step], StepReceivers]:
    """Return the people on call: those of the rotas that are covered."""

    def recipients_of(step: Step) -> StepReceivers:
        if not step.rota:
            return StepReceivers(step.to)
        return StepReceivers((f"{step.rota}-phone",), "Ada") if step.rota in covered else StepReceivers()

    return recipients_of


def reachability(*broken: str) -> Callable[[Iterable[str]], bool]:
    return lambda receivers: any(name not in broken for name in receivers)


def executed_steps(
    plan: Plan, minutes: int, *covered: str, broken: tuple[str, ...] = (), every: int = 1
) -> list[tuple[int, int, tuple[str, ...]]]:
    """Return the steps that are taken within so many minutes, each with its minute and its receivers."""
    progress, actual = start_progress(plan, START), []
    for minute in range(0, minutes + 1, every):
        after = advance(plan, progress, START + minute * MINUTE, call(*covered), reachability(*broken))
        if (after.step, after.round) != (progress.step, progress.round) and after.receivers:
            actual.append((minute, after.step, after.receivers))
        progress = after
    return actual


def test_each_step_is_executed_after_its_delay() -> None:
    assert executed_steps(SSO, 200, "rota") == [(0, 1, ("pager",)), (15, 2, ("manager",)), (25, 3, ("rota-phone",))]


def test_last_step_is_repeated_if_configured() -> None:
    plan = replace(SSO, steps=SSO.steps[:2], repeat_every=30 * MINUTE)
    assert [minute for minute, _, _ in executed_steps(plan, 110)] == [0, 15, 45, 75, 105]


def test_unreachable_receivers_are_skipped_at_the_next_call() -> None:
    assert executed_steps(SSO, 60, "rota", broken=("pager",)) == [
        (0, 1, ("pager",)),
        (1, 2, ("manager",)),
        (11, 3, ("rota-phone",)),
    ]
    both = replace(SSO, steps=(Step(0, ("pager", "mail")), *SSO.steps[1:]))
    assert executed_steps(both, 60, "rota", broken=("pager",))[1] == (15, 2, ("manager",)), "one of the two was reached"


@pytest.mark.parametrize("first", [0, 5])
def test_step_without_a_person_on_call_is_skipped_immediately(first: int) -> None:
    plan = Plan("night", (Step(first * MINUTE, rota="rota"), Step(15 * MINUTE, ("manager",))))
    assert executed_steps(plan, 60) == [(first, 2, ("manager",))]
    assert executed_steps(plan, 60, "rota") == [(first, 1, ("rota-phone",)), (first + 15, 2, ("manager",))]


def test_last_step_without_a_person_is_executed_when_the_next_shift_begins() -> None:
    plan = Plan("night", (Step(0, ("pager",)), Step(5 * MINUTE, rota="rota")))
    waiting = advance(plan, start_progress(plan, START), START, call(), reachability())
    waiting = advance(plan, waiting, START + 5 * MINUTE, call(), reachability())
    assert (waiting.step, waiting.receivers, waiting.due) == (2, (), None)
    assert advance(plan, waiting, START + 9 * MINUTE, call(), reachability()) == waiting
    actual = advance(plan, waiting, START + 60 * MINUTE, call("rota"), reachability())
    assert (actual.receivers, actual.person, actual.round) == (("rota-phone",), "Ada", 1)


def test_one_call_after_a_standstill_executes_only_one_step() -> None:
    progress = advance(SSO, start_progress(SSO, START), START, call("rota"), reachability())
    late = advance(SSO, progress, START + 600 * MINUTE, call("rota"), reachability())
    assert (late.step, late.due) == (2, START + 610 * MINUTE)
    assert advance(SSO, late, START + 609 * MINUTE, call("rota"), reachability()) == late


def test_clock_set_back_delays_a_step_by_its_delay_at_most() -> None:
    progress = replace(start_progress(SSO, START + 10_000 * MINUTE), step=1, receivers=("pager",), round=1)
    progress = replace(progress, due=progress.entered + 15 * MINUTE)
    known = advance(SSO, progress, START, call("rota"), reachability())
    assert known.due == START + 15 * MINUTE
    assert advance(SSO, known, START + 15 * MINUTE, call("rota"), reachability()).step == 2


def test_shortened_plan_keeps_its_last_step_and_extended_plan_continues() -> None:
    progress = Progress("sso", 3, START, None, ("x",), "", 1)
    assert advance(replace(SSO, steps=SSO.steps[:1]), progress, START + MINUTE, call(), reachability()).step == 1
    longer = replace(SSO, steps=(*SSO.steps, Step(20 * MINUTE, ("chief",))))
    waits = advance(longer, progress, START + MINUTE, call(), reachability())
    assert (waits.step, waits.due) == (3, START + 20 * MINUTE)
    assert advance(longer, waits, START + 20 * MINUTE, call(), reachability()).receivers == ("chief",)


STEPS = st.lists(
    st.one_of(
        st.builds(Step, st.integers(0, 3), st.just(("a",))),
        st.builds(Step, st.integers(0, 3), st.sampled_from([("b",), ("a", "b")])),
        st.builds(Step, st.integers(0, 3), rota=st.sampled_from(["r", "s"])),
    ),
    min_size=1,
    max_size=4,
)
CALLS = st.lists(
    st.tuples(st.integers(0, 4), st.sets(st.sampled_from(["r", "s"])), st.sets(st.sampled_from(["a", "b", "r-phone"]))),
    max_size=14,
)


def simulated_steps(plan: Plan, calls: list[tuple[int, set[str], set[str]]]) -> list[tuple[int, int]]:
    """Return instant and step number of each notification, by a plain simulation of the rules."""
    now, number, since, last, actual = START, 0, START, (), []
    for gap, covered, broken in calls:
        now += gap
        ask, able = call(*covered), reachability(*broken)
        moved = False
        while number < len(plan.steps) and not moved:
            timed = now >= since + plan.steps[number].after
            skipped = number > 0 and not (last and able(last))
            if not (timed or skipped):
                break
            last, since = ask(plan.steps[number]).receivers, now
            number += 1
            moved = bool(last)
        if moved:
            actual.append((now, number))
            continue
        if number == len(plan.steps):
            again = ask(plan.steps[-1]).receivers
            due = plan.repeat_every is not None and now >= since + plan.repeat_every
            if not last and again:
                last, since = again, now
                actual.append((now, number))
            elif last and due:
                since = now
                if again:
                    last = again
                    actual.append((now, number))
    return actual


@given(STEPS, st.sampled_from([None, 1, 2]), CALLS)
def test_random_plans_equal_a_simple_simulation(
    steps: list[Step], repeat: int | None, calls: list[tuple[int, set[str], set[str]]]
) -> None:
    plan = Plan("p", tuple(steps), repeat)
    progress, now, actual = start_progress(plan, START), START, []
    for gap, covered, broken in calls:
        now += gap
        after = advance(plan, progress, now, call(*covered), reachability(*broken))
        if (after.step, after.round) != (progress.step, progress.round) and after.receivers:
            actual.append((now, after.step))
        assert after.step >= progress.step
        progress = after
    assert actual == simulated_steps(plan, calls)
