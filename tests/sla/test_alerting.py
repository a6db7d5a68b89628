"""Tests of burn alerts and outages: when they fire, continue during unknown time, and cannot fire."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest

from sla.alerting import BURN_POLICIES, BurnAlert, BurnPolicy, LookBacks, outage
from sla.alerting import burn_alerts as judged
from sla.compose import Composition
from sla.eras import EVER, Era, Eras
from sla.incident import IncidentTracker
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.objective import Objective
from sla.observation import Observation, Outcome
from sla.rule import Rule
from sla.timeline import History, Timeline

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN
FAST, MIDDLE, SLOW = BURN_POLICIES
NINES3 = Objective.parse("99.9%")
START = 400 * DAY
HOLD = 130 * SECOND


def burn_alerts(history: History, objective: Objective, period: int, now: int) -> list[BurnAlert]:
    return judged(objective, period, history.state(now).point, LookBacks.of(history, now))


@dataclass
class MonitoredTarget:
    """A check that is probed once per minute, and the end of its record."""

    timeline: Timeline
    now: int = START

    def see(self, outcome: Outcome, length: int, step: int = MINUTE) -> MonitoredTarget:
        """Observe the outcome for this time."""
        for at in range(self.now, self.now + length, step):
            self.timeline.append(at, outcome)
        return self.skip(length)

    def skip(self, length: int) -> MonitoredTarget:
        """Let time pass without an observation."""
        self.now += length
        return self

    def firing(self, objective: Objective = NINES3, period: int = 30 * DAY) -> list[str]:
        """The alerts that fire now."""
        alerts = burn_alerts(self.timeline, objective, period, self.now)
        return [alert.policy.alert for alert in alerts if alert.firing]


@pytest.fixture
def target() -> MonitoredTarget:
    return MonitoredTarget(Timeline(HOLD))


def test_burn_factors_follow_from_the_cited_fractions() -> None:
    """14.4, 6 and 1 for 30 days, as the Workbook prints them; other periods have other factors."""
    assert [p.factor(30 * DAY) for p in BURN_POLICIES] == [Fraction("14.4"), 6, 1]
    assert [p.factor(7 * DAY) for p in BURN_POLICIES] == [Fraction("3.36"), Fraction("1.4"), Fraction(7, 30)]


def test_short_look_backs_are_a_twelfth_of_the_long_ones_as_the_workbook_recommends() -> None:
    assert [(p.long, p.severity) for p in BURN_POLICIES] == [(HOUR, "page"), (6 * HOUR, "page"), (3 * DAY, "ticket")]
    assert all(p.short * 12 == p.long for p in BURN_POLICIES)


def test_alert_fires_when_the_fraction_is_spent_and_stops_with_the_short_look_back(
    target: MonitoredTarget,
) -> None:
    """2 % of 2592 s are 51.84 s, which are reached with the second bad probe at one probe per minute."""
    target.see(GOOD, DAY).see(BAD, MINUTE)
    assert target.firing() == []
    assert FAST.alert in target.see(BAD, MINUTE).firing()
    assert FAST.alert in target.see(GOOD, 4 * MINUTE).firing(), "of the last five minutes some were down"
    assert FAST.alert not in target.see(GOOD, 4 * MINUTE).firing()


def test_policy_fires_at_exactly_its_fraction_of_the_budget(target: MonitoredTarget) -> None:
    """Down for 150 s by the point estimate: 2 % of the 7500 s that 99.9 % of 7,500,000 s allow; a burn of 41.67."""
    target.see(GOOD, DAY).see(BAD, 2 * MINUTE)
    assert FAST.alert in target.firing(period=7_500_000 * SECOND)
    assert FAST.alert not in target.firing(period=7_500_001 * SECOND)


@pytest.mark.parametrize(("down", "fires"), [(9, False), (10, True)])
def test_policy_with_a_factor_below_1_fires_at_its_factor(target: MonitoredTarget, down: int, fires: bool) -> None:
    """10 % of the 6048 s that 99 % of a week allow are spent in three days at a burn of 7/30 (measurement.md, 7).

    By the point estimate half a minute before the first bad probe counts as well: 570 s and 630 s.
    """
    target.see(GOOD, 3 * DAY).see(BAD, down * MINUTE)
    assert (SLOW.alert in target.firing(Objective.parse("99%"), 7 * DAY)) is fires


@pytest.mark.parametrize(("down", "fires"), [(8, False), (9, True)])
def test_budget_of_a_period_with_two_objectives_is_the_sum_of_both(
    target: MonitoredTarget, down: int, fires: bool
) -> None:
    """99 % for 20 days, then 99.9 % for 10: 17,280 s + 864 s, of which 3 % are 544.32 s. Both allow it alone, or none.

    With the present objective alone 3 % would be 77.76 s, with the former one 777.6 s.
    """
    target.see(GOOD, DAY).see(BAD, down * MINUTE)
    composition = Composition(Rule(None), (target.timeline,))
    changed = target.now - 10 * DAY
    eras = Eras([Era(EVER, composition, objective=Objective.parse("99%")), Era(changed, composition, objective=NINES3)])
    policy = BurnPolicy("Test", Fraction(3, 100), HOUR, 5 * MINUTE, "page")
    assert policy.fires(NINES3, 30 * DAY, LookBacks.of(eras, target.now)) is fires


def test_burn_rate_of_a_look_back_with_two_objectives_uses_the_sum_of_both(target: MonitoredTarget) -> None:
    """Half an hour at 99 % and half an hour at 99.9 % allow 19.8 s; 630 s of the hour were down."""
    target.see(GOOD, DAY).see(BAD, 10 * MINUTE)
    composition = Composition(Rule(None), (target.timeline,))
    changed = target.now - 30 * MINUTE
    eras = Eras([Era(EVER, composition, objective=Objective.parse("99%")), Era(changed, composition, objective=NINES3)])
    observations = LookBacks.of(eras, target.now)
    assert observations.burn(NINES3, HOUR) == Fraction(630 * 10, 198)
    assert observations.burn(NINES3, 5 * MINUTE) == 1000


def test_alert_continues_if_the_short_look_back_is_unknown(target: MonitoredTarget) -> None:
    target.see(GOOD, DAY).see(BAD, 10 * MINUTE).skip(20 * MINUTE)
    target.timeline.append(target.now, BAD)
    assert FAST.alert in target.firing()


def test_reported_burn_rate_is_that_of_the_long_look_back(target: MonitoredTarget) -> None:
    """Bad from 0 to 10 min, observed every minute, so the change is half a minute before the first bad probe."""
    target.see(GOOD, DAY).see(BAD, 10 * MINUTE)
    burn = {alert.policy: alert.burn for alert in burn_alerts(target.timeline, NINES3, 30 * DAY, target.now)}
    assert burn[FAST] == Fraction(630, 3600) * 1000
    assert burn[MIDDLE] == Fraction(630, 6 * 3600) * 1000
    assert burn[SLOW] == Fraction(630, 87000) * 1000, "of three days one day and ten minutes are known"
    quiet = burn_alerts(target.timeline, Objective.parse("50%"), 30 * DAY, target.now)
    assert [alert.burn for alert in quiet] == [0, 0, 0]


@pytest.mark.parametrize("objective", ["99.9%", "99.999%", "90%"])
def test_one_bad_probe_in_a_new_record_does_not_fire(target: MonitoredTarget, objective: str) -> None:
    """All known time is down, which is a burn rate of 1 / (1 - objective), but a few seconds must not cause a page."""
    target.see(BAD, MINUTE)
    assert target.firing(Objective.parse(objective)) == []


def test_two_bad_probes_in_a_new_record_fire_only_when_the_budget_fraction_is_spent(target: MonitoredTarget) -> None:
    target.see(BAD, 40 * SECOND, step=20 * SECOND)
    assert FAST.alert not in target.firing()
    assert FAST.alert in target.see(BAD, 20 * SECOND, step=20 * SECOND).firing()


def test_unknown_history_has_no_alert_states(target: MonitoredTarget) -> None:
    assert burn_alerts(target.timeline, NINES3, 30 * DAY, target.now) == []
    assert burn_alerts(target.see(UNKNOWN, HOUR).timeline, NINES3, 30 * DAY, target.now) == []


@pytest.mark.parametrize("blind", [10 * MINUTE, 5 * HOUR, 20 * DAY])
@pytest.mark.parametrize("probing", [True, False], ids=["unknown outcomes", "no daemon"])
def test_alert_continues_while_blind_and_resolves_when_the_target_is_up(
    target: MonitoredTarget, blind: int, probing: bool
) -> None:
    target.see(GOOD, DAY).see(BAD, 10 * MINUTE)
    before = target.firing()
    assert FAST.alert in before
    if probing:
        target.see(UNKNOWN, blind)
    else:
        target.skip(blind)
    assert target.firing() == before
    target.see(GOOD, 6 * MINUTE)
    assert FAST.alert not in target.firing()


def test_alert_continues_through_several_gaps_of_an_outage(target: MonitoredTarget) -> None:
    """Each part of the outage alone is too short to fire, but the target was not up since the alert fired."""
    target.see(GOOD, DAY).see(BAD, 10 * MINUTE)
    for _ in range(3):
        target.skip(2 * HOUR).see(BAD, 1)
        assert FAST.alert in target.firing()
    target.see(GOOD, MINUTE)
    assert FAST.alert not in target.firing()


def test_alert_does_not_start_to_fire_while_the_monitor_is_blind(target: MonitoredTarget) -> None:
    target.see(GOOD, DAY).see(BAD, MINUTE).see(UNKNOWN, 5 * HOUR)
    assert target.firing() == []


def test_unknown_time_after_a_good_probe_does_not_fire(target: MonitoredTarget) -> None:
    assert target.see(GOOD, HOUR).see(UNKNOWN, 3 * HOUR).see(GOOD, HOUR).firing() == []


@pytest.mark.parametrize(
    ("objective", "period", "cannot"),
    [
        ("99.9%", 30 * DAY, []),
        ("90%", 30 * DAY, [FAST]),
        ("80%", 30 * DAY, [FAST, MIDDLE]),
        ("99%", 365 * DAY, [FAST]),
        ("99.99999%", 365 * DAY, []),
        ("50%", DAY, []),
    ],
)
def test_policy_above_the_highest_burn_rate_cannot_fire(objective: str, period: int, cannot: list[BurnPolicy]) -> None:
    """The other policies fire in a long outage."""
    parsed_objective = Objective.parse(objective)
    obstacles = {policy: policy.reason_never_fires(parsed_objective, period, [MINUTE]) for policy in BURN_POLICIES}
    assert [policy for policy, reason in obstacles.items() if reason] == cannot
    assert all("raise the objective or shorten the window" in str(obstacles[policy]) for policy in cannot)
    target = MonitoredTarget(Timeline(HOLD)).see(BAD, 10 * DAY, step=2 * MINUTE)
    assert target.firing(parsed_objective, period) == [p.alert for p in BURN_POLICIES if p not in cannot]


def test_policy_at_the_highest_burn_rate_can_fire() -> None:
    """At an objective of 1 - 5/72 the highest burn rate is 14.4, the factor of the first policy for 30 days."""
    objective = Objective(Fraction(67, 72))
    assert FAST.reason_never_fires(objective, 30 * DAY, [MINUTE]) is None
    assert FAST.alert in MonitoredTarget(Timeline(HOLD)).see(BAD, HOUR).firing(objective)


def test_reason_never_fires_contains_both_burn_rates() -> None:
    text = FAST.reason_never_fires(Objective.parse("90%"), 30 * DAY, [MINUTE])
    assert text is not None
    assert text.startswith("NinewatchBudgetBurnsFast cannot fire: it needs a burn rate of 14.4, and")
    assert "at an objective of 90% over 30d the highest is 10" in text


@pytest.mark.parametrize(("intervals", "cannot"), [([HOUR], True), ([HOUR, HOUR], False), ([59 * MINUTE], False)])
def test_policy_with_one_observation_per_look_back_cannot_fire(intervals: list[int], cannot: bool) -> None:
    assert (FAST.reason_never_fires(NINES3, 30 * DAY, intervals) is not None) is cannot


def test_product_up_with_any_of_two_checks_fires_only_if_both_are_down() -> None:
    """One failing check alone does not burn the budget. Two do, also while one of them is unknown."""
    one, other = MonitoredTarget(Timeline(HOLD)), MonitoredTarget(Timeline(HOLD))
    composition = Composition(Rule(1), [one.timeline, other.timeline])

    def firing() -> bool:
        return any(alert.firing for alert in burn_alerts(composition, NINES3, 30 * DAY, one.now))

    one.see(GOOD, HOUR).see(BAD, HOUR)
    other.see(GOOD, 2 * HOUR)
    assert not firing()
    one.see(BAD, 10 * MINUTE)
    other.see(BAD, 10 * MINUTE)
    assert firing()
    one.see(BAD, HOUR)
    other.see(UNKNOWN, HOUR)
    assert firing()
    one.see(BAD, 6 * MINUTE)
    other.see(GOOD, 6 * MINUTE)
    assert not [a for a in burn_alerts(composition, NINES3, 30 * DAY, one.now) if a.firing and a.policy is FAST]


def tracker_and_timeline(outcomes: list[Outcome], fall: int = 2, rise: int = 2) -> tuple[IncidentTracker, Timeline]:
    timeline = Timeline(HOLD)
    tracker = IncidentTracker("p/c", "p", fall, rise, timeline)
    for number, outcome in enumerate(outcomes):
        timeline.append(number * MINUTE, outcome)
        tracker.step(Observation("p/c", number * MINUTE, outcome))
    return tracker, timeline


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([], None),
        ([UNKNOWN], None),
        ([GOOD], False),
        ([BAD], False),
        ([GOOD, BAD], False),
        ([BAD, BAD], True),
        ([BAD, BAD, UNKNOWN, UNKNOWN], True),
        ([BAD, BAD, UNKNOWN, GOOD], True),
        ([BAD, BAD, UNKNOWN, GOOD, GOOD], False),
    ],
)
def test_outage_begins_after_fall_bad_probes_and_ends_after_rise_good_probes(
    outcomes: list[Outcome], expected: bool | None
) -> None:
    assert outage(Rule(None), [tracker_and_timeline(outcomes)]) is expected


@pytest.mark.parametrize(
    ("rule", "members", "expected"),
    [
        (Rule(None), [[GOOD], [BAD, BAD]], True),
        (Rule(1), [[GOOD], [BAD, BAD]], False),
        (Rule(1), [[BAD, BAD], [BAD, BAD]], True),
        (Rule(2), [[GOOD], [GOOD], [BAD, BAD]], False),
        (Rule(2), [[GOOD], [BAD, BAD], [BAD, BAD]], True),
        (Rule(None), [[GOOD], []], None),
        (Rule(1), [[GOOD], []], False),
        (Rule(1), [[BAD, BAD], []], None),
    ],
)
def test_outage_depends_on_the_rule_of_the_product(
    rule: Rule, members: list[list[Outcome]], expected: bool | None
) -> None:
    assert outage(rule, [tracker_and_timeline(member) for member in members]) is expected
