"""Escalation, acknowledgement and reminders: a recorder over a store in memory, real sinks, and a clock of the test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.config.model import Portfolio
from monitor.config.priorities import load_priorities
from monitor.package_files import shipped_path
from sla.acknowledgement import Acknowledgement, Via
from sla.interval import HOUR, MINUTE, SECOND
from sla.silence import Silence
from tests.support.alerting import BAD, GOOD, UNKNOWN, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import EPOCH, ManualClock
from tests.support.ledgers import product
from tests.support.messages import receiver
from tests.support.sinks import Received, Reply, Sink
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.ledger.ledger import Ledger

# The clock starts at 2026-09-21T14:13:20Z, a Monday.
DAYS = {"person": "Ada", "start": "2026-09-21T08:00", "end": "2026-09-21T20:00", "rrule": "FREQ=DAILY"}
STEPS = [{"to": "pager"}, {"to": "manager", "after": "15m"}, {"standby": "rota", "after": "10m"}]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def world(sink: Sink | None = None, **fields: Any) -> dict[str, Any]:
    """Return the fields of a configuration with an escalation; without a sink its receivers are nowhere."""
    names = ("pager", "manager", "ada", "channel")
    url = "https://ops.example.org" if sink is None else sink.url("")
    made: dict[str, Any] = {
        "receivers": [{"id": name, "webhook": f"{url}/{name}"} for name in names],
        "routes": [{"escalation": "sso"}],
        "escalations": [{"id": "sso", "steps": STEPS}],
        "people": [{"name": "Ada", "to": "ada"}],
        "standby": [{"id": "rota", "zone": "UTC", "shifts": [DAYS]}],
    }
    return made | fields


def ledger(
    sink: Sink | None = None, *, checks: int = 1, rule: str = "all", stage: str = "production", **fields: Any
) -> Ledger:
    return ledger_with_receivers(product("forms", checks, "99%", rule=rule, stage=stage), **world(sink, **fields))


async def fails(rig: AlertingHarness, key: str = "forms/health") -> None:
    rig.observe(GOOD, BAD, BAD, key=key)
    await rig.written()


async def recovers(rig: AlertingHarness, key: str = "forms/health") -> None:
    rig.observe(GOOD, GOOD, key=key)
    await rig.written()


async def passes(rig: AlertingHarness, minutes: float) -> None:
    """Let time pass while the product stays down, and look."""
    rig.clock.jump(minutes * 60)
    await rig.update()


def key(rig: AlertingHarness) -> str:
    return rig.rows()[0].key


async def acknowledges(rig: AlertingHarness, by: str = "Grace", via: str = Via.COMMAND) -> None:
    rig.state(Acknowledgement(rig.clock.now(), key(rig), by, via, "forms", key(rig)).fact())
    await rig.update()


def told(rig: AlertingHarness) -> list[tuple[str, str]]:
    return [(row.receiver, row.event.value) for row in rig.rows()]


async def test_page_is_escalated_step_by_step_and_resolved_for_all_receivers() -> None:
    async with run_alerting(ledger(), deliver=False) as rig:
        await fails(rig)
        assert told(rig) == [("pager", "opened")]
        await passes(rig, 14.9)
        assert told(rig) == [("pager", "opened")]
        await passes(rig, 0.2)
        await passes(rig, 9.8)
        assert told(rig) == [("pager", "opened"), ("manager", "opened")]
        await passes(rig, 0.3)
        await passes(rig, 300)
        assert told(rig)[2:] == [("ada", "opened")]
        await recovers(rig)
    assert [rig.events(name) for name in ("pager", "manager", "ada", "channel")] == [["opened", "resolved"]] * 3 + [[]]
    steps = [json.loads(row.body).get("escalation") for row in rig.rows()]
    assert [each and (each["step"], each["steps"], each["person"]) for each in steps] == [
        (1, 3, None),
        (2, 3, None),
        (3, 3, "Ada"),
        *[None] * 3,
    ]
    (response,) = rig.store.responses.values()
    assert response.ended is not None
    assert rig.store.load_responses() == []


async def test_step_and_notification_are_written_in_one_transaction() -> None:
    async with run_alerting(ledger(), deliver=False) as rig:
        await fails(rig)
        await passes(rig, 15.1)
    found = [batch for batch in rig.store.batches if batch.notifications]
    assert [[each.escalations[0].step for each in batch.responses] for batch in found] == [[1], [2]]


async def test_acknowledgement_stops_escalation_and_is_sent_to_paged_receivers() -> None:
    async with run_alerting(ledger(alerting={"remind_every": "5m"}), deliver=False) as rig:
        await fails(rig)
        await passes(rig, 5)
        await passes(rig, 3)
        await acknowledges(rig)
        for _ in range(20):
            await passes(rig, 10)
        await recovers(rig)
    assert rig.events("pager") == ["opened", "reminder", "acknowledged", "resolved"]
    assert rig.events("manager") == []
    acknowledged = json.loads(rig.rows()[2].body)["acknowledged"]
    assert (acknowledged["by"], acknowledged["via"]) == ("Grace", "command")
    assert json.loads(rig.rows()[3].body)["acknowledged"] == acknowledged
    assert rig.health.acknowledgements["page"] == (1, 8 * MINUTE)


async def test_reminders_are_sent_to_paged_receivers_until_acknowledgement() -> None:
    async with run_alerting(ledger(alerting={"remind_every": "20m"}), deliver=False) as rig:
        await fails(rig)
        await passes(rig, 16)
        await passes(rig, 5)
        assert rig.events("pager") == ["opened", "reminder"]
        assert rig.events("manager") == ["opened"]
        await acknowledges(rig)
        await passes(rig, 100)
    assert rig.events("pager") == ["opened", "reminder", "acknowledged"]
    assert rig.events("manager") == ["opened", "acknowledged"]


async def test_ticket_takes_only_first_step_and_restarts_steps_when_it_becomes_a_page() -> None:
    async with run_alerting(ledger(checks=2, rule="any"), deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        await fails(rig)
        await passes(rig, 60)
        assert told(rig) == [("pager", "opened")]
        await acknowledges(rig)
        assert rig.events("pager") == ["opened", "acknowledged"]
        await fails(rig, "forms/check-1")
        assert rig.events("pager") == ["opened", "acknowledged", "escalated"]
        assert "acknowledged" not in json.loads(rig.rows()[-1].body)
        await passes(rig, 15.1)
        assert rig.events("manager") == ["opened"]
        await acknowledges(rig, "Ada", Via.LINK)
        await recovers(rig)
        assert rig.events("pager")[-1] == "escalated", "down to a ticket"
        await fails(rig)
        await passes(rig, 600)
        assert rig.events("ada") == [], "the acknowledged page covers what follows"
    responses = sorted(rig.store.responses.values(), key=lambda each: each.started)
    assert [(each.severity, each.author) for each in responses] == [("ticket", "Grace"), ("page", "Ada")]


async def test_step_without_person_on_standby_is_skipped_immediately() -> None:
    steps = [{"standby": "rota"}, {"to": "manager"}]
    night = {**DAYS, "start": "2026-09-21T20:00", "end": "2026-09-22T08:00"}
    held = {
        "escalations": [{"id": "sso", "steps": steps}],
        "standby": [{"id": "rota", "zone": "UTC", "shifts": [night]}],
    }
    async with run_alerting(ledger(**held), deliver=False) as rig:
        await fails(rig)
        assert told(rig) == [("manager", "opened")]
    clock = ManualClock(EPOCH + 8 * HOUR)
    async with run_alerting(ledger(**held), clock=clock, deliver=False) as rig:
        await fails(rig)
        assert told(rig) == [("ada", "opened")]
        await passes(rig, 15.1)
        assert told(rig) == [("ada", "opened"), ("manager", "opened")]


async def test_step_pages_person_on_standby_at_time_of_step() -> None:
    shifts = [
        {"person": "Ada", "start": "2026-09-21T08:00", "end": "2026-09-21T14:30"},
        {"person": "Bob", "start": "2026-09-21T14:30", "end": "2026-09-22T08:00"},
    ]
    people = [{"name": "Ada", "to": "ada"}, {"name": "Bob", "to": ["channel", "manager"]}]
    steps = [{"to": "pager"}, {"standby": "rota", "after": "20m"}]
    held = {
        "escalations": [{"id": "sso", "steps": steps}],
        "standby": [{"id": "rota", "zone": "UTC", "shifts": shifts}],
    }
    async with run_alerting(ledger(**held, people=people), deliver=False) as rig:
        await fails(rig)
        await passes(rig, 21)
    assert told(rig) == [("pager", "opened"), ("channel", "opened"), ("manager", "opened")]


async def test_last_step_is_repeated_to_present_person_on_standby() -> None:
    shifts = [
        {"person": "Ada", "start": "2026-09-21T08:00", "end": "2026-09-21T15:00"},
        {"person": "Bob", "start": "2026-09-21T15:00", "end": "2026-09-22T08:00"},
    ]
    people = [{"name": "Ada", "to": "ada"}, {"name": "Bob", "to": "channel"}]
    escalation = {"id": "sso", "steps": [{"standby": "rota"}], "repeat_every": "20m"}
    held = {"escalations": [escalation], "standby": [{"id": "rota", "zone": "UTC", "shifts": shifts}]}
    async with run_alerting(ledger(**held, people=people), deliver=False) as rig:
        await fails(rig)
        await passes(rig, 19.9)
        assert told(rig) == [("ada", "opened")]
        await passes(rig, 40.2)
        await passes(rig, 10)
    assert told(rig) == [("ada", "opened"), ("channel", "opened")]


async def test_restart_keeps_due_time_and_repeats_no_step() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger(), store, clock, deliver=False) as rig:
        await fails(rig)
        await passes(rig, 14)
    async with run_alerting(ledger(), store, clock, deliver=False) as rig:
        await rig.update()
        assert told(rig) == [("pager", "opened")]
        await passes(rig, 1.1)
        assert told(rig) == [("pager", "opened"), ("manager", "opened")]
    clock.jump(24 * 60)
    async with run_alerting(ledger(), store, clock, deliver=False) as rig:
        await rig.update()
        await rig.update()
        assert told(rig)[2:] == [("ada", "opened")], "what fell due meanwhile is taken once"
        await acknowledges(rig)
    async with run_alerting(ledger(), store, clock, deliver=False) as rig:
        rig.state(*(fact for fact in rig.store.load_facts()))
        await passes(rig, 600)
        await recovers(rig)
    assert [rig.events(name) for name in ("pager", "manager", "ada")] == [["opened", "acknowledged", "resolved"]] * 3


async def test_acknowledgement_without_running_daemon_counts_at_next_start() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger(), store, clock, deliver=False) as rig:
        await fails(rig)
    clock.jump(600)
    fact = Acknowledgement(clock.now(), key(rig), "Grace", Via.COMMAND, "forms").fact()
    store.facts[fact.id] = fact
    clock.jump(7200)
    async with run_alerting(ledger(), store, clock, deliver=False) as rig:
        await rig.update()
    assert told(rig) == [("pager", "opened"), ("pager", "acknowledged")]
    (response,) = store.load_responses()
    assert response.time_to_acknowledge == 10 * MINUTE


async def test_unreachable_receiver_is_skipped_and_gets_all_notifications_later(sink: Sink) -> None:
    sink.decide = lambda received: Reply(503) if received.path == "/pager" and sink.reply.status != 299 else None
    async with run_alerting(ledger(sink)) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: [row for row in rig.rows() if row.attempts])
        for _ in range(70):
            await rig.clock.advance(1)
            await rig.idle()
        await rig.update()
        await rig.until(lambda: "/manager" in paths(sink))
        assert rig.clock.now() - rig.rows()[0].made < 2 * MINUTE
        assert "/ada" not in paths(sink), "the manager was reached"
        await passes(rig, 10.1)
        await rig.until(lambda: "/ada" in paths(sink))
        rig.observe(GOOD, GOOD)
        sink.reply = Reply(299)
        for _ in range(40):
            await rig.clock.advance(10)
            await rig.idle()
        await rig.delivered()
    for name in ("pager", "manager", "ada"):
        events = [each.json()["event"] for each in sink.received if each.path == f"/{name}"]
        assert list(dict.fromkeys(events)) == ["opened", "resolved"], name


def paths(sink: Sink) -> list[str]:
    return [each.path for each in list(sink.received)]


async def test_rejecting_receiver_is_skipped_after_unreachable_time(sink: Sink) -> None:
    def decide(received: Received) -> Reply | None:
        return Reply(400) if received.path == "/pager" else None

    sink.decide = decide
    escalation = {"id": "sso", "steps": STEPS, "unreachable_after": "30s"}
    async with run_alerting(ledger(sink, escalations=[escalation])) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: [row for row in rig.rows() if row.attempts])
        await rig.clock.advance(20)
        await rig.idle()
        await rig.update()
        assert [row.receiver for row in rig.rows()] == ["pager"]
        await rig.clock.advance(20)
        await rig.idle()
        await rig.update()
        await rig.until(lambda: "/manager" in paths(sink))


async def test_mute_pauses_escalation_and_acknowledgement_during_mute_is_sent() -> None:
    async with run_alerting(ledger(), deliver=False) as rig:
        await fails(rig)
        now = rig.clock.now()
        rig.state(Silence(now, "Ada", "known", now + HOUR, "forms").fact())
        await passes(rig, 50)
        assert told(rig) == [("pager", "opened")]
        await passes(rig, 11)
        assert told(rig) == [("pager", "opened"), ("manager", "opened")]
        rig.state(Silence(rig.clock.now(), "Ada", "known", rig.clock.now() + HOUR, "forms").fact())
        await acknowledges(rig)
    assert sorted(told(rig)[2:]) == [("manager", "acknowledged"), ("pager", "acknowledged")]


async def test_route_notifies_channel_in_addition_to_escalation() -> None:
    routes = [{"to": "channel", "escalation": "sso"}]
    async with run_alerting(ledger(routes=routes), deliver=False) as rig:
        await fails(rig)
        await passes(rig, 15.1)
        await acknowledges(rig)
        await recovers(rig)
    assert rig.events("channel") == ["opened", "acknowledged", "resolved"]
    assert rig.events("manager") == ["opened", "acknowledged", "resolved"]
    assert rig.events("ada") == []


async def test_step_notifies_receiver_again(sink: Sink) -> None:
    steps = [{"to": "pager"}, {"to": ["pager", "manager"], "after": "5m"}]
    async with run_alerting(ledger(sink, escalations=[{"id": "sso", "steps": steps, "repeat_every": "10m"}])) as rig:
        rig.observe(GOOD, BAD, BAD)
        for minutes in (5.1, 10.1):
            await rig.delivered()
            await passes(rig, minutes)
        await rig.delivered()
    assert rig.events("pager") == ["opened", "reminder", "reminder"]
    assert rig.events("manager") == ["opened", "reminder"]


async def test_change_of_routes_and_reload_do_not_stop_running_escalation() -> None:
    routes = [{"escalation": "sso", "hours": "Mon-Fri 07:00-07:20"}]  # in Vancouver; it is 07:13:20
    held = world(routes=routes)
    async with run_alerting(ledger_with_receivers(product("forms", 1, "99%"), **held), deliver=False) as rig:
        await fails(rig)
        await passes(rig, 15.1)
        assert told(rig)[1:] == [("manager", "opened")]
        shorter = world(routes=routes, escalations=[{"id": "sso", "steps": STEPS[:1]}])
        receivers = tuple(receiver(**each) for each in shorter.pop("receivers"))
        rig.reload(
            Portfolio.model_validate({"products": (product("forms", 1, "99%"),), "receivers": receivers, **shorter})
        )
        await passes(rig, 60)
        assert rig.events("ada") == []
        await recovers(rig)
    assert rig.events("manager") == ["opened", "resolved"]


async def test_alert_announced_by_earlier_version_is_escalated() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger(routes=[{"to": "channel"}], escalations=()), store, clock, deliver=False) as rig:
        await fails(rig)
    store.responses.clear()
    clock.jump(3600)
    async with run_alerting(
        ledger(routes=[{"to": "channel", "escalation": "sso"}]), store, clock, deliver=False
    ) as rig:
        await rig.update()
        assert told(rig) == [("channel", "opened"), ("pager", "opened")]
        await passes(rig, 15.1)
        assert told(rig)[2:] == [("manager", "opened")]


async def test_flapping_product_is_escalated_until_it_is_stable() -> None:
    damping = {"damping": {"incidents": 2, "within": "30m", "stable_after": "10m"}}
    async with run_alerting(ledger(alerting=damping), deliver=False) as rig:
        await fails(rig)
        await recovers(rig)
        await fails(rig)
        await recovers(rig)
        assert rig.events("pager") == ["opened", "resolved", "opened"]
        await rig.clock.advance(9 * 60)
        await fails(rig)
        await passes(rig, 6.5)
        assert rig.events("manager") == ["opened"]
        await recovers(rig)
        await passes(rig, 40)
    assert rig.events("pager") == ["opened", "resolved"] * 2
    assert rig.events("manager") == ["opened", "resolved"]


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
    async with run_alerting(ledger(priorities=policy, stage=stage), clock=clock, deliver=False) as rig:
        await fails(rig)
        await passes(rig, minutes + 1)
        (response,) = rig.store.load_responses()
        assert (response.priority, response.target) == (priority, minutes * MINUTE)
        assert response.within_target(rig.clock.now()) is False
    body = json.loads(rig.rows()[0].body)
    assert body["priority"] == priority
    assert body["acknowledge_by"] > body["incident"]["opened"]


async def test_message_has_no_fields_without_escalation_and_priorities() -> None:
    async with run_alerting(ledger(routes=[{"to": "channel"}], escalations=()), deliver=False) as rig:
        await fails(rig)
    body = json.loads(rig.rows()[0].body)
    assert not {"priority", "acknowledge_by", "acknowledged", "escalation"} & body.keys()


async def test_alert_about_monitor_is_escalated_and_acknowledged() -> None:
    async with run_alerting(ledger(), deliver=False) as rig:
        rig.observe(UNKNOWN)
        await rig.update()
        await passes(rig, 2)
        assert told(rig) == [("pager", "opened")]
        assert key(rig).startswith("blind:")
        await passes(rig, 15.1)
        assert told(rig)[1:] == [("manager", "opened")]
        await acknowledges(rig)
        await passes(rig, 60)
        rig.observe(GOOD)
        await rig.update()
    assert rig.events("manager") == ["opened", "acknowledged", "resolved"]
    assert rig.events("ada") == []


@pytest.mark.parametrize("lost", range(6))
async def test_crash_before_commit_loses_and_repeats_no_step(lost: int) -> None:
    """What one minute decided is not written before the crash; the next process decides it again, once."""
    store, clock = MemoryStore(), ManualClock()
    minutes = [0, 5, 15.1, 20, 25.2, 30]
    for number, minute in enumerate(minutes):
        async with run_alerting(ledger(), store, clock, deliver=False) as rig:
            clock.jump(minute * 60 - (clock.now() - EPOCH) / SECOND)
            if number == lost:
                store.error = "the power is cut"
                rig.observe(BAD, BAD)
                await rig.alerting.update()
                await rig.until(lambda rig=rig: rig.health.write_failures)
        store.error = ""
        async with run_alerting(ledger(), store, clock, deliver=False) as rig:
            if number == 0:
                rig.observe(BAD, BAD)
            await rig.update()
            await rig.update()
    assert sorted(told(rig)) == [("ada", "opened"), ("manager", "opened"), ("pager", "opened")]
    steps = {row.receiver: (row.made - EPOCH) / MINUTE for row in rig.rows()}
    assert steps["pager"] < 1
    assert 15.1 <= steps["manager"] < 15.3
    assert 25.2 <= steps["ada"] < 25.4


async def test_flapping_ticket_escalates_to_page() -> None:
    damping = {"damping": {"incidents": 2, "within": "30m", "stable_after": "10m"}}
    async with run_alerting(ledger(checks=2, rule="any", alerting=damping), deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        for _ in range(2):
            await fails(rig)
            await recovers(rig)
        assert rig.events("pager") == ["opened", "resolved", "opened"], "tickets; the second stays open"
        await fails(rig)
        await fails(rig, "forms/check-1")
        await rig.update()
        assert rig.events("pager")[3:] == ["escalated"]
        assert rig.rows()[-1].severity == "page"
        await recovers(rig, "forms/check-1")
        await recovers(rig)
        await rig.update()
        await rig.update()
        assert rig.events("pager")[3:] == ["escalated"], "it does not fall while the product flaps"
        await passes(rig, 15.1)
    assert rig.events("pager")[3:] == ["escalated", "resolved"]


async def test_response_to_missing_alert_ends_at_start() -> None:
    store, clock = MemoryStore(), ManualClock()
    late = [{"to": "pager", "after": "5m"}]
    async with run_alerting(ledger(escalations=[{"id": "sso", "steps": late}]), store, clock, deliver=False) as rig:
        await fails(rig)
        assert told(rig) == []
        await rig.until(store.load_responses)
    (held,) = store.load_responses()
    store.product_incidents.clear()
    store.incidents.clear()
    store.seen.clear()
    store.runs.clear()
    async with run_alerting(ledger(), store, clock, deliver=False) as rig:
        await rig.until(lambda: not store.load_responses())
    assert store.responses[held.key, held.started].ended == clock.now()
