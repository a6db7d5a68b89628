"""What to change next."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from sla.feasibility import Coupling, FailOver, Maintenance, Planned, Standby, changes, expected_down, next_steps
from sla.interval import DAY, HOUR, MINUTE
from tests.sla.feasibility.designs import POOR, design, handover, outside, part, site

RICH = design(
    part("app", POOR, replicable=True, deployments=Planned(7 * DAY, 10 * MINUTE)),
    part("fate", POOR),
    outside("mail", Coupling.HARD, POOR),
    outside("chat", Coupling.DECOUPLED, POOR),
    sites=(site("here", POOR),),
    maintenance=Maintenance(Planned(30 * DAY, HOUR)),
)


def test_every_change_that_there_is_room_for_is_tried() -> None:
    assert {change.id for change in changes(RICH)} == {
        "replica/app",
        "fewer/app",
        "zero-downtime/app",
        "retry/mail",
        "decouple/mail",
        "zero-downtime/maintenance",
        "standby/warm",
        "standby/hot",
    }


def test_a_change_does_what_its_text_says() -> None:
    found = {change.id: (change.text, change.apply()) for change in changes(RICH)}
    parts = {key: {part.id: part for part in made.parts} for key, (_, made) in found.items()}
    assert parts["replica/app"]["app"].failures == replace(POOR, replicas=2)
    assert parts["fewer/app"]["app"].deployments == Planned(14 * DAY, 10 * MINUTE)
    assert parts["zero-downtime/app"]["app"].deployments is None
    mail = parts["retry/mail"]["mail"]
    assert (mail.coupling, mail.patience) == (Coupling.RETRIED, 15 * MINUTE)
    assert "for 15 minutes" in found["retry/mail"][0]
    assert parts["decouple/mail"]["mail"].coupling is Coupling.DECOUPLED
    assert found["zero-downtime/maintenance"][1].maintenance is None
    for kind, rto, success, words in (
        (Standby.WARM, 15 * MINUTE, Fraction(9, 10), "in 15 minutes, works 9 of 10 times"),
        (Standby.HOT, MINUTE, Fraction(99, 100), "in 1 minute, works 99 of 100 times"),
    ):
        text, made = found[f"standby/{kind}"]
        assert (made.fail_over, len(made.sites)) == (FailOver(kind, rto, success), 2)
        assert made.sites[1].failures == made.sites[0].failures
        assert words in text


def test_a_fail_over_is_bettered_and_rehearsed_where_there_is_one() -> None:
    warm = replace(RICH, sites=(site("a"), site("b")), fail_over=handover(covers=("app",)))
    found = {change.id: change.apply() for change in changes(warm)}
    assert {"standby/hot", "rehearse"} < set(found)
    assert "standby/warm" not in found
    assert found["rehearse"].fail_over == replace(handover(covers=("app",)), success=Fraction("0.95"))
    hot = found["standby/hot"].fail_over
    assert hot is not None
    assert (hot.kind, hot.covers) == (Standby.HOT, ("app",))


def test_steps_gain_what_the_changed_design_gains_the_largest_first() -> None:
    steps = next_steps(RICH, {})
    now = expected_down(RICH)
    assert [step.gain for step in steps] == sorted((step.gain for step in steps), reverse=True)
    for step in steps:
        assert step.down == expected_down(step.design)
        assert step.gain == pytest.approx((now - step.down) * 365 * DAY)
        assert step.gain > 0
        assert step.cost_per_hour is None


def test_what_gains_hardly_anything_is_left_out() -> None:
    assert "fewer/app" in {step.change.id for step in next_steps(RICH, {}, least=0)}
    assert "fewer/app" not in {step.change.id for step in next_steps(RICH, {}, least=0.05)}


def test_with_costs_the_cheapest_hour_comes_first_and_what_has_none_comes_last() -> None:
    costs = {"standby/hot": Fraction(100_000), "retry/mail": Fraction(100), "replica/app": Fraction(10_000)}
    steps = next_steps(RICH, costs)
    assert [step.change.id for step in steps[:3]] == ["retry/mail", "replica/app", "standby/hot"]
    assert [step.cost_per_hour for step in steps[3:]] == [None] * (len(steps) - 3)
    first = steps[0]
    assert first.cost_per_hour == pytest.approx(100 / (first.gain / HOUR))


def test_nothing_to_gain_is_no_step() -> None:
    assert next_steps(design(part("app")), {}) == ()


def test_where_two_centres_serve_and_no_change_over_fails_nothing_about_sites_is_left_to_change() -> None:
    sure = replace(handover(covers=("app",)), kind=Standby.HOT, success=Fraction(1))
    best = replace(RICH, sites=(site("a"), site("b")), fail_over=sure)
    assert not {"standby/warm", "standby/hot", "rehearse"} & {change.id for change in changes(best)}
