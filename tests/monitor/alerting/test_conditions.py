"""Alerts without an incident, the heartbeat, and requests to retry: as the daemon decides them once a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.alerting.conditions import SPREAD
from monitor.notification import Kind
from monitor.probe_result import ProbeResult
from sla.fact import Fact
from sla.interval import SECOND
from sla.silence import RETRY
from tests.support.alerting import BAD, GOOD, RESULTS, UNKNOWN, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.sinks import Reply, Sink
from tests.support.stores import MemoryStore

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as served:
        yield served


def forms(**fields: Any) -> dict[str, object]:
    return product("forms", 1, fields.pop("objective", "99.9%"), **fields)


async def looks(rig: AlertingHarness, count: int = SPREAD + 1) -> None:
    for _ in range(count):
        rig.clock.jump(1)
        await rig.look()


def flaps(rig: AlertingHarness, minutes: int) -> None:
    """Fail every other probe: no streak opens an incident, and half of the time is down."""
    for _ in range(minutes):
        for outcome in (BAD, GOOD):
            rig.clock.jump(30)
            rig.recorder.record(rig.ledger.entries["forms/health"], RESULTS[outcome], rig.clock.now(), 0.05)


async def test_a_budget_that_burns_without_an_incident_is_a_page_of_its_own_that_ends() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        flaps(rig, 20)
        assert rig.store.load_product_incidents() == []
        await looks(rig)
        burning = [row for row in rig.rows() if "Fast" in row.key]
        (opened,) = burning
        assert (opened.severity, opened.event) == ("page", Kind.OPENED)
        assert opened.key.startswith("burn:forms:NinewatchBudgetBurnsFast:")
        body = json.loads(opened.body)
        assert body["incident"] is None
        assert "spends its downtime budget" in body["extra"]["summary"]
        for _ in range(70):
            rig.clock.jump(60)
            rig.recorder.record(rig.ledger.entries["forms/health"], RESULTS[GOOD], rig.clock.now(), 0.05)
        await looks(rig)
        assert [row.event for row in rig.rows() if row.key == opened.key] == [Kind.OPENED, Kind.RESOLVED]


async def test_a_burn_that_an_incident_reports_is_not_reported_twice() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        rig.observe(GOOD)
        for _ in range(5):
            rig.clock.jump(60)
            rig.recorder.record(rig.ledger.entries["forms/health"], RESULTS[BAD], rig.clock.now(), 0.05)
        await looks(rig)
        assert rig.ledger.burn_alerts("forms", rig.clock.now())[0].firing
        rig.observe(GOOD, GOOD)
        await looks(rig)
    assert {row.key for row in rig.rows()} == {each.id for each in rig.store.load_product_incidents()}


async def test_a_burn_alert_that_was_announced_goes_on_after_a_restart_and_ends_once() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, clock, deliver=False) as rig:
        flaps(rig, 20)
        await looks(rig)
    keys = {row.key for row in rig.rows()}
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, clock, deliver=False) as rig:
        flaps(rig, 2)
        await looks(rig)
        assert {row.key for row in rig.rows()} == keys
        assert rig.rows(Kind.RESOLVED) == []
        for _ in range(5_000):
            rig.clock.jump(60)
            rig.recorder.record(rig.ledger.entries["forms/health"], RESULTS[GOOD], rig.clock.now(), 0.05)
        await looks(rig)
    assert {row.key for row in rig.rows(Kind.RESOLVED)} == keys


async def test_a_certificate_that_expires_is_a_ticket_until_it_is_renewed() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        entry = rig.ledger.entries["forms/health"]

        def probe(days: float) -> None:
            rig.clock.jump(1)
            expiry = rig.clock.now() / SECOND + days * 86_400
            rig.recorder.record(entry, ProbeResult(GOOD, certificate_expiry=expiry), rig.clock.now(), 0.05)

        probe(20)
        await looks(rig)
        assert rig.rows() == []
        probe(9.5)
        await looks(rig)
        (opened,) = rig.rows()
        assert (opened.severity, opened.key.startswith("cert:forms/health:")) == ("ticket", True)
        assert "expires in 9 days" in json.loads(opened.body)["extra"]["summary"]
        assert json.loads(opened.body)["checks"] == ["health"]
        probe(90)
        await looks(rig)
    assert [row.event for row in rig.rows()] == [Kind.OPENED, Kind.RESOLVED]


async def test_a_monitor_that_sees_nothing_is_one_page() -> None:
    products = (forms(), product("sso", 1, "99.9%"))
    async with run_alerting(ledger_with_receivers(*products, receivers=[OPS]), deliver=False) as rig:
        for key in ("forms/health", "sso/health"):
            rig.observe(UNKNOWN, key=key)
        await looks(rig, 2)
        assert rig.rows() == []
        rig.clock.jump(120)
        await looks(rig, 2)
        (opened,) = rig.rows()
        assert (opened.product, opened.severity, opened.key.partition(":")[0]) == ("", "page", "blind")
        assert json.loads(opened.body)["product"] is None
        rig.observe(GOOD, key="sso/health")
        await looks(rig, 2)
    assert rig.events() == ["opened", "resolved"]


async def test_the_heartbeat_goes_out_while_probes_are_recorded_and_the_record_takes_it(sink: Sink) -> None:
    receivers = [{"id": "snitch", "healthchecks": sink.url("/ping")}]
    ledger = ledger_with_receivers(
        forms(), receivers=receivers, alerting={"heartbeat": {"to": "snitch", "every": "1m"}}
    )

    async def beats(rig: AlertingHarness, *, probing: bool) -> int:
        count = len(sink.received)
        for _ in range(5):
            if probing:
                rig.observe(GOOD)
            await rig.clock.advance(61)
            await rig.idle()
        return len(sink.received) - count

    async with run_alerting(ledger) as rig:
        assert await beats(rig, probing=False) == 0, "the scheduler never recorded anything"
        assert await beats(rig, probing=True) >= 4
        rig.clock.jump(600)
        assert await beats(rig, probing=False) <= 1, "the scheduler is stuck"
        rig.store.error = "no room"
        await beats(rig, probing=True)
        assert await beats(rig, probing=True) == 0, "the record is stuck"
        rig.store.error = ""
        await rig.until(lambda: len(sink.received) > 4)
    assert {each.path for each in sink.received} == {"/ping"}
    assert rig.rows(Kind.OPENED) == []


async def test_a_request_to_retry_makes_what_failed_due_now(sink: Sink) -> None:
    sink.reply = Reply(500)
    async with run_alerting(ledger_with_receivers(forms(), receivers=[{"id": "ops", "webhook": sink.url()}])) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(lambda: [row for row in rig.rows() if row.attempts])
        for _ in range(40):
            await rig.clock.advance(30)
            await rig.idle()
        sink.reply = Reply()
        count, now = len(sink.received), rig.clock.now()
        await rig.alerting.look()
        assert len(sink.received) == count, "nothing was asked for"
        rig.state(Fact.of(now, "Ada", RETRY, "", {"receiver": "ops"}))
        await rig.look()
        await rig.delivered()
        assert rig.clock.now() == now
    assert len(sink.received) == count + 1
