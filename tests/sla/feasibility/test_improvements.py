"""Tests of improvements of a design."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sla.feasibility import (
    Coupling,
    Failover,
    Maintenance,
    Planned,
    Standby,
    changes,
    expected_unavailability,
    next_steps,
)
from sla.interval import DAY, HOUR, MINUTE
from tests.sla.feasibility.designs import POOR, design, external, failover, part, site

IMPROVABLE = design(
    part("app", POOR, replicable=True, deployments=Planned(7 * DAY, 10 * MINUTE)),
    part("fate", POOR),
    external("mail", Coupling.HARD, POOR),
    external("chat", Coupling.DECOUPLED, POOR),
    sites=(site("here", POOR),),
    maintenance=Maintenance(Planned(30 * DAY, HOUR)),
)


def test_changes_lists_all_possible_changes() -> None:
    assert {change.id for change in changes(IMPROVABLE)} == {
        "replica/app",
        "fewer/app",
        "zero-downtime/app",
        "retry/mail",
        "decouple/mail",
        "zero-downtime/maintenance",
        "standby/warm",
        "standby/hot",
    }


def test_each_change_has_the_effect_that_its_text_describes() -> None:
    changed = {change.id: (change.text, change.apply()) for change in changes(IMPROVABLE)}
    parts = {key: {part.id: part for part in plan_design.parts} for key, (_, plan_design) in changed.items()}
    assert parts["replica/app"]["app"].failures == replace(POOR, replicas=2)
    assert parts["fewer/app"]["app"].deployments == Planned(14 * DAY, 10 * MINUTE)
    assert parts["zero-downtime/app"]["app"].deployments is None
    mail = parts["retry/mail"]["mail"]
    assert (mail.coupling, mail.retry_period) == (Coupling.RETRIED, 15 * MINUTE)
    assert "for 15 minutes" in changed["retry/mail"][0]
    assert parts["decouple/mail"]["mail"].coupling is Coupling.DECOUPLED
    assert changed["zero-downtime/maintenance"][1].maintenance is None
    for kind, rto, success, arguments in (
        (Standby.WARM, 15 * MINUTE, Fraction(9, 10), "in 15 minutes, works 9 of 10 times"),
        (Standby.HOT, MINUTE, Fraction(99, 100), "in 1 minute, works 99 of 100 times"),
    ):
        text, plan_design = changed[f"standby/{kind}"]
        assert (plan_design.failover, len(plan_design.sites)) == (Failover(kind, rto, success), 2)
        assert plan_design.sites[1].failures == plan_design.sites[0].failures
        assert arguments in text


def test_existing_failover_can_be_improved_and_rehearsed() -> None:
    warm = replace(IMPROVABLE, sites=(site("a"), site("b")), failover=failover(covers=("app",)))
    changed = {change.id: change.apply() for change in changes(warm)}
    assert {"standby/hot", "rehearse"} < set(changed)
    assert "standby/warm" not in changed
    assert changed["rehearse"].failover == replace(failover(covers=("app",)), success=Fraction("0.95"))
    hot = changed["standby/hot"].failover
    assert hot is not None
    assert (hot.kind, hot.covers) == (Standby.HOT, ("app",))


def test_steps_are_ordered_by_saved_downtime() -> None:
    steps = next_steps(IMPROVABLE, {})
    now = expected_unavailability(IMPROVABLE)
    assert [step.downtime_saved for step in steps] == sorted((step.downtime_saved for step in steps), reverse=True)
    for step in steps:
        assert step.unavailability == expected_unavailability(step.design)
        assert step.downtime_saved == pytest.approx((now - step.unavailability) * 365 * DAY)
        assert step.downtime_saved > 0
        assert step.cost_per_hour is None


def test_changes_below_min_share_are_excluded() -> None:
    assert "fewer/app" in {step.change.id for step in next_steps(IMPROVABLE, {}, min_share=0)}
    assert "fewer/app" not in {step.change.id for step in next_steps(IMPROVABLE, {}, min_share=0.05)}


def test_steps_with_costs_are_ordered_by_cost_per_hour_and_come_first() -> None:
    costs = {"standby/hot": Fraction(100_000), "retry/mail": Fraction(100), "replica/app": Fraction(10_000)}
    steps = next_steps(IMPROVABLE, costs)
    assert [step.change.id for step in steps[:3]] == ["retry/mail", "replica/app", "standby/hot"]
    assert [step.cost_per_hour for step in steps[3:]] == [None] * (len(steps) - 3)
    first = steps[0]
    assert first.cost_per_hour == pytest.approx(100 / (first.downtime_saved / HOUR))


def test_design_without_possible_changes_has_no_steps() -> None:
    assert next_steps(design(part("app")), {}) == ()


def test_hot_standby_with_certain_failover_has_no_site_changes() -> None:
    sure = replace(failover(covers=("app",)), kind=Standby.HOT, success=Fraction(1))
    best = replace(IMPROVABLE, sites=(site("a"), site("b")), failover=sure)
    assert not {"standby/warm", "standby/hot", "rehearse"} & {change.id for change in changes(best)}
