"""Alerts without an incident, the heartbeat, and retry requests, as the daemon decides them once per second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from monitor.alerting.conditions import UPDATES_PER_ROUND
from monitor.notification import Kind
from monitor.probe_result import ProbeResult
from monitor.vantage_status import ReferenceStatus, VantageStatus
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
    with Sink().serving() as running_server:
        yield running_server


def forms(**fields: Any) -> dict[str, object]:
    return product("forms", 1, fields.pop("objective", "99.9%"), **fields)


async def run_periodic_work(harness: AlertingHarness, count: int = UPDATES_PER_ROUND + 1) -> None:
    for _ in range(count):
        harness.clock.jump(1)
        await harness.update()


def alternate_outcomes(harness: AlertingHarness, minutes: int) -> None:
    """Fail every other probe: no incident opens, and half of the time is down."""
    for _ in range(minutes):
        for outcome in (BAD, GOOD):
            harness.clock.jump(30)
            harness.recorder.record(harness.ledger.entries["forms/health"], RESULTS[outcome], harness.clock.now(), 0.05)


async def test_burn_without_an_incident_sends_and_resolves_its_own_page() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        alternate_outcomes(harness, 20)
        assert harness.store.load_product_incidents() == []
        await run_periodic_work(harness)
        burning = [row for row in harness.rows() if "Fast" in row.key]
        (opened,) = burning
        assert (opened.severity, opened.event) == ("page", Kind.OPENED)
        assert opened.key.startswith("burn:forms:NinewatchBudgetBurnsFast:")
        body = json.loads(opened.body)
        assert body["incident"] is None
        assert "spends its downtime budget" in body["extra"]["summary"]
        for _ in range(70):
            harness.clock.jump(60)
            harness.recorder.record(harness.ledger.entries["forms/health"], RESULTS[GOOD], harness.clock.now(), 0.05)
        await run_periodic_work(harness)
        assert [row.event for row in harness.rows() if row.key == opened.key] == [Kind.OPENED, Kind.RESOLVED]


async def test_burn_during_an_incident_sends_no_second_page() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        harness.observe(GOOD)
        for _ in range(5):
            harness.clock.jump(60)
            harness.recorder.record(harness.ledger.entries["forms/health"], RESULTS[BAD], harness.clock.now(), 0.05)
        await run_periodic_work(harness)
        assert harness.ledger.burn_alerts("forms", harness.clock.now())[0].firing
        harness.observe(GOOD, GOOD)
        await run_periodic_work(harness)
    assert {row.key for row in harness.rows()} == {incident.id for incident in harness.store.load_product_incidents()}


async def test_announced_burn_alert_continues_after_a_restart_and_resolves_once() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, clock, deliver=False) as harness:
        alternate_outcomes(harness, 20)
        await run_periodic_work(harness)
    keys = {row.key for row in harness.rows()}
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, clock, deliver=False) as harness:
        alternate_outcomes(harness, 2)
        await run_periodic_work(harness)
        assert {row.key for row in harness.rows()} == keys
        assert harness.rows(Kind.RESOLVED) == []
        for _ in range(5_000):
            harness.clock.jump(60)
            harness.recorder.record(harness.ledger.entries["forms/health"], RESULTS[GOOD], harness.clock.now(), 0.05)
        await run_periodic_work(harness)
    assert {row.key for row in harness.rows(Kind.RESOLVED)} == keys


async def test_expiring_certificate_sends_a_ticket_until_it_is_renewed() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        entry = harness.ledger.entries["forms/health"]

        def probe(days: float) -> None:
            harness.clock.jump(1)
            expiry = harness.clock.now() / SECOND + days * 86_400
            harness.recorder.record(entry, ProbeResult(GOOD, certificate_expiry=expiry), harness.clock.now(), 0.05)

        probe(20)
        await run_periodic_work(harness)
        assert harness.rows() == []
        probe(9.5)
        await run_periodic_work(harness)
        (opened,) = harness.rows()
        assert (opened.severity, opened.key.startswith("cert:forms/health:")) == ("ticket", True)
        assert "expires in 9 days" in json.loads(opened.body)["extra"]["summary"]
        assert json.loads(opened.body)["checks"] == ["health"]
        probe(90)
        await run_periodic_work(harness)
    assert [row.event for row in harness.rows()] == [Kind.OPENED, Kind.RESOLVED]


@pytest.mark.fault(27)
async def test_blind_monitor_sends_one_page() -> None:
    products = (forms(), product("sso", 1, "99.9%"))
    async with run_alerting(ledger_with_receivers(*products, receivers=[OPS]), deliver=False) as harness:
        for key in ("forms/health", "sso/health"):
            harness.observe(UNKNOWN, key=key)
        await run_periodic_work(harness, 2)
        assert harness.rows() == []
        harness.clock.jump(120)
        await run_periodic_work(harness, 2)
        (opened,) = harness.rows()
        assert (opened.product, opened.severity, opened.key.partition(":")[0]) == ("", "page", "blind")
        assert json.loads(opened.body)["product"] is None
        harness.observe(GOOD, key="sso/health")
        await run_periodic_work(harness, 2)
    assert harness.events() == ["opened", "resolved"]


def vantage(sees: dict[str, bool | None], since: int, via: str | None = None) -> VantageStatus:
    near = ReferenceStatus("gateway", "icmp", "10.0.0.1", near=True, system=False, at=since, good=True)
    return VantageStatus("local" if via is None else f"local/{via}", via, since, sees, (near,))


async def test_failed_references_are_one_alert_which_outlasts_short_returns_of_the_uplink() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:

        async def observe_with(ip4: bool, ip6: bool, seconds: float) -> None:
            harness.health.vantages = (vantage({"ip4": ip4, "ip6": ip6}, harness.clock.now()),)
            await run_periodic_work(harness, 1)
            harness.clock.jump(seconds)
            harness.observe(GOOD if ip4 or ip6 else UNKNOWN)
            await run_periodic_work(harness, 1)

        await observe_with(ip4=False, ip6=False, seconds=20)
        assert harness.rows() == []
        await observe_with(ip4=True, ip6=True, seconds=40)
        await observe_with(ip4=False, ip6=False, seconds=30)
        (opened,) = harness.rows()
        assert (opened.product, opened.severity, opened.key.partition(":")[0]) == ("", "page", "blind")
        extra = json.loads(opened.body)["extra"]
        assert extra["summary"] == "This monitor is blind: no far reference answers over IPv4 and IPv6"
        assert "local: the failure is beyond gateway." in opened.body
        await observe_with(ip4=True, ip6=True, seconds=20)
        await observe_with(ip4=False, ip6=False, seconds=40)
        await observe_with(ip4=True, ip6=True, seconds=20)
        assert harness.events() == ["opened"]
        await observe_with(ip4=True, ip6=True, seconds=30)
    assert harness.events() == ["opened", "resolved"]


async def test_one_blind_family_is_a_ticket() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        harness.observe(GOOD)
        harness.health.vantages = (vantage({"ip4": True, "ip6": False}, harness.clock.now()),)
        harness.clock.jump(30)
        await run_periodic_work(harness)
        (opened,) = harness.rows()
        assert (opened.severity, opened.key.startswith("blind:local:")) == ("ticket", True)


async def test_second_blind_family_makes_the_alert_a_page_after_its_own_delay_and_for_good() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        harness.observe(GOOD)
        start = harness.clock.now()

        async def observe_for(seconds: int, *, ip4_blind: bool) -> set[tuple[str, str]]:
            """Return the notifications so far, as event and severity. IPv6 is blind since the start."""
            now = harness.clock.now()
            blind_since = {"ip6": start} | ({"ip4": now} if ip4_blind else {})
            status = vantage({"ip4": not ip4_blind, "ip6": False}, now)
            harness.health.vantages = (replace(status, blind_since=blind_since),)
            await run_periodic_work(harness, seconds)
            return {(row.event.value, row.severity) for row in harness.rows()}

        assert await observe_for(29, ip4_blind=False) == set()
        ticket = await observe_for(2, ip4_blind=False)
        assert ticket == {("opened", "ticket")}
        for _ in range(3):
            assert await observe_for(20, ip4_blind=True) == ticket
            assert await observe_for(5, ip4_blind=False) == ticket
        page = await observe_for(31, ip4_blind=True)
        assert {severity for _, severity in page - ticket} == {"page"}
        assert await observe_for(5, ip4_blind=False) == await observe_for(5, ip4_blind=True) == page


@pytest.mark.fault(54)
async def test_heartbeat_is_sent_while_probes_are_recorded(sink: Sink) -> None:
    receivers = [{"id": "snitch", "healthchecks": sink.url("/ping")}]
    ledger = ledger_with_receivers(
        forms(), receivers=receivers, alerting={"heartbeat": {"to": "snitch", "every": "1m"}}
    )

    async def beats(harness: AlertingHarness, *, probing: bool) -> int:
        count = len(sink.received)
        for _ in range(5):
            if probing:
                harness.observe(GOOD)
            await harness.clock.advance(61)
            await harness.idle()
        return len(sink.received) - count

    async with run_alerting(ledger) as harness:
        assert await beats(harness, probing=False) == 0, "the scheduler never recorded anything"
        assert await beats(harness, probing=True) >= 4
        harness.clock.jump(600)
        assert await beats(harness, probing=False) <= 1, "the scheduler is stuck"
        harness.store.error = "no room"
        await beats(harness, probing=True)
        assert await beats(harness, probing=True) == 0, "the record is stuck"
        harness.store.error = ""
        await harness.until(lambda: len(sink.received) > 4)
    assert {request.path for request in sink.received} == {"/ping"}
    assert harness.rows(Kind.OPENED) == []


@pytest.mark.fault(54)
async def test_one_heartbeat_waits_and_none_is_sent_while_deliveries_are_blocked(sink: Sink) -> None:
    """Waiting heartbeats must not be sent together afterwards: the receiver would count them as a working monitor."""
    ledger = ledger_with_receivers(
        forms(),
        receivers=[{"id": "snitch", "healthchecks": sink.url("/ping")}],
        alerting={"heartbeat": {"to": "snitch", "every": "1m"}},
    )
    async with run_alerting(ledger, deliver=False) as harness:
        for _ in range(5):
            harness.observe(GOOD)
            harness.clock.jump(61)
            await harness.update()
        await harness.written()
        assert len(harness.rows(Kind.HEARTBEAT)) == 1
    assert sink.received == []


async def test_retry_request_makes_failed_notifications_due(sink: Sink) -> None:
    sink.reply = Reply(500)
    async with run_alerting(
        ledger_with_receivers(forms(), receivers=[{"id": "ops", "webhook": sink.url()}])
    ) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(lambda: [row for row in harness.rows() if row.attempts])
        for _ in range(40):
            await harness.clock.advance(30)
            await harness.idle()
        sink.reply = Reply()
        count, now = len(sink.received), harness.clock.now()
        await harness.alerting.update()
        assert len(sink.received) == count, "no retry was requested"
        harness.state(Fact.of(now, "Ada", RETRY, "", {"receiver": "ops"}))
        await harness.update()
        await harness.delivered()
        assert harness.clock.now() == now
    assert len(sink.received) == count + 1
