"""Deliveries to real servers that fail, limit, drop and hang, with a manual clock."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from monitor.notification import Kind
from monitor.storage.record_writer import Committed
from tests.support.alerting import BAD, GOOD, RESULTS, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.sinks import Received, Reply, Sink
from tests.support.stores import MemoryStore


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


def forms(**fields: Any) -> dict[str, object]:
    return product("forms", 1, "99%", **fields)


def hook(sink: Sink, name: str = "ops", **fields: Any) -> dict[str, Any]:
    return {"id": name, "webhook": sink.url(f"/{name}"), **fields}


async def advance_in_steps(harness: AlertingHarness, seconds: float, step: float = 1.0) -> None:
    """Advance the delivery's clock in steps, and wait at each step until the attempts in progress have ended."""
    for _ in range(round(seconds / step)):
        await harness.clock.advance(step)
        await harness.idle()


def delivered_events(sink: Sink) -> list[tuple[str, str]]:
    return [(request.headers["idempotency-key"], request.path) for request in sink.received]


async def test_confirmed_notification_is_done(sink: Sink) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: sink.received)
        await harness.delivered()
        harness.observe(GOOD, GOOD)
        await harness.until(lambda: len(sink.received) == 2)
        await harness.delivered()
    assert [body["event"] for body in sink.bodies()] == ["opened", "resolved"]
    assert [(row.attempts, row.error) for row in harness.rows()] == [(1, ""), (1, "")]
    assert harness.health.notifications_sent == 2


@pytest.mark.fault(52)
async def test_receiver_gets_both_notifications_in_order_after_an_hour_of_downtime(sink: Sink) -> None:
    sink.reply = Reply(503)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: sink.received)
        harness.observe(GOOD, GOOD)
        await advance_in_steps(harness, 3_600, 20)
        rejected = len(sink.received)
        assert {body["event"] for body in sink.bodies()} == {"opened"}, "the end waits for its beginning"
        assert 10 < rejected < 60, "the pauses grow up to five minutes"
        sink.reply = Reply()
        await advance_in_steps(harness, 320, 20)
        await harness.delivered()
    assert [body["event"] for body in sink.bodies()[rejected:]] == ["opened", "resolved"]
    assert len({key for key, _ in delivered_events(sink)}) == 2


@pytest.mark.fault(52)
async def test_failing_receiver_does_not_delay_another(sink: Sink) -> None:
    def decide(received: Received) -> Reply | None:
        return Reply(0) if received.path == "/dead" else None

    sink.decide = decide
    ledger = ledger_with_receivers(forms(), receivers=[hook(sink, "dead"), hook(sink)])
    async with run_alerting(ledger) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: [row for row in harness.rows() if row.receiver == "ops" and row.done])
        await harness.until(lambda: [row for row in harness.rows() if row.receiver == "dead" and row.attempts])
        (failing_row,) = (row for row in harness.rows() if row.receiver == "dead")
        assert failing_row.done is None
        assert failing_row.error


@pytest.mark.fault(52)
async def test_retry_after_of_the_receiver_is_respected(sink: Sink) -> None:
    sink.replies = [Reply(429, {"Retry-After": "90"})]
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: [row for row in harness.rows() if row.attempts])
        await advance_in_steps(harness, 89)
        assert len(sink.received) == 1
        await advance_in_steps(harness, 2)
        await harness.delivered()
    assert len(sink.received) == 2
    assert len({key for key, _ in delivered_events(sink)}) == 1


async def test_hanging_disk_delays_a_page_by_two_seconds_and_blocks_its_resolution(sink: Sink) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as harness:
        harness.observe(GOOD)
        await harness.until(lambda: harness.store.seen)
        harness.store.entered.clear()
        harness.store.gate.clear()
        harness.observe(BAD, BAD)
        await harness.until(harness.store.entered.is_set)
        await advance_in_steps(harness, 1.5, 0.5)
        assert sink.received == []
        await advance_in_steps(harness, 1.0, 0.5)
        assert [body["event"] for body in sink.bodies()] == ["opened"]
        harness.observe(GOOD, GOOD)
        await advance_in_steps(harness, 600, 30)
        assert [body["event"] for body in sink.bodies()] == ["opened"]
        harness.store.gate.set()
        await harness.until(lambda: len(sink.received) == 2)
        await harness.delivered()
    assert [body["event"] for body in sink.bodies()] == ["opened", "resolved"]


async def test_full_disk_delays_a_page_by_two_seconds_and_loses_none(sink: Sink) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)])) as harness:
        harness.store.error = "no room"
        harness.observe(GOOD, BAD, BAD)
        await harness.until(harness.store.failures.is_set)
        await advance_in_steps(harness, 3)
        assert [body["event"] for body in sink.bodies()] == ["opened"]
        harness.store.error = ""
        await harness.written()
        harness.observe(GOOD, GOOD)
        await harness.until(lambda: len(sink.received) == 2)
        await harness.delivered()
    assert [row.event for row in harness.rows()] == [Kind.OPENED, Kind.RESOLVED]


@pytest.mark.fault(2)
async def test_unmarked_notification_is_sent_again_with_the_same_key(sink: Sink) -> None:
    """The process is killed between the receiver's confirmation and the mark in the record."""
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.delivered()
    (row,) = store.notifications.values()
    store.notifications[row.identity] = replace(row, done=None, attempts=0)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as harness:
        await harness.delivered()
    assert delivered_events(sink) == [(row.idempotency_key, "/ops")] * 2


