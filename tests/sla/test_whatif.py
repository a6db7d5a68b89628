"""Effects of changes on one example that is probed every second, and ids, costs and ranks of changes."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sla.downtime_cost import Rate
from sla.interval import DAY, HOUR, MINUTE, SECOND, Interval
from sla.observation import Outcome
from sla.promise import PlanForecast
from sla.states import Durations
from sla.timeline import Timeline
from sla.whatif import Effect, Replay, WhatIf, parse_costs, replayed_time
from sla.whatif_changes import (
    Change,
    ChangeKind,
    ChangeName,
    Decoupling,
    DeploymentsWithoutDowntime,
    Failover,
    SecondReplica,
)

HOLD = 30 * SECOND
WINDOW = Interval(0, 1000 * SECOND)


def observed_timeline(*outages: tuple[int, int], end: int = 1000, start: int = 0) -> Timeline:
    """Return a timeline that is probed every second from start to end, bad in [first, last)."""
    bad = {second for first, last in outages for second in range(first, last)}
    seen = [(second * SECOND, Outcome.BAD if second in bad else Outcome.GOOD) for second in range(start, end + 1)]
    return Timeline.of_pairs(seen, HOLD)


PRODUCT = observed_timeline((100, 200), (400, 450), (700, 760))
MAIL = observed_timeline((110, 150))


def effects(*changes: Change, window: Interval = WINDOW, costs: dict[str, Fraction] | None = None) -> list[Effect]:
    replay = Replay(PRODUCT, {"mail": MAIL}, changes)
    replay.begin(window.start)
    replay.extend(window)
    return list(replay.effects(costs or {}))


def saved_seconds(change: Change, window: Interval = WINDOW) -> tuple[float | None, ...]:
    (effect,) = effects(change, window=window)
    return tuple(None if duration is None else duration / SECOND for duration in effect.saved)


def test_decoupling_saves_the_downtime_with_the_dependency_and_perhaps_the_rest_of_the_outage() -> None:
    """Mail was certainly down for 39 s, by the estimate for 40 s; its effects may have lasted to the end at 200 s."""
    assert saved_seconds(Decoupling("mail", "E-mail")) == (39, 40, 91)


def test_failover_cuts_own_outages_and_waits_for_dependencies() -> None:
    """The outages of 50 s and 60 s are cut to 20 s. In the first one, the estimate counts from 150 s on."""
    assert saved_seconds(Failover(20 * SECOND)) == (29 + 39, 30 + 30 + 40, 31 + 41 + 81 - 30)


def test_outage_that_began_before_the_window_keeps_its_start() -> None:
    inside = Interval(430 * SECOND, 500 * SECOND)
    assert saved_seconds(Failover(20 * SECOND), inside) == (19, 19.5, 20)


def test_outage_that_began_days_before_the_window_is_read_from_its_start() -> None:
    """The dependency was down at the start of the outage, so it may be the cause of all of it."""
    hourly = [(n * HOUR, Outcome.BAD if 1 <= n < 99 else Outcome.GOOD) for n in range(101)]
    mail = [(n * HOUR, Outcome.BAD if n == 1 else Outcome.GOOD) for n in range(101)]
    product, dependency = (Timeline.of_pairs(seen, 2 * HOUR) for seen in (hourly, mail))
    replay = Replay(product, {"mail": dependency}, [Decoupling("mail", "E-mail"), Failover()])
    replay.begin(90 * HOUR)
    replay.extend(Interval(90 * HOUR, 95 * HOUR))
    decoupled, failover = sorted(replay.effects({}), key=lambda effect: effect.name)
    assert decoupled.saved == (0, 0, 5 * HOUR)
    assert failover.saved == (0, 5 * HOUR, 5 * HOUR)


def test_deployment_saves_only_outages_that_begin_after_its_mark() -> None:
    """The outage at 400 s was in progress at the second deployment."""
    spans = tuple(Interval(at * SECOND, (at + 30) * SECOND) for at in (390, 410, 690))
    change = DeploymentsWithoutDowntime(spans, 30 * SECOND, 3)
    assert saved_seconds(change) == (20 + 20, 20.5 + 20.5, 51 + 61)
    assert change.edges == sorted(edge for span in spans for edge in (span.start, span.end))


def test_second_replica_has_bounds_and_no_estimate() -> None:
    (effect,) = effects(SecondReplica())
    assert (effect.saved.low, effect.saved.point) == (0, None)
    assert (effect.downtime.point, effect.availability.point) == (None, None)
    assert effect.helps
    assert effect.cost_per_hour is None
    assert effect.as_json(None)["saved_cost"] is None


def test_changes_with_the_lowest_cost_per_hour_come_first_and_those_without_an_estimate_last() -> None:
    changes = (SecondReplica(), Failover(20 * SECOND), Decoupling("mail", "E-mail"))
    assert [effect.name for effect in effects(*changes)] == ["failover/20s", "decouple/mail", "replica"]
    cheap = effects(*changes, costs={"decouple/mail": Fraction(10), "replica": Fraction(1)})
    assert [effect.name for effect in cheap] == ["decouple/mail", "failover/20s", "replica"]
    price = Fraction(10) * WINDOW.length / (365 * DAY) / (Fraction(40 * SECOND) / HOUR)
    assert cheap[0].cost_per_hour == price
    assert cheap[1].cost_per_hour is None


def test_result_has_the_plan_and_the_cost_of_the_downtime_saved() -> None:
    rate, plan = Rate(Fraction(3600), "CAD", "made up"), PlanForecast(Fraction("0.9"), Fraction("0.5"))
    results = effects(Decoupling("mail", "E-mail"), costs={"decouple/mail": Fraction(10)})
    plain = WhatIf("forms", WINDOW, WINDOW, results[0].before, tuple(results), plan, rate).as_json()
    assert (plain["plan"], plain["saved_currency"]) == ({"expected": 0.9, "chance": 0.5}, "CAD")
    (change,) = plain["changes"]
    assert change["saved_cost"] == {"low": 39.0, "point": 40.0, "high": 91.0}
    assert change["cost_per_year"] == 10.0
    assert plain["downtime_seconds"]["point"] - change["downtime_seconds"]["point"] == 40.0
    without = WhatIf("forms", WINDOW, WINDOW, results[0].before, ()).as_json()
    assert (without["plan"], without["saved_currency"], without["changes"]) == (None, None, [])


def test_replayed_time_begins_with_the_record() -> None:
    late = observed_timeline(start=300)
    assert replayed_time(late, WINDOW, WINDOW.end) == Interval(300 * SECOND, 1000 * SECOND)
    assert replayed_time(PRODUCT, WINDOW, WINDOW.end) == WINDOW
    assert replayed_time(Timeline(HOLD), WINDOW, WINDOW.end) == WINDOW


def test_replayed_time_ends_with_the_last_observation_until_that_expires() -> None:
    """Until then, the time after it is in doubt, and every change would seem to help."""
    early = observed_timeline(end=900)
    assert replayed_time(early, WINDOW, 920 * SECOND) == Interval(0, 900 * SECOND)
    assert replayed_time(early, WINDOW, 930 * SECOND) == WINDOW
    later = Interval(910 * SECOND, 920 * SECOND)
    assert replayed_time(early, later, 920 * SECOND) == Interval(910 * SECOND, 910 * SECOND)


def test_without_observations_nothing_is_saved_for_certain() -> None:
    replay = Replay(Timeline(HOLD), {}, [Failover(20 * SECOND)])
    replay.begin(0)
    replay.extend(WINDOW)
    (effect,) = replay.effects({})
    assert (effect.saved, effect.unknown) == ((0, 0, WINDOW.length), WINDOW.length)
    assert replay.before == effect.after == Durations(unknown=WINDOW.length)


def test_every_change_states_its_assumptions() -> None:
    deployments = DeploymentsWithoutDowntime((), MINUTE, 0)
    for change in (Decoupling("mail", "E-mail"), Failover(), deployments, SecondReplica()):
        assert change.assumptions
        assert all(assumption.endswith(".") for assumption in change.assumptions)
        assert not change.text.endswith(".")
    assert "0 in the window are marked" in deployments.assumptions[0]


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("decouple/mail", ChangeName(ChangeKind.DECOUPLE, "mail"), "decouple/mail"),
        (" failover ", ChangeName(ChangeKind.FAILOVER, within=15 * MINUTE), "failover/15m"),
        ("failover/90m", ChangeName(ChangeKind.FAILOVER, within=90 * MINUTE), "failover/1h30m"),
        ("failover/1h1s", ChangeName(ChangeKind.FAILOVER, within=HOUR + SECOND), "failover/1h1s"),
        ("failover/1.234567s", ChangeName(ChangeKind.FAILOVER, within=1_234_567), "failover/1.234567s"),
        ("zero-downtime", ChangeName(ChangeKind.ZERO_DOWNTIME), "zero-downtime"),
        ("replica", ChangeName(ChangeKind.REPLICA), "replica"),
    ],
)
def test_id_of_a_change_is_parsed(text: str, name: ChangeName, shown: str) -> None:
    assert ChangeName.parse(text) == name
    assert str(name) == shown
    assert ChangeName.parse(shown) == name


@pytest.mark.parametrize("text", ["", "decouple", "decouple/", "replica/web", "zero-downtime/web", "retry/mail"])
def test_unknown_change_is_rejected_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="use one of decouple/DEPENDENCY, failover/15m, zero-downtime, replica"):
        ChangeName.parse(text)


def test_costs_have_the_normal_form_of_their_ids() -> None:
    assert parse_costs({"failover/900s": Fraction(5)}) == {"failover/15m": 5}
    with pytest.raises(ValueError, match="is not a duration"):
        parse_costs({"failover/soon": Fraction(5)})
