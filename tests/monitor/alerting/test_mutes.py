"""Notifications that wait: maintenance, silences, dependencies that are down, quiet hours, and flapping."""

from __future__ import annotations

import json

import pytest

from monitor.notification import Kind
from sla.interval import HOUR, SECOND
from sla.silence import Silence
from tests.support.alert_portfolios import OPS, end_outage, forms, start_outage
from tests.support.alerting import BAD, GOOD, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product


@pytest.mark.fault(55)
async def test_maintenance_mutes_until_its_end_and_then_pages() -> None:
    clock = ManualClock()
    start = "2026-09-21T14:00"  # UTC; the clock starts at 14:13:20
    ledger = ledger_with_receivers(
        forms(maintenance=[{"start": start, "end": "2026-09-21T14:30", "zone": "UTC", "reason": "upgrade"}]),
        receivers=[OPS],
    )
    async with run_alerting(ledger, clock=clock, deliver=False) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.until(harness.store.load_product_incidents)
        await harness.update()
        assert harness.rows() == []
        clock.jump(17 * 60)
        harness.observe(BAD)
        await harness.update()
        assert harness.events() == ["opened"]
        await end_outage(harness)
    assert harness.events() == ["opened", "resolved"]
    (outage,) = harness.store.load_product_incidents()
    assert json.loads(harness.rows()[0].body)["incident"]["opened"] == "2026-09-21T14:13:22Z"
    assert outage.opened < harness.rows()[0].made


async def test_outage_within_maintenance_sends_nothing() -> None:
    block = {"start": "2026-09-21T14:00", "end": "2026-09-21T14:30", "zone": "UTC", "reason": "upgrade"}
    async with run_alerting(
        ledger_with_receivers(forms(maintenance=[block]), receivers=[OPS]), deliver=False
    ) as harness:
        harness.observe(GOOD, BAD, BAD, GOOD, GOOD)
        await harness.until(
            lambda: [incident for incident in harness.store.load_product_incidents() if incident.resolved]
        )
        await harness.update()
    assert harness.rows() == []


@pytest.mark.fault(55)
async def test_maintenance_during_an_outage_does_not_mute_the_resolution() -> None:
    block = {"start": "2026-09-21T14:14", "end": "2026-09-21T15:30", "zone": "UTC", "reason": "upgrade"}
    async with run_alerting(
        ledger_with_receivers(forms(maintenance=[block]), receivers=[OPS]), deliver=False
    ) as harness:
        await start_outage(harness)
        harness.clock.jump(120)
        await end_outage(harness)
    assert harness.events() == ["opened", "resolved"]


@pytest.mark.parametrize("scope", [{"product": "forms"}, {}])
@pytest.mark.fault(55)
async def test_silence_mutes_until_its_end(scope: dict[str, str]) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        now = harness.clock.now()
        harness.state(Silence(now, "Ada", "known", now + HOUR, **scope).fact())
        harness.observe(GOOD, BAD, BAD)
        await harness.update()
        assert harness.rows() == []
        harness.clock.jump(3600)
        harness.observe(BAD)
        await harness.update()
        assert harness.events() == ["opened"]


async def test_silence_of_one_alert_or_product_mutes_nothing_else() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        now = harness.clock.now()
        harness.state(
            Silence(now, "Ada", "x", now + HOUR, product="sso").fact(),
            Silence(now, "Ada", "x", now + HOUR, key="another").fact(),
        )
        await start_outage(harness)
        assert harness.events() == ["opened"]


@pytest.mark.fault(28)
async def test_dependents_of_a_down_product_are_listed_in_its_page_and_send_no_pages() -> None:
    products = (product("sso", 1, "99%"), forms(depends_on=("sso",), name="Common Forms"))
    async with run_alerting(ledger_with_receivers(*products, receivers=[OPS]), deliver=False) as harness:
        await start_outage(harness, "sso/health")
        harness.observe(GOOD, BAD, BAD)
        await harness.update()
        assert [row.product for row in harness.rows()] == ["sso"]
        assert json.loads(harness.rows()[0].body)["extra"]["muted"] == ["Common Forms"]
        await end_outage(harness, "sso/health")
        harness.clock.jump(1)
        await harness.update()
        assert [(row.product, row.event.value) for row in harness.rows()] == [
            ("sso", "opened"),
            ("sso", "resolved"),
            ("forms", "opened"),
        ]
        assert (
            len([incident for incident in harness.store.load_product_incidents() if incident.product == "forms"]) == 1
        )


async def test_quiet_hours_delay_tickets_and_not_pages() -> None:
    settings = {"quiet_hours": "22:00-07:00"}
    ledger = ledger_with_receivers(
        forms(checks=2, rule="any"), receivers=[OPS], alerting=settings, time_zone="America/Vancouver"
    )
    clock = ManualClock(1_790_000_000 * SECOND - 6 * HOUR)  # 01:13:20 in Vancouver
    async with run_alerting(ledger, clock=clock, deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        await start_outage(harness)
        (ticket,) = harness.rows()
        assert ticket.due == 1_789_999_200 * SECOND  # 14:00Z
        await start_outage(harness, "forms/check-1")
        page = harness.rows(Kind.ESCALATED)[0]
        assert page.due == page.made
        (first,) = harness.alerting.outbox.ready("ops", clock.now())
        assert first.identity == ticket.identity, "the ticket goes before the page, and now"


@pytest.mark.fault(30)
async def test_flapping_product_sends_one_notification_until_it_is_stable() -> None:
    damping = {"incidents": 3, "within": "30m", "stable_after": "5m"}
    async with run_alerting(
        ledger_with_receivers(forms(), receivers=[OPS], alerting={"damping": damping}), deliver=False
    ) as harness:
        for _ in range(6):
            harness.observe(GOOD, BAD, BAD, GOOD, GOOD)
            await harness.update()
        assert harness.events() == ["opened", "resolved", "opened", "resolved", "opened"]
        harness.clock.jump(298)
        await harness.update()
        assert harness.events()[-1] == "opened"
        harness.clock.jump(2)
        await harness.update()
        await harness.update()
        assert harness.events() == ["opened", "resolved", "opened", "resolved", "opened", "resolved"]
    assert len(harness.store.load_product_incidents()) == 6, "damping changes no figure and no incident"
