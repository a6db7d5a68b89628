"""Deliveries to real servers that refuse, limit, drop and hang; the clock is the test's."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from monitor.notification import Kind
from monitor.storage.writer import Committed
from tests.support.alerting import BAD, GOOD, RESULTS, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.sinks import Received, Reply, Sink
from tests.support.stores import MemoryStore


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def forms(**fields: Any) -> dict[str, object]:
    return product("forms", 1, "99%", **fields)


def hook(sink: Sink, name: str = "ops", **fields: Any) -> dict[str, Any]:
    return {"id": name, "webhook": sink.url(f"/{name}"), **fields}


async def passes(rig: AlertingHarness, seconds: float, step: float = 1.0) -> None:
    """Let time pass for the delivery, in steps, until what is under way at each has come to its end."""
    for _ in range(round(seconds / step)):
        await rig.clock.advance(step)
        await rig.idle()


def told(sink: Sink) -> list[tuple[str, str]]:
    return [(each.headers["idempotency-key"], each.path) for each in sink.received]


async def test_what_is_confirmed_is_done(sink: Sink) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: sink.received)
        await rig.delivered()
        rig.observe(GOOD, GOOD)
        await rig.until(lambda: len(sink.received) == 2)
        await rig.delivered()
    assert [each["event"] for each in sink.bodies()] == ["opened", "resolved"]
    assert [(row.attempts, row.error) for row in rig.rows()] == [(1, ""), (1, "")]
    assert rig.health.notifications_sent == 2


async def test_a_receiver_that_is_down_for_an_hour_gets_both_in_order_and_once(sink: Sink) -> None:
    sink.reply = Reply(503)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: sink.received)
        rig.observe(GOOD, GOOD)
        await passes(rig, 3_600, 20)
        refused = len(sink.received)
        assert {each["event"] for each in sink.bodies()} == {"opened"}, "the end waits for its beginning"
        assert 10 < refused < 60, "the pauses grow up to five minutes"
        sink.reply = Reply()
        await passes(rig, 320, 20)
        await rig.delivered()
    assert [each["event"] for each in sink.bodies()[refused:]] == ["opened", "resolved"]
    assert len({key for key, _ in told(sink)}) == 2


async def test_one_receiver_that_fails_does_not_hold_up_another(sink: Sink) -> None:
    def decide(received: Received) -> Reply | None:
        return Reply(0) if received.path == "/dead" else None

    sink.decide = decide
    ledger = ledger_with_receivers(forms(), receivers=[hook(sink, "dead"), hook(sink)])
    async with run_alerting(ledger) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: [row for row in rig.rows() if row.receiver == "ops" and row.done])
        await rig.until(lambda: [row for row in rig.rows() if row.receiver == "dead" and row.attempts])
        (dead,) = (row for row in rig.rows() if row.receiver == "dead")
        assert dead.done is None
        assert dead.error


async def test_a_time_that_the_receiver_names_is_kept(sink: Sink) -> None:
    sink.replies = [Reply(429, {"Retry-After": "90"})]
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: [row for row in rig.rows() if row.attempts])
        await passes(rig, 89)
        assert len(sink.received) == 1
        await passes(rig, 2)
        await rig.delivered()
    assert len(sink.received) == 2
    assert len({key for key, _ in told(sink)}) == 1


async def test_while_the_disk_hangs_a_page_goes_out_after_two_seconds_and_its_end_never(sink: Sink) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as rig:
        rig.observe(GOOD)
        await rig.until(lambda: rig.store.seen)
        rig.store.entered.clear()
        rig.store.gate.clear()
        rig.observe(BAD, BAD)
        await rig.until(rig.store.entered.is_set)
        await passes(rig, 1.5, 0.5)
        assert sink.received == []
        await passes(rig, 1.0, 0.5)
        assert [each["event"] for each in sink.bodies()] == ["opened"]
        rig.observe(GOOD, GOOD)
        await passes(rig, 600, 30)
        assert [each["event"] for each in sink.bodies()] == ["opened"]
        rig.store.gate.set()
        await rig.until(lambda: len(sink.received) == 2)
        await rig.delivered()
    assert [each["event"] for each in sink.bodies()] == ["opened", "resolved"]


async def test_a_full_disk_delays_a_page_by_two_seconds_and_loses_none(sink: Sink) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as rig:
        rig.store.error = "no room"
        rig.observe(GOOD, BAD, BAD)
        await rig.until(rig.store.failures.is_set)
        await passes(rig, 3)
        assert [each["event"] for each in sink.bodies()] == ["opened"]
        rig.store.error = ""
        await rig.written()
        rig.observe(GOOD, GOOD)
        await rig.until(lambda: len(sink.received) == 2)
        await rig.delivered()
    assert [row.event for row in rig.rows()] == [Kind.OPENED, Kind.RESOLVED]


async def test_what_was_sent_and_not_marked_is_sent_again_under_the_same_key(sink: Sink) -> None:
    """The second gap: a kill between the receiver's confirmation and our note of it."""
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.delivered()
    (row,) = store.notifications.values()
    store.notifications[row.identity] = replace(row, done=None, attempts=0)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as rig:
        await rig.delivered()
    assert told(sink) == [(row.idempotency_key, "/ops")] * 2