@pytest.mark.fault(56)
async def test_thousand_alerts_are_sent_singly_to_a_program_and_grouped_to_a_chat(sink: Sink) -> None:
    products = [product(f"product-{n}", 1, "99%") for n in range(1_000)]
    receivers = [hook(sink), {"id": "channel", "slack": sink.url("/channel")}]
    async with run_alerting(ledger_with_receivers(*products, receivers=receivers)) as harness:
        for outcome in (GOOD, BAD, BAD):
            harness.clock.jump(1)
            for name in products:
                harness.recorder.record(
                    harness.ledger.entries[f"{name['id']}/health"], RESULTS[outcome], harness.clock.now(), 0.01
                )
        await harness.until(lambda: len(sink.received) >= 1_001)
        await advance_in_steps(harness, 11)
        await harness.delivered()
    paths = Counter(request.path for request in sink.received)
    assert paths == {"/ops": 1_000, "/channel": 2}
    assert len({key for key, path in events_at_path(sink, "/ops")}) == 1_000
    first, others = (request.json()["text"] for request in sink.received if request.path == "/channel")
    assert first.startswith("[PAGE]")
    assert others.startswith("999 alerts: ")


async def test_each_key_of_a_group_has_its_own_resolution(sink: Sink) -> None:
    products = [product(name, 1, "99%") for name in ("a", "b", "c")]
    channel = {"id": "channel", "slack": sink.url("/channel")}
    async with run_alerting(ledger_with_receivers(*products, receivers=[channel])) as harness:
        for name in ("a", "b", "c"):
            harness.observe(GOOD, BAD, BAD, key=f"{name}/health")
        await harness.written()
        await advance_in_steps(harness, 15)
        for name in ("a", "b", "c"):
            harness.observe(GOOD, GOOD, key=f"{name}/health")
        await harness.delivered()
    texts = [request.json()["text"] for request in sink.received]
    assert [text[:10] for text in texts[:2]] == ["[PAGE] a i", "2 alerts: "]
    assert sorted(texts[2:]) == [f"[RESOLVED] {name} is up again" for name in ("a", "b", "c")]


@pytest.mark.fault(53)
async def test_firing_alert_is_sent_to_alertmanager_every_minute(sink: Sink) -> None:
    receiver = {"id": "am", "alertmanager": [sink.url("")]}
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver])) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: sink.received)
        await advance_in_steps(harness, 300, 5)
        assert 5 <= len(sink.received) <= 7
        ends = [request.json()[0]["endsAt"] for request in sink.received]
        assert ends == sorted(set(ends)), "each repeat moves the end of the alert"
        harness.observe(GOOD, GOOD)
        await harness.until(lambda: [row for row in harness.rows() if row.event is Kind.RESOLVED and row.done])
        count = len(sink.received)
        await advance_in_steps(harness, 300, 5)
        assert len(sink.received) == count
    labels = {json.dumps(request.json()[0]["labels"], sort_keys=True) for request in sink.received}
    assert len(labels) == 1, "the end belongs to the same alert"


async def test_firing_alert_is_repeated_after_a_restart(sink: Sink) -> None:
    receiver, store, clock = {"id": "am", "alertmanager": [sink.url("")]}, MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver]), store, clock) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.delivered()
    count = len(sink.received)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver]), store, clock) as harness:
        await advance_in_steps(harness, 61)
        await harness.until(lambda: len(sink.received) > count)


async def test_due_notifications_are_sent_at_shutdown(sink: Sink) -> None:
    from monitor.engine.probe_environment import probe_environment

    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), deliver=False) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.written()
        async with probe_environment(harness.clock, harness.health) as (runner, _):
            await harness.alerting.drain(runner.new_attempt)
        assert [body["event"] for body in sink.bodies()] == ["opened"]
        assert harness.health.alerting_defects == 0


async def test_failing_repetition_is_retried_with_pauses(sink: Sink) -> None:
    """The repetition is due while the previous message is still queued: the loop must sleep and not spin."""
    receiver = {"id": "am", "alertmanager": [sink.url("")]}
    async with run_alerting(ledger_with_receivers(forms(), receivers=[receiver])) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.delivered()
        sink.reply = Reply(500)
        await advance_in_steps(harness, 300, 10)
        assert len(sink.received) < 20
        calls = 0
        original = harness.alerting.outbox.next_at

        def alert_count(receivers: list[str]) -> float:
            nonlocal calls
            calls += 1
            return original(receivers)

        harness.alerting.outbox.next_at = alert_count  # type: ignore[assignment, method-assign]
        for _ in range(500):
            await asyncio.sleep(0)
        assert calls < 10


async def test_new_record_gets_the_announced_incidents(sink: Sink) -> None:
    """Otherwise, after a restart the receivers of the resolution would be unknown."""
    clock, store = ManualClock(), MemoryStore()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.delivered()
        store.notifications.clear()
        store.product_incidents.clear()
        harness.alerting._on_commit(Committed((), emptied=True))
        await harness.until(lambda: store.notifications)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[hook(sink)]), store, clock) as harness:
        harness.observe(GOOD, GOOD)
        await harness.until(lambda: len(sink.received) == 2)
    assert [body["event"] for body in sink.bodies()] == ["opened", "resolved"]


def events_at_path(sink: Sink, path: str) -> list[tuple[str, str]]:
    return [(request.headers["idempotency-key"], request.path) for request in sink.received if request.path == path]
