"""Alerts of latency objectives: when a budget burns, with look-backs by day."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.interval import DAY, HOUR, MILLISECOND, Interval
from sla.latency_alerting import latency_burn, short_since
from sla.latency_objective import Fast, LatencyObjective, LatencyPart, MeasuredLatency
from sla.objective import Objective
from sla.states import Durations

OBJECTIVE = LatencyObjective(Objective.parse("95%"), 400 * MILLISECOND)
MONTH = 30 * DAY
EXPECTED = Fraction(MONTH // (60 * 1_000_000))  # a probe per minute: 43,200 answers, of which 2,160 may be slow


def answers(slow: int, count: int) -> Fast:
    return Fast(count - slow, count - slow, count)


def measured(recent: Fast, short: Fast, length: int = MONTH) -> MeasuredLatency:
    """Return a figure whose long look-back is the last 36 hours."""
    part = LatencyPart(0, OBJECTIVE, recent, Durations(up=10 * DAY))
    return MeasuredLatency(Interval(0, 10 * DAY), (part,), recent, 10 * DAY - 36 * HOUR, short, length)


def test_alert_fires_when_a_tenth_of_the_budget_is_spent_and_the_burn_continues() -> None:
    """216 of 2,160 minutes are slow: 10 % of them, twice the share that may be slow."""
    assert latency_burn(measured(answers(216, 2160), answers(72, 720)), EXPECTED) == 2
    assert latency_burn(measured(answers(215, 2160), answers(72, 720)), EXPECTED) == 0


def test_alert_resolves_when_the_short_look_back_is_fast() -> None:
    assert latency_burn(measured(answers(400, 2160), answers(71, 720)), EXPECTED) == 0
    assert latency_burn(measured(answers(400, 2160), answers(72, 720)), EXPECTED) == Fraction(400, 108)


def test_burn_rate_below_1_never_fires() -> None:
    """Over 7 days a burn rate of 0.7 spends 15 % of the budget in 36 hours, and the objective is met."""
    week = EXPECTED * 7 / 30
    assert latency_burn(measured(answers(76, 2160), answers(25, 720), 7 * DAY), week) == 0
    assert latency_burn(measured(answers(108, 2160), answers(36, 720), 7 * DAY), week) == 1


def test_few_answers_after_a_start_do_not_fire() -> None:
    assert latency_burn(measured(answers(30, 30), answers(30, 30)), EXPECTED) == 0


def test_one_slow_answer_does_not_fire() -> None:
    """With a probe per day a single slow answer spends two thirds of the budget."""
    assert latency_burn(measured(answers(1, 2), answers(1, 1)), Fraction(30)) == 0
    assert latency_burn(measured(answers(2, 2), answers(1, 1)), Fraction(30)) == 20


def test_answers_that_may_have_been_fast_are_not_certainly_slow() -> None:
    assert latency_burn(measured(Fast(0, 1, 2), answers(1, 1)), Fraction(30)) == 0


@pytest.mark.parametrize(("recent", "short"), [(Fast(), Fast()), (answers(9, 9), Fast())])
def test_look_back_without_answers_decides_nothing(recent: Fast, short: Fast) -> None:
    assert latency_burn(measured(recent, short), EXPECTED) is None


def test_short_look_back_is_the_long_one_until_six_hours_of_the_day_have_passed() -> None:
    midnight, yesterday = 10 * DAY, 9 * DAY
    assert short_since(midnight, yesterday, midnight + 6 * HOUR - 1) == yesterday
    assert short_since(midnight, yesterday, midnight + 6 * HOUR) == midnight
    assert short_since(midnight, midnight + HOUR, midnight + 7 * HOUR) == midnight + HOUR