async def test_a_thousand_alerts_at_once_reach_a_program_each_and_people_in_two_messages(sink: Sink) -> None:
    products = [product(f"product-{n}", 1, "99%") for n in range(1_000)]
    receivers = [hook(sink), {"id": "channel", "slack": sink.url("/channel")}]
    async with run_alerting(ledger_with_receivers(*products, receivers=receivers)) as rig:
        for outcome in (GOOD, BAD, BAD):
            rig.clock.jump(1)
            for each in products:
                rig.recorder.record(rig.ledger.entries[f"{each['id']}/health"], RESULTS[outcome], rig.clock.now(), 0.01)
        await rig.until(lambda: len(sink.received) >= 1_001)
        await passes(rig, 11)
        await rig.delivered()
    paths = Counter(each.path for each in sink.received)
    assert paths == {"/ops": 1_000, "/channel": 2}
    assert len({key for key, path in told_of(sink, "/ops")}) == 1_000
    first, rest = (each.json()["text"] for each in sink.received if each.path == "/channel")
    assert first.startswith("[PAGE]")
    assert rest.startswith("999 alerts: ")


async def test_after_a_group_each_key_keeps_its_own_resolve(sink: Sink) -> None:
    products = [product(name, 1, "99%") for name in ("a", "b", "c")]
    channel = {"id": "channel", "slack": sink.url("/channel")}
    async with run_alerting(ledger_with_receivers(*products, receivers=[channel])) as rig:
        for name in ("a", "b", "c"):
            rig.observe(GOOD, BAD, BAD, key=f"{name}/health")
        await rig.written()
        await passes(rig, 15)
        for name in ("a", "b", "c"):
            rig.observe(GOOD, GOOD, key=f"{name}/health")
        await rig.delivered()
    texts = [each.json()["text"] for each in sink.received]
    assert [text[:10] for text in texts[:2]] == ["[PAGE] a i", "2 alerts: "]
    assert sorted(texts[2:]) == [f"[RESOLVED] {name} is up again" for name in ("a", "b", "c")]


async def test_alertmanager_is_sent_a_firing_alert_every_minute_until_it_ends(sink: Sink) -> None:
    receiver = {"id": "am", "alertmanager": [sink.url("")]}
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver])) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: sink.received)
        await passes(rig, 300, 5)
        assert 5 <= len(sink.received) <= 7
        ends = [each.json()[0]["endsAt"] for each in sink.received]
        assert ends == sorted(set(ends)), "each repeat moves the end of the alert"
        rig.observe(GOOD, GOOD)
        await rig.until(lambda: [row for row in rig.rows() if row.event is Kind.RESOLVED and row.done])
        count = len(sink.received)
        await passes(rig, 300, 5)
        assert len(sink.received) == count
    labels = {json.dumps(each.json()[0]["labels"], sort_keys=True) for each in sink.received}
    assert len(labels) == 1, "the end belongs to the same alert"


async def test_a_firing_alert_is_repeated_after_a_restart_too(sink: Sink) -> None:
    receiver, store, clock = {"id": "am", "alertmanager": [sink.url("")]}, MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver]), store, clock) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.delivered()
    count = len(sink.received)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver]), store, clock) as rig:
        await passes(rig, 61)
        await rig.until(lambda: len(sink.received) > count)


async def test_what_is_due_when_the_daemon_stops_is_still_sent(sink: Sink) -> None:
    from monitor.engine.probe_environment import probe_environment

    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), deliver=False) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.written()
        async with probe_environment(rig.clock, rig.health) as (runner, _):
            await rig.alerting.drain(runner.new_attempt)
        assert [each["event"] for each in sink.bodies()] == ["opened"]
        assert rig.health.alerting_defects == 0


async def test_a_receiver_that_repeats_and_fails_is_not_tried_without_pause(sink: Sink) -> None:
    """The repeat is due while the message before it still waits: the loop must sleep, not spin."""
    receiver = {"id": "am", "alertmanager": [sink.url("")]}
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver])) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.delivered()
        sink.reply = Reply(500)
        await passes(rig, 300, 10)
        assert len(sink.received) < 20
        looks = 0
        original = rig.alerting.outbox.next_at

        def counted(receivers: list[str]) -> float:
            nonlocal looks
            looks += 1
            return original(receivers)

        rig.alerting.outbox.next_at = counted  # type: ignore[assignment, method-assign]
        for _ in range(500):
            await asyncio.sleep(0)
        assert looks < 10


async def test_a_record_that_was_begun_anew_gets_what_was_announced(sink: Sink) -> None:
    """Else nobody would know after a restart whom the end of the alert is for."""
    clock, store = ManualClock(), MemoryStore()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.delivered()
        store.notifications.clear()
        store.product_incidents.clear()
        rig.alerting._settle(Committed((), emptied=True))
        await rig.until(lambda: store.notifications)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as rig:
        rig.observe(GOOD, GOOD)
        await rig.until(lambda: len(sink.received) == 2)
    assert [each["event"] for each in sink.bodies()] == ["opened", "resolved"]


def told_of(sink: Sink, path: str) -> list[tuple[str, str]]:
    return [(each.headers["idempotency-key"], each.path) for each in sink.received if each.path == path]
