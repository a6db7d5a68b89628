"""Decisions about notifications, receivers and times: a recorder with a store in memory and a manual clock."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from monitor.notification import Kind
from sla.interval import HOUR, SECOND
from sla.product_incident import Severity
from tests.support.alert_portfolios import OPS, TEAM, end_outage, forms, start_outage
from tests.support.alerting import BAD, GOOD, ledger_with_receivers, run_alerting
from tests.support.ledgers import product


async def test_notifications_of_an_outage_are_stored_with_the_product_incident() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        await start_outage(harness)
        (incident,) = harness.store.load_incidents()
        (outage,) = harness.store.load_product_incidents()
        batch = next(batch for batch in harness.store.batches if batch.notifications)
        assert batch.incidents == (incident,)
        assert batch.product_incidents == (outage,)
        assert any(observation.at == harness.clock.now() for observation in batch.observations)
        assert (outage.severity, outage.members, outage.opened) == (Severity.PAGE, (incident.id,), incident.opened)
        await end_outage(harness)
        (ended,) = harness.store.load_product_incidents()
        (resolved,) = harness.store.load_incidents()
        assert ended == replace(outage, resolved=resolved.resolved)
    assert harness.events() == ["opened", "resolved"]
    assert {row.key for row in harness.rows()} == {outage.id}


async def test_product_incident_is_recorded_without_receivers() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[]), deliver=False) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(harness.store.load_product_incidents)
    assert harness.rows() == []


async def test_failing_check_sends_a_ticket_that_escalates_and_de_escalates() -> None:
    ledger = ledger_with_receivers(forms(checks=2, rule="any"), receivers=[OPS])
    async with run_alerting(ledger, deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        await start_outage(harness)
        await start_outage(harness, "forms/check-1")
        await end_outage(harness)
        await start_outage(harness)
        await end_outage(harness)
        await end_outage(harness, "forms/check-1")
    notifications = [(row.event.value, row.severity, row.repeat) for row in harness.rows()]
    assert notifications == [
        ("opened", "ticket", 1),
        ("escalated", "page", 1),
        ("escalated", "ticket", 2),
        ("escalated", "page", 3),
        ("escalated", "ticket", 4),
        ("resolved", "ticket", 1),
    ]
    keys = [row.idempotency_key for row in harness.rows()]
    assert len(set(keys)) == len(keys)


async def test_pages_only_receiver_gets_opened_at_the_escalation_and_later_changes() -> None:
    routes = [{"to": "ops"}, {"to": "team", "severities": ["page"]}]
    ledger = ledger_with_receivers(
        forms(checks=2, rule="any"), receivers=[OPS, {**TEAM}], routes=routes[1:] + routes[:1]
    )
    async with run_alerting(ledger, deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        await start_outage(harness)
        assert harness.events("team") == []
        await start_outage(harness, "forms/check-1")
        await end_outage(harness)
        await end_outage(harness, "forms/check-1")
    assert harness.events("team") == ["opened", "escalated", "resolved"]
    assert harness.events("ops") == ["opened", "escalated", "escalated", "resolved"]


async def test_message_contains_checks_start_and_budget() -> None:
    ledger = ledger_with_receivers(
        forms(name="Common Forms", runbook="https://wiki.example.org/forms"),
        receivers=[OPS],
        public_url="https://status.example.org",
    )
    async with run_alerting(ledger, deliver=False) as harness:
        harness.observe(*[GOOD] * 10)
        await start_outage(harness)
        harness.observe(*[BAD] * 57)
        await end_outage(harness)
    opened, resolved = (json.loads(row.body) for row in harness.rows())
    assert opened["incident"]["reason"] == "http_status"
    assert opened["incident"]["detail"] == "expected status 200, got 503"
    assert opened["links"]["product"] == "https://status.example.org/products/forms"
    assert opened["links"]["incident"] == f"https://status.example.org/incidents/{opened['key']}"
    assert opened["links"]["runbook"] == "https://wiki.example.org/forms"
    assert resolved["downtime_seconds"] == {"low": 58.0, "point": 59.0, "high": 60.0}
    spent = resolved["budget"]["allowed_seconds"] - resolved["budget"]["remaining_seconds"]
    assert spent == resolved["downtime_seconds"]["point"]


@pytest.mark.fault(25)
async def test_error_in_alerting_stops_neither_recording_nor_later_decisions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        with monkeypatch.context() as broken:
            broken.setattr("monitor.alerting.alert_decisions.body_of", lambda *_, **__: 1 / 0)
            harness.observe(GOOD, BAD, BAD)
            await harness.until(harness.store.load_incidents)
        assert harness.health.alerting_defects == 1
        await harness.update()
        assert harness.events() == ["opened"], "the next update announces the incident"


async def test_open_page_is_repeated_and_a_ticket_is_not() -> None:
    ledger = ledger_with_receivers(forms(checks=2, rule="any"), receivers=[OPS], alerting={"remind_every": "1h"})
    async with run_alerting(ledger, deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        await start_outage(harness)
        harness.clock.jump(7_200)
        await harness.update()
        assert harness.events() == ["opened"]
        await start_outage(harness, "forms/check-1")
        for _ in range(2):
            harness.clock.jump(3_599)
            await harness.update()
            harness.clock.jump(1)
            await harness.update()
            await harness.update()
        await end_outage(harness)
        await end_outage(harness, "forms/check-1")
    events = [(row.event.value, row.repeat) for row in harness.rows()]
    assert events[:4] == [("opened", 1), ("escalated", 1), ("reminder", 1), ("reminder", 2)]
    assert events[-1] == ("resolved", 1)
    assert {json.loads(row.body)["event"] for row in harness.rows(Kind.REMINDER)} == {"reminder"}


async def test_page_does_not_wait_for_delayed_tickets() -> None:
    """Messages to a chat are grouped per severity."""
    products = [product(name, 2, "99%", rule="any") for name in ("a", "b")] + [product(name, 1, "99%") for name in "cd"]
    ledger = ledger_with_receivers(
        *products, receivers=[TEAM], alerting={"quiet_hours": "00:00-24:00"}, time_zone="UTC"
    )
    async with run_alerting(ledger, deliver=False) as harness:
        for name in ("a", "b"):
            harness.observe(GOOD, key=f"{name}/check-1")
            await start_outage(harness, f"{name}/health")
        for name in ("c", "d"):
            await start_outage(harness, f"{name}/health")
        waits = {row.product: row.due - row.made for row in harness.rows()}
    assert min(waits["a"], waits["b"]) > 5 * HOUR
    assert waits["c"] == 0
    assert 0 < waits["d"] <= 10 * SECOND


async def test_page_after_a_ticket_is_sent_immediately() -> None:
    products = [product("a", 2, "99%", rule="any"), product("b", 1, "99%")]
    async with run_alerting(ledger_with_receivers(*products, receivers=[TEAM]), deliver=False) as harness:
        harness.observe(GOOD, key="a/check-1")
        await start_outage(harness, "a/health")
        await start_outage(harness, "b/health")
        assert [row.due - row.made for row in harness.rows()] == [0, 0]
