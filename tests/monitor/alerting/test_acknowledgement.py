"""Acknowledgements and reminders of escalated alerts, and the fields of their messages."""

from __future__ import annotations

import json

import pytest

from monitor.config.priorities import load_priorities
from monitor.package_files import shipped_path
from sla.acknowledgement import Acknowledgement, Via
from sla.interval import HOUR, MINUTE
from sla.silence import Silence
from tests.support.alerting import GOOD, UNKNOWN, run_alerting
from tests.support.clocks import EPOCH, ManualClock
from tests.support.escalations import (
    acknowledge,
    advance_minutes,
    alert_key,
    end_outage,
    ledger,
    sent_events,
    start_outage,
)
from tests.support.stores import MemoryStore


async def test_acknowledgement_stops_escalation_and_is_sent_to_paged_receivers() -> None:
    async with run_alerting(ledger(alerting={"remind_every": "5m"}), deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 5)
        await advance_minutes(harness, 3)
        await acknowledge(harness)
        for _ in range(20):
            await advance_minutes(harness, 10)
        await end_outage(harness)
    assert harness.events("pager") == ["opened", "reminder", "acknowledged", "resolved"]
    assert harness.events("manager") == []
    acknowledged = json.loads(harness.rows()[2].body)["acknowledged"]
    assert (acknowledged["by"], acknowledged["via"]) == ("Grace", "command")
    assert json.loads(harness.rows()[3].body)["acknowledged"] == acknowledged
    assert harness.health.acknowledgements["page"] == (1, 8 * MINUTE)


async def test_reminders_are_sent_to_paged_receivers_until_acknowledgement() -> None:
    async with run_alerting(ledger(alerting={"remind_every": "20m"}), deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 16)
        await advance_minutes(harness, 5)
        assert harness.events("pager") == ["opened", "reminder"]
        assert harness.events("manager") == ["opened"]
        await acknowledge(harness)
        await advance_minutes(harness, 100)
    assert harness.events("pager") == ["opened", "reminder", "acknowledged"]
    assert harness.events("manager") == ["opened", "acknowledged"]


async def test_acknowledgement_without_running_daemon_counts_at_next_start() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger(), store, clock, deliver=False) as harness:
        await start_outage(harness)
    clock.jump(600)
    fact = Acknowledgement(clock.now(), alert_key(harness), "Grace", Via.COMMAND, "forms").fact()
    store.facts[fact.id] = fact
    clock.jump(7200)
    async with run_alerting(ledger(), store, clock, deliver=False) as harness:
        await harness.update()
    assert sent_events(harness) == [("pager", "opened"), ("pager", "acknowledged")]
    (response,) = store.load_responses()
    assert response.time_to_acknowledge == 10 * MINUTE


@pytest.mark.fault(55)
async def test_mute_pauses_escalation_and_acknowledgement_during_mute_is_sent() -> None:
    async with run_alerting(ledger(), deliver=False) as harness:
        await start_outage(harness)
        now = harness.clock.now()
        harness.state(Silence(now, "Ada", "known", now + HOUR, "forms").fact())
        await advance_minutes(harness, 50)
        assert sent_events(harness) == [("pager", "opened")]
        await advance_minutes(harness, 11)
        assert sent_events(harness) == [("pager", "opened"), ("manager", "opened")]
        harness.state(Silence(harness.clock.now(), "Ada", "known", harness.clock.now() + HOUR, "forms").fact())
        await acknowledge(harness)
    assert sorted(sent_events(harness)[2:]) == [("manager", "acknowledged"), ("pager", "acknowledged")]


@pytest.mark.parametrize(
    ("stage", "hour", "priority", "minutes"),
    [
        ("production", 0, "P1", 30),  # 07:13 in Vancouver
        ("production", 3, "P1", 15),
        ("pilot", 3, "P2", 30),
        ("pilot", 12, "P2", 60),
    ],
)
async def test_message_contains_priority_and_target_of_the_hour(
    stage: str, hour: int, priority: str, minutes: int
) -> None:
    policy = load_priorities(shipped_path("config", "policies", "pathfinder-sso.yaml"))
    clock = ManualClock(EPOCH + hour * HOUR)
    async with run_alerting(ledger(priorities=policy, stage=stage), clock=clock, deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, minutes + 1)
        (response,) = harness.store.load_responses()
        assert (response.priority, response.target) == (priority, minutes * MINUTE)
        assert response.within_target(harness.clock.now()) is False
    body = json.loads(harness.rows()[0].body)
    assert body["priority"] == priority
    assert body["acknowledge_by"] > body["incident"]["opened"]


async def test_message_has_no_fields_without_escalation_and_priorities() -> None:
    async with run_alerting(ledger(routes=[{"to": "channel"}], escalations=()), deliver=False) as harness:
        await start_outage(harness)
    body = json.loads(harness.rows()[0].body)
    assert not {"priority", "acknowledge_by", "acknowledged", "escalation"} & body.keys()


async def test_alert_about_monitor_is_escalated_and_acknowledged() -> None:
    async with run_alerting(ledger(), deliver=False) as harness:
        harness.observe(UNKNOWN)
        await harness.update()
        await advance_minutes(harness, 2)
        assert sent_events(harness) == [("pager", "opened")]
        assert alert_key(harness).startswith("blind:")
        await advance_minutes(harness, 15.1)
        assert sent_events(harness)[1:] == [("manager", "opened")]
        await acknowledge(harness)
        await advance_minutes(harness, 60)
        harness.observe(GOOD)
        await harness.update()
    assert harness.events("manager") == ["opened", "acknowledged", "resolved"]
    assert harness.events("ada") == []


async def test_response_to_missing_alert_ends_at_start() -> None:
    store, clock = MemoryStore(), ManualClock()
    late = [{"to": "pager", "after": "5m"}]
    async with run_alerting(ledger(escalations=[{"id": "sso", "steps": late}]), store, clock, deliver=False) as harness:
        await start_outage(harness)
        assert sent_events(harness) == []
        await harness.until(store.load_responses)
    (response,) = store.load_responses()
    store.product_incidents.clear()
    store.incidents.clear()
    store.seen.clear()
    store.runs.clear()
    async with run_alerting(ledger(), store, clock, deliver=False) as harness:
        await harness.until(lambda: not store.load_responses())
    assert store.responses[response.key, response.started].ended == clock.now()
