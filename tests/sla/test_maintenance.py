"""Tests of maintenance plans: facts, validity and changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sla.fact import MAINTENANCE, Fact
from sla.interval import Interval
from sla.maintenance import MaintenancePlan, changes, in_force

UPGRADE = '[{"end":"2026-12-06T04:00:00","reason":"upgrade","start":"2026-12-06T02:00:00","zone":"America/Vancouver"}]'
SUNDAYS = (
    '[{"end":"2026-12-06T04:00:00","reason":"backup","rrule":"FREQ=WEEKLY;BYDAY=SU","start":"2026-12-06T02:00:00",'
    '"zone":"UTC"}]'
)
CALENDAR = (
    '[{"ics":{"name":"work.ics","text":"BEGIN:VEVENT\\r\\nEND:VEVENT\\r\\nBEGIN:VEVENT\\r\\nEND:VEVENT"},"zone":"UTC"}]'
)


@pytest.mark.parametrize("blocks", ["[]", UPGRADE, SUNDAYS, CALENDAR])
@pytest.mark.parametrize("superseded", [(), ("0f3a5c7e9b12",)])
def test_plan_round_trips_through_its_fact(blocks: str, superseded: tuple[str, ...]) -> None:
    plan = MaintenancePlan("forms", 7, blocks, superseded)
    fact = plan.fact("ninewatch.yaml")
    assert (fact.kind, fact.author, fact.product, fact.made) == (MAINTENANCE, "configuration", "forms", 7)
    assert MaintenancePlan.read(fact) == plan
    assert MaintenancePlan.read(fact).id == fact.id


@pytest.mark.parametrize(
    "body", [{}, {"blocks": 3}, {"blocks": [3]}, {"blocks": ["x"]}, [], {"blocks": [], "supersedes": 1}]
)
def test_invalid_plan_is_rejected(body: object) -> None:
    with pytest.raises(ValueError, match="lacks a part"):
        MaintenancePlan.read(Fact.of(1, "x", MAINTENANCE, "forms", body))


def test_each_instant_has_the_last_plan_made_before_it() -> None:
    a, b, c = (MaintenancePlan("p", created) for created in (10, 20, 30))
    assert list(in_force([a, b, c], Interval(0, 40))) == [
        (a, Interval(0, 20)),
        (b, Interval(20, 30)),
        (c, Interval(30, 40)),
    ]
    assert list(in_force([a, b, c], Interval(12, 15))) == [(a, Interval(12, 15))]
    assert list(in_force([a, b, c], Interval(25, 29))) == [(b, Interval(25, 29))]
    assert list(in_force([a, b, c], Interval(35, 40))) == [(c, Interval(35, 40))]
    assert list(in_force([a, b, c], Interval(5, 5))) == []
    assert list(in_force([], Interval(0, 40))) == []


def test_last_of_several_plans_with_the_same_time_is_valid() -> None:
    a, b = MaintenancePlan("p", 10), MaintenancePlan("p", 10, UPGRADE)
    assert list(in_force([a, b], Interval(10, 40))) == [(b, Interval(10, 40))]


def test_changes_of_a_plan_are_listed() -> None:
    first, second = MaintenancePlan("forms", 1, UPGRADE), MaintenancePlan("forms", 2, SUNDAYS)
    upgrade = "2026-12-06T02:00:00/2026-12-06T04:00:00 America/Vancouver: upgrade"
    assert changes(None, first) == [f"planned: {upgrade}"]
    assert changes(first, first) == []
    assert changes(first, second) == [
        f"no longer planned: {upgrade}",
        "planned: 2026-12-06T02:00:00/2026-12-06T04:00:00 FREQ=WEEKLY;BYDAY=SU UTC: backup",
    ]
    everywhere = replace(first, product="", blocks=CALENDAR)
    assert changes(None, everywhere) == ["planned for all products: the calendar work.ics (2 events) UTC"]
    one = replace(everywhere, blocks=CALENDAR.replace("BEGIN:VEVENT\\r\\n", "", 1))
    assert "(1 event)" in changes(None, one)[0]


def test_first_plan_states_when_it_was_loaded() -> None:
    plan = MaintenancePlan("forms", 7, UPGRADE, seen=9)
    assert MaintenancePlan.read(plan.fact("x")).announced == 9
    assert MaintenancePlan.read(MaintenancePlan("forms", 7).fact("x")).announced == 7
