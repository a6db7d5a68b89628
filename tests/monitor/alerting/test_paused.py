"""Alerts of paused checks: an open incident stays open without reminders, and continues after the pause."""

from __future__ import annotations

import pytest

from monitor.alerting.deadlines import deadlines
from sla.interval import HOUR, MINUTE
from sla.pause import Pause
from tests.support.alerting import BAD, GOOD, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.ledgers import product

OPS = {"id": "ops", "webhook": "https://hooks.example.org/"}


def pause(harness: AlertingHarness, check: str = "") -> None:
    now = harness.clock.now()
    harness.state(Pause("forms", check, now, now + HOUR, "Ana", "moved").fact())


@pytest.mark.parametrize("check", ["", "forms/health"])
async def test_open_incident_stays_open_without_reminders_until_it_recovers(check: str) -> None:
    """Pages are repeated every 10 minutes, but not during a pause of an hour."""
    ledger = ledger_with_receivers(product("forms"), receivers=[OPS], alerting={"remind_every": "10m"})
    async with run_alerting(ledger, deliver=False) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.update()
        assert harness.events() == ["opened"]
        pause(harness, check)
        for _ in range(5):
            harness.clock.jump(11 * MINUTE / 1_000_000)
            await harness.update()
        assert harness.events() == ["opened"]
        assert len(ledger.open_incidents("forms")) == 1
        harness.clock.jump(6 * MINUTE / 1_000_000)
        await harness.update()
        assert harness.events() == ["opened", "reminder"]
        harness.observe(GOOD, GOOD)
        await harness.update()
        assert harness.events() == ["opened", "reminder", "resolved"]


async def test_pause_of_another_check_mutes_nothing() -> None:
    ledger = ledger_with_receivers(product("forms", 2), receivers=[OPS])
    async with run_alerting(ledger, deliver=False) as harness:
        pause(harness, "forms/check-1")
        harness.observe(GOOD, BAD, BAD)
        await harness.update()
        assert harness.events() == ["opened"]


async def test_end_of_the_pause_is_a_deadline_of_replays() -> None:
    ledger = ledger_with_receivers(product("forms"), receivers=[OPS])
    async with run_alerting(ledger, deliver=False) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.update()
        pause(harness)
        now, alerting = harness.clock.now(), harness.alerting
        instants = deadlines(ledger, alerting.product_incidents, alerting._decisions.announced, (), (), now)
        assert now + HOUR in list(instants)
