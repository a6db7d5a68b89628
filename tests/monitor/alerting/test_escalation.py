"""Steps of escalations: a recorder with a store in memory, real sinks, and a manual clock."""

from __future__ import annotations

import json

from monitor.config.model import Portfolio
from sla.acknowledgement import Via
from sla.interval import HOUR
from tests.support.alerting import GOOD, ledger_with_receivers, run_alerting
from tests.support.clocks import EPOCH, ManualClock
from tests.support.escalations import (
    DAYS,
    STEPS,
    acknowledge,
    advance_minutes,
    configuration,
    end_outage,
    ledger,
    sent_events,
    start_outage,
)
from tests.support.ledgers import product
from tests.support.messages import receiver
from tests.support.stores import MemoryStore


async def test_page_is_escalated_step_by_step_and_resolved_for_all_receivers() -> None:
    async with run_alerting(ledger(), deliver=False) as harness:
        await start_outage(harness)
        assert sent_events(harness) == [("pager", "opened")]
        await advance_minutes(harness, 14.9)
        assert sent_events(harness) == [("pager", "opened")]
        await advance_minutes(harness, 0.2)
        await advance_minutes(harness, 9.8)
        assert sent_events(harness) == [("pager", "opened"), ("manager", "opened")]
        await advance_minutes(harness, 0.3)
        await advance_minutes(harness, 300)
        assert sent_events(harness)[2:] == [("ada", "opened")]
        await end_outage(harness)
    assert [harness.events(name) for name in ("pager", "manager", "ada", "channel")] == [["opened", "resolved"]] * 3 + [
        []
    ]
    steps = [json.loads(row.body).get("escalation") for row in harness.rows()]
    assert [step and (step["step"], step["steps"], step["person"]) for step in steps] == [
        (1, 3, None),
        (2, 3, None),
        (3, 3, "Ada"),
        *[None] * 3,
    ]
    (response,) = harness.store.responses.values()
    assert response.ended is not None
    assert harness.store.load_responses() == []


async def test_step_and_notification_are_written_in_one_transaction() -> None:
    async with run_alerting(ledger(), deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 15.1)
    batches = [batch for batch in harness.store.batches if batch.notifications]
    assert [[response.escalations[0].step for response in batch.responses] for batch in batches] == [[1], [2]]


