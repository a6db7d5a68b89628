"""Alerts about other vantages: a ticket for one that does not deliver, one page while checks lack their quorum."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from monitor.config.model import Portfolio
from monitor.engine.delivery_watch import DeliveryWatch
from sla.interval import MINUTE, SECOND
from sla.observation import Observation
from tests.support.alerting import GOOD, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}
KEY = "forms/health"
HOLD = 2 * MINUTE + 10 * SECOND
STEP = 10  # seconds between two updates


def portfolio() -> Ledger:
    vantages = [{"id": name, "observations": f"{name}.jsonl"} for name in ("east", "west")]
    return ledger_with_receivers(product("forms"), receivers=[OPS], vantages=vantages)


class Scene:
    """A daemon whose checks are good at all vantages that deliver."""

    def __init__(self, harness: AlertingHarness) -> None:
        self.harness = harness
        self.watch = DeliveryWatch(harness.ledger, harness.health, harness.clock)

    async def run(self, seconds: int, *vantages: str) -> list[tuple[str, str, str]]:
        """Let these vantages, and this daemon, deliver for so long. Return all notifications so far."""
        for _ in range(seconds // STEP):
            self.harness.clock.jump(STEP - 1)
            self.harness.observe(GOOD)
            now = self.harness.clock.now()
            for vantage in vantages:
                if self.harness.recorder.record_elsewhere([Observation(KEY, now, GOOD, vantage=vantage)], now):
                    self.watch.arrived(vantage)
            await self.watch.update({})
            await self.harness.update()
        return self.sent()

    def sent(self) -> list[tuple[str, str, str]]:
        return [(row.event.value, row.severity, row.key.rpartition(":")[0]) for row in self.harness.rows()]

    def message(self, key: str) -> str:
        return next(row.body for row in self.harness.rows() if row.key.startswith(key))


async def test_silent_vantage_is_one_ticket_until_it_delivers_for_longer_than_a_late_delivery_is_valid() -> None:
    async with run_alerting(portfolio(), deliver=False) as harness:
        scene = Scene(harness)
        assert await scene.run(300, "east", "west") == []
        assert await scene.run(HOLD // SECOND + 20, "west") == []
        opened = [("opened", "ticket", "vantage:east")]
        assert await scene.run(40, "west") == opened
        extra = json.loads(scene.message("vantage:east"))["extra"]
        assert extra["summary"].startswith("The vantage east is silent: no observations arrive, the last one: 2026-")
        assert f"It has no vote on 1 of 1 checks: {KEY}." in scene.message("vantage:east")
        await scene.run(STEP, "east", "west")  # a single delivery is valid for one hold
        assert await scene.run(600, "west") == opened
        assert await scene.run(HOLD // SECOND + 20, "east", "west") == opened
        assert await scene.run(30, "east", "west") == [*opened, ("resolved", "ticket", "vantage:east")]
        assert await scene.run(600, "east", "west") == [*opened, ("resolved", "ticket", "vantage:east")]


async def test_lost_quorum_is_one_page_for_all_checks() -> None:
    """With 2 of 3, a single daemon that is left detects nothing."""
    async with run_alerting(portfolio(), deliver=False) as harness:
        scene = Scene(harness)
        await scene.run(300, "east", "west")
        sent = await scene.run(200)
        assert sorted(sent) == [
            ("opened", "page", "quorum:local"),
            ("opened", "ticket", "vantage:east"),
            ("opened", "ticket", "vantage:west"),
        ]
        assert await scene.run(600) == sent
        extra = json.loads(scene.message("quorum:local"))["extra"]
        assert extra["summary"] == f"Too few vantages deliver: an outage of {KEY} would not be detected"
        assert f"{KEY}: only local can vote, 2 votes are needed." in scene.message("quorum:local")
        await scene.run(STEP, "east")
        assert await scene.run(600) == sent
        resolved = (await scene.run(HOLD // SECOND + 50, "east"))[len(sent) :]
        assert sorted(resolved) == [("resolved", "page", "quorum:local"), ("resolved", "ticket", "vantage:east")]


async def test_open_alerts_continue_after_a_restart_and_are_not_resolved_by_it() -> None:
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(portfolio(), store, clock, deliver=False) as harness:
        scene = Scene(harness)
        await scene.run(60, "east", "west")
        sent = await scene.run(200)
        assert len(sent) == 3
    async with run_alerting(portfolio(), store, clock, deliver=False) as harness:
        scene = Scene(harness)
        assert await scene.run(900) == sent
        resolved = (await scene.run(300, "east", "west"))[len(sent) :]
    assert {(event, key) for event, _, key in resolved} == {
        ("resolved", "vantage:east"),
        ("resolved", "vantage:west"),
        ("resolved", "quorum:local"),
    }


async def test_removing_the_vantages_resolves_their_alerts() -> None:
    async with run_alerting(portfolio(), deliver=False) as harness:
        scene = Scene(harness)
        sent = await scene.run(300)
        assert len(sent) == 3
        alone = portfolio().portfolio
        harness.reload(Portfolio.model_validate({"products": alone.products, "receivers": alone.receivers}))
        after = await scene.run(STEP)
    assert [event for event, _, _ in after[len(sent) :]] == ["resolved"] * 3


async def test_one_daemon_alone_has_no_such_alert() -> None:
    async with run_alerting(ledger_with_receivers(product("forms"), receivers=[OPS]), deliver=False) as harness:
        scene = Scene(harness)
        await scene.run(60)
        harness.clock.jump(3_600)
        await scene.watch.update({})
        await harness.update()
        assert scene.sent() == []
        assert harness.health.deliveries.vantages == ()
