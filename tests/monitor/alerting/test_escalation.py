"""Escalation, acknowledgement and reminders: a recorder with a store in memory, real sinks, and a manual clock."""

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
    with Sink().serving() as running_server:
        yield running_server


def configuration(sink: Sink | None = None, **fields: Any) -> dict[str, Any]:
    """Return the fields of a configuration with an escalation; without a sink its receivers do not exist."""
    names = ("pager", "manager", "ada", "channel")
    url = "https://ops.example.org" if sink is None else sink.url("")
    defaults: dict[str, Any] = {
        "receivers": [{"id": name, "webhook": f"{url}/{name}"} for name in names],
        "routes": [{"escalation": "sso"}],
        "escalations": [{"id": "sso", "steps": STEPS}],
        "people": [{"name": "Ada", "to": "ada"}],
        "standby": [{"id": "rota", "zone": "UTC", "shifts": [DAYS]}],
    }
    return defaults | fields


def ledger(
    sink: Sink | None = None, *, checks: int = 1, rule: str = "all", stage: str = "production", **fields: Any
) -> Ledger:
    return ledger_with_receivers(
        product("forms", checks, "99%", rule=rule, stage=stage), **configuration(sink, **fields)
    )


async def start_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, BAD, BAD, key=key)
    await harness.written()


async def end_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, GOOD, key=key)
    await harness.written()


async def advance_minutes(harness: AlertingHarness, minutes: float) -> None:
    """Advance the clock while the product stays down, and update the alerts."""
    harness.clock.jump(minutes * 60)
    await harness.update()


def alert_key(harness: AlertingHarness) -> str:
    return harness.rows()[0].key


async def acknowledge(harness: AlertingHarness, by: str = "Grace", via: str = Via.COMMAND) -> None:
    harness.state(Acknowledgement(harness.clock.now(), alert_key(harness), by, via, "forms", alert_key(harness)).fact())
    await harness.update()


def sent_events(harness: AlertingHarness) -> list[tuple[str, str]]:
    return [(row.receiver, row.event.value) for row in harness.rows()]


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


async def test_restart_keeps_due_time_and_repeats_no_step() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger(), store, clock, deliver=False) as harness:
        await start_outage(harness)
        await advance_minutes(harness, 14)
    async with run_alerting(ledger(), store, clock, deliver=False) as harness:
        await harness.update()
        assert sent_events(harness) == [("pager", "opened")]
        await advance_minutes(harness, 1.1)
        assert sent_events(harness) == [("pager", "opened"), ("manager", "opened")]
    clock.jump(24 * 60)
    async with run_alerting(ledger(), store, clock, deliver=False) as harness:
        await harness.update()
        await harness.update()
        assert sent_events(harness)[2:] == [("ada", "opened")], "overdue steps are taken once"
        await acknowledge(harness)
    async with run_alerting(ledger(), store, clock, deliver=False) as harness:
        harness.state(*(fact for fact in harness.store.load_facts()))
        await advance_minutes(harness, 600)
        await end_outage(harness)
    assert [harness.events(name) for name in ("pager", "manager", "ada")] == [
        ["opened", "acknowledged", "resolved"]
    ] * 3


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


async def test_unreachable_receiver_is_skipped_and_gets_all_notifications_later(sink: Sink) -> None:
    sink.decide = lambda received: Reply(503) if received.path == "/pager" and sink.reply.status != 299 else None
    async with run_alerting(ledger(sink)) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: [row for row in harness.rows() if row.attempts])
        for _ in range(70):
            await harness.clock.advance(1)
            await harness.idle()
        await harness.update()
        await harness.until(lambda: "/manager" in paths(sink))
        assert harness.clock.now() - harness.rows()[0].made < 2 * MINUTE
        assert "/ada" not in paths(sink), "the manager was reached"
        await advance_minutes(harness, 10.1)
        await harness.until(lambda: "/ada" in paths(sink))
        harness.observe(GOOD, GOOD)
        sink.reply = Reply(299)
        for _ in range(40):
            await harness.clock.advance(10)
            await harness.idle()
        await harness.delivered()
    for name in ("pager", "manager", "ada"):
        events = [request.json()["event"] for request in sink.received if request.path == f"/{name}"]
        assert list(dict.fromkeys(events)) == ["opened", "resolved"], name


def paths(sink: Sink) -> list[str]:
    return [request.path for request in list(sink.received)]


async def test_rejecting_receiver_is_skipped_after_unreachable_time(sink: Sink) -> None:
    def decide(received: Received) -> Reply | None:
        return Reply(400) if received.path == "/pager" else None

    sink.decide = decide
    escalation = {"id": "sso", "steps": STEPS, "unreachable_after": "30s"}
    async with run_alerting(ledger(sink, escalations=[escalation])) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: [row for row in harness.rows() if row.attempts])
        await harness.clock.advance(20)
        await harness.idle()
        await harness.update()
        assert [row.receiver for row in harness.rows()] == ["pager"]
        await harness.clock.advance(20)
        await harness.idle()
        await harness.update()
        await harness.until(lambda: "/manager" in paths(sink))


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


async def test_step_notifies_receiver_again(sink: Sink) -> None:
    steps = [{"to": "pager"}, {"to": ["pager", "manager"], "after": "5m"}]
    async with run_alerting(
        ledger(sink, escalations=[{"id": "sso", "steps": steps, "repeat_every": "10m"}])
    ) as harness:
        harness.observe(GOOD, BAD, BAD)
        for minutes in (5.1, 10.1):
            await harness.delivered()
            await advance_minutes(harness, minutes)
        await harness.delivered()
    assert harness.events("pager") == ["opened", "reminder", "reminder"]
    assert harness.events("manager") == ["opened", "reminder"]


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


@pytest.mark.parametrize("lost", range(6))
async def test_crash_before_commit_loses_and_repeats_no_step(lost: int) -> None:
    """The decision of one minute is not written before the crash. The next process decides it again, once."""
    store, clock = MemoryStore(), ManualClock()
    minutes = [0, 5, 15.1, 20, 25.2, 30]
    for number, minute in enumerate(minutes):
        async with run_alerting(ledger(), store, clock, deliver=False) as harness:
            clock.jump(minute * 60 - (clock.now() - EPOCH) / SECOND)
            if number == lost:
                store.error = "the power is cut"
                harness.observe(BAD, BAD)
                await harness.alerting.update()
                await harness.until(lambda harness=harness: harness.health.write_failures)
        store.error = ""
        async with run_alerting(ledger(), store, clock, deliver=False) as harness:
            if number == 0:
                harness.observe(BAD, BAD)
            await harness.update()
            await harness.update()
    assert sorted(sent_events(harness)) == [("ada", "opened"), ("manager", "opened"), ("pager", "opened")]
    steps = {row.receiver: (row.made - EPOCH) / MINUTE for row in harness.rows()}
    assert steps["pager"] < 1
    assert 15.1 <= steps["manager"] < 15.3
    assert 25.2 <= steps["ada"] < 25.4


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