async def test_ticket_takes_only_first_step_and_restarts_steps_when_it_becomes_a_page() -> None:
    async with run_alerting(ledger(checks=2, rule="any"), deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        await start_outage(harness)
        await advance_minutes(harness, 60)
        assert sent_events(harness) == [("pager", "opened")]
        await acknowledge(harness)
        assert harness.events("pager") == ["opened", "acknowledged"]
        await start_outage(harness, "forms/check-1")
        assert harness.events("pager") == ["opened", "acknowledged", "escalated"]
        assert "acknowledged" not in json.loads(harness.rows()[-1].body)
        await advance_minutes(harness, 15.1)
        assert harness.events("manager") == ["opened"]
        await acknowledge(harness, "Ada", Via.LINK)
        await end_outage(harness)
        assert harness.events("pager")[-1] == "escalated", "the page becomes a ticket"
        await start_outage(harness)
        await advance_minutes(harness, 600)
        assert harness.events("ada") == [], "the acknowledgement of the page also counts later"
    responses = sorted(harness.store.responses.values(), key=lambda response: response.started)
    assert [(response.severity, response.author) for response in responses] == [("ticket", "Grace"), ("page", "Ada")]


async def test_step_without_person_on_call_is_skipped_immediately() -> None:
    steps = [{"standby": "rota"}, {"to": "manager"}]
    night = {**DAYS, "start": "2026-09-21T20:00", "end": "2026-09-22T08:00"}
    settings = {
        "escalations": [{"id": "sso", "steps": steps}],
        "standby": [{"id": "rota", "zone": "UTC", "shifts": [night]}],
    }
    async with run_alerting(ledger(**settings), deliver=False) as harness:
        await start_outage(harness)
        assert sent_events(harness) == [("manager", "opened")]
    clock = ManualClock(EPOCH + 8 * HOUR)
    async with run_alerting(ledger(**settings), clock=clock, deliver=False) as harness:
        await start_outage(harness)
        assert sent_events(harness) == [("ada", "opened")]
        await advance_minutes(harness, 15.1)
        assert sent_events(harness) == [("ada", "opened"), ("manager", "opened")]


async def test_step_pages_person_on_call_at_time_of_step() -> None:
    shifts = [
        {"person": "Ada", "start": "2026-09-21T08:00", "end": "2026-09-21T14:30"},
        {"person": "Bob", "start": "2026-09-21T14:30", "end": "2026-09-22T08:00"},
    ]
    people = [{"name": "Ada", "to": "ada"}, {"name": "Bob", "to": ["channel", "manager"]}]
    steps = [{"to": "pager"}, {"standby": "rota", "after": "20m"}]
    settings = {
        "escalations": [{"id": "sso", "steps": steps}],
        "standby": [{"id": "rota", "zone": "UTC", "shifts": shifts}],
    }
    async with run_alerting(ledger(**settings, people=people), deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 21)
    assert sent_events(harness) == [("pager", "opened"), ("channel", "opened"), ("manager", "opened")]


async def test_last_step_is_repeated_to_present_person_on_call() -> None:
    shifts = [
        {"person": "Ada", "start": "2026-09-21T08:00", "end": "2026-09-21T15:00"},
        {"person": "Bob", "start": "2026-09-21T15:00", "end": "2026-09-22T08:00"},
    ]
    people = [{"name": "Ada", "to": "ada"}, {"name": "Bob", "to": "channel"}]
    escalation = {"id": "sso", "steps": [{"standby": "rota"}], "repeat_every": "20m"}
    settings = {"escalations": [escalation], "standby": [{"id": "rota", "zone": "UTC", "shifts": shifts}]}
    async with run_alerting(ledger(**settings, people=people), deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 19.9)
        assert sent_events(harness) == [("ada", "opened")]
        await advance_minutes(harness, 40.2)
        await advance_minutes(harness, 10)
    assert sent_events(harness) == [("ada", "opened"), ("channel", "opened")]


async def test_route_notifies_channel_in_addition_to_escalation() -> None:
    routes = [{"to": "channel", "escalation": "sso"}]
    async with run_alerting(ledger(routes=routes), deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 15.1)
        await acknowledge(harness)
        await end_outage(harness)
    assert harness.events("channel") == ["opened", "acknowledged", "resolved"]
    assert harness.events("manager") == ["opened", "acknowledged", "resolved"]
    assert harness.events("ada") == []


async def test_change_of_routes_and_reload_do_not_stop_running_escalation() -> None:
    routes = [{"escalation": "sso", "hours": "Mon-Fri 07:00-07:20"}]  # in Vancouver; it is 07:13:20
    settings = configuration(routes=routes)
    async with run_alerting(ledger_with_receivers(product("forms", 1, "99%"), **settings), deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 15.1)
        assert sent_events(harness)[1:] == [("manager", "opened")]
        shorter = configuration(routes=routes, escalations=[{"id": "sso", "steps": STEPS[:1]}])
        receivers = tuple(receiver(**fields) for fields in shorter.pop("receivers"))
        harness.reload(
            Portfolio.model_validate({"products": (product("forms", 1, "99%"),), "receivers": receivers, **shorter})
        )
        await advance_minutes(harness, 60)
        assert harness.events("ada") == []
        await end_outage(harness)
    assert harness.events("manager") == ["opened", "resolved"]


async def test_alert_announced_by_earlier_version_is_escalated() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger(routes=[{"to": "channel"}], escalations=()), store, clock, deliver=False) as harness:
        await start_outage(harness)
    store.responses.clear()
    clock.jump(3600)
    async with run_alerting(
        ledger(routes=[{"to": "channel", "escalation": "sso"}]), store, clock, deliver=False
    ) as harness:
        await harness.update()
        assert sent_events(harness) == [("channel", "opened"), ("pager", "opened")]
        await advance_minutes(harness, 15.1)
        assert sent_events(harness)[2:] == [("manager", "opened")]


async def test_flapping_product_is_escalated_until_it_is_stable() -> None:
    damping = {"damping": {"incidents": 2, "within": "30m", "stable_after": "10m"}}
    async with run_alerting(ledger(alerting=damping), deliver=False) as harness:
        await start_outage(harness)
        await end_outage(harness)
        await start_outage(harness)
        await end_outage(harness)
        assert harness.events("pager") == ["opened", "resolved", "opened"]
        await harness.clock.advance(9 * 60)
        await start_outage(harness)
        await advance_minutes(harness, 6.5)
        assert harness.events("manager") == ["opened"]
        await end_outage(harness)
        await advance_minutes(harness, 40)
    assert harness.events("pager") == ["opened", "resolved"] * 2
    assert harness.events("manager") == ["opened", "resolved"]


async def test_flapping_ticket_escalates_to_page() -> None:
    damping = {"damping": {"incidents": 2, "within": "30m", "stable_after": "10m"}}
    async with run_alerting(ledger(checks=2, rule="any", alerting=damping), deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        for _ in range(2):
            await start_outage(harness)
            await end_outage(harness)
        assert harness.events("pager") == ["opened", "resolved", "opened"], "tickets; the second stays open"
        await start_outage(harness)
        await start_outage(harness, "forms/check-1")
        await harness.update()
        assert harness.events("pager")[3:] == ["escalated"]
        assert harness.rows()[-1].severity == "page"
        await end_outage(harness, "forms/check-1")
        await end_outage(harness)
        await harness.update()
        await harness.update()
        assert harness.events("pager")[3:] == ["escalated"], (
            "the severity does not decrease while the product is flapping"
        )
        await advance_minutes(harness, 15.1)
    assert harness.events("pager")[3:] == ["escalated", "resolved"]
