"""Escalations while receivers are unreachable, and across restarts and crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sla.interval import MINUTE, SECOND
from tests.support.alerting import BAD, GOOD, run_alerting
from tests.support.clocks import EPOCH, ManualClock
from tests.support.sinks import Received, Reply, Sink
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

from tests.support.escalations import STEPS, acknowledge, advance_minutes, end_outage, ledger, sent_events, start_outage


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


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


@pytest.mark.fault(52)
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


@pytest.mark.parametrize("lost", range(6))
@pytest.mark.fault(2)
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
