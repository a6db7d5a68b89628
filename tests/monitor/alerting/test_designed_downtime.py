"""Alerts of a product that is down by design: a ticket during the failover, a page if the downtime outlasts it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from monitor.alerting.deadlines import deadlines
from monitor.as_of import RecordContent
from monitor.rehearsal.replay import Replay
from sla.failover_facts import site_change_fact
from sla.interval import MINUTE, SECOND, Interval
from sla.sites import ChangeKind, SiteChange
from tests.support.alerting import BAD, GOOD, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.ledgers import FakeCheck, product

if TYPE_CHECKING:
    from monitor.ledger.ledger import Ledger
    from sla.fact import Fact

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}
PAGER = {"id": "pager", "webhook": "https://pager.example.org/hook"}
ROUTES = [{"to": "ops", "severities": ["page", "ticket"]}, {"to": "pager", "severities": ["page"]}]
SETTLE = 5 * MINUTE  # the default of `failover.settle`


def css_ledger(*further: dict[str, object], checks: int = 1, rule: str = "all", **css: Any) -> Ledger:
    """Return a ledger with css, which is down while sso runs at another site than gold."""
    sites = [{"id": name, "active": FakeCheck(id=name, interval="1m", timeout="10s")} for name in ("gold", "dr")]
    products = (
        product("css", checks, "99%", rule=rule, **({"down_by_design": {"failover_of": "sso"}} | css)),
        product("sso", 1, "99%", sites=sites),
        *further,
    )
    return ledger_with_receivers(*products, receivers=[OPS, PAGER], routes=ROUTES)


def change(kind: ChangeKind, at: int) -> Fact:
    sites = ("gold", "dr") if kind is ChangeKind.FAILOVER else ("dr", "gold")
    return site_change_fact(SiteChange(kind, *sites, at, at), "sso", at, "ninewatch")


def record(harness: AlertingHarness, kind: ChangeKind) -> None:
    harness.state(change(kind, harness.clock.now()))


async def fail(harness: AlertingHarness, key: str = "css/health") -> None:
    harness.observe(GOOD, BAD, BAD, key=key)
    await harness.update()


def announced(harness: AlertingHarness, receiver: str = "ops") -> list[tuple[str, str]]:
    return [(row.event.value, row.severity) for row in harness.rows() if row.receiver == receiver]


async def test_downtime_by_design_is_a_ticket_and_becomes_a_page_if_it_outlasts_the_failover() -> None:
    """The settle time after the failback is the time in which the product may come back."""
    async with run_alerting(css_ledger(), deliver=False) as harness:
        record(harness, ChangeKind.FAILOVER)
        await fail(harness)
        assert announced(harness) == [("opened", "ticket")]
        assert (
            json.loads(harness.rows()[0].body)["extra"]["summary"]
            == "css is down by design while sso runs at another site"
        )
        harness.clock.jump(3_600)
        await harness.update()
        record(harness, ChangeKind.FAILBACK)
        harness.clock.jump(SETTLE / SECOND - 1)
        await harness.update()
        assert announced(harness, "pager") == []
        harness.clock.jump(1)
        await harness.update()
        assert announced(harness) == [("opened", "ticket"), ("escalated", "page")]
        assert announced(harness, "pager") == [("opened", "page")]
        harness.observe(GOOD, GOOD, key="css/health")
        await harness.update()
        assert announced(harness) == [("opened", "ticket"), ("escalated", "page"), ("resolved", "page")]


async def test_product_that_returns_with_the_failback_pages_nobody() -> None:
    async with run_alerting(css_ledger(), deliver=False) as harness:
        record(harness, ChangeKind.FAILOVER)
        await fail(harness)
        record(harness, ChangeKind.FAILBACK)
        harness.clock.jump(60)
        harness.observe(GOOD, GOOD, key="css/health")
        await harness.update()
        assert announced(harness) == [("opened", "ticket"), ("resolved", "ticket")]
        assert announced(harness, "pager") == []


async def test_page_becomes_a_ticket_when_the_failover_is_recorded() -> None:
    """The daemon records a failover about one interval after it; the product may be down before that."""
    async with run_alerting(css_ledger(), deliver=False) as harness:
        await fail(harness)
        assert announced(harness) == [("opened", "page")]
        record(harness, ChangeKind.FAILOVER)
        harness.clock.jump(1)
        await harness.update()
        assert announced(harness) == [("opened", "page"), ("escalated", "ticket")]
        assert announced(harness, "pager") == [("opened", "page"), ("escalated", "ticket")]


@pytest.mark.parametrize("key", ["css/health", "sso/health"])
async def test_other_downtime_pages(key: str) -> None:
    """The product is down without a failover, or the product that failed over is down itself."""
    async with run_alerting(css_ledger(), deliver=False) as harness:
        if key.startswith("sso"):
            record(harness, ChangeKind.FAILOVER)
        await fail(harness, key)
        assert announced(harness, "pager") == [("opened", "page")]


async def test_failover_of_a_product_without_a_declaration_mutes_nothing() -> None:
    async with run_alerting(css_ledger(down_by_design=None), deliver=False) as harness:
        record(harness, ChangeKind.FAILOVER)
        await fail(harness)
        assert announced(harness, "pager") == [("opened", "page")]


async def test_ticket_names_the_products_whose_alerts_wait_for_it() -> None:
    ledger = css_ledger(product("drop", 1, "99%", depends_on=("css",)))
    async with run_alerting(ledger, deliver=False) as harness:
        record(harness, ChangeKind.FAILOVER)
        await fail(harness)
        assert json.loads(harness.rows()[0].body)["extra"]["muted"] == ["drop"]


async def test_figures_and_the_recorded_incident_are_those_of_other_downtime() -> None:
    figures = []
    for failover in (False, True):
        ledger = css_ledger()
        async with run_alerting(ledger, deliver=False) as harness:
            if failover:
                record(harness, ChangeKind.FAILOVER)
            await fail(harness)
            (incident,) = harness.store.load_product_incidents()
            figures.append((ledger.measured("css", "1h", harness.clock.now()), incident.severity))
    assert figures[0] == figures[1]


async def test_end_of_the_settle_time_is_a_deadline_of_replays() -> None:
    ledger = css_ledger()
    async with run_alerting(ledger, deliver=False) as harness:
        record(harness, ChangeKind.FAILOVER)
        await fail(harness)
        record(harness, ChangeKind.FAILBACK)
        now, alerting = harness.clock.now(), harness.alerting
        instants = deadlines(ledger, alerting.product_incidents, alerting._decisions.announced, (), (), now)
        assert now + SETTLE in list(instants)


async def test_rehearsal_decides_as_the_daemon() -> None:
    facts = []
    async with run_alerting(css_ledger(), deliver=False) as harness:
        start = harness.clock.now()
        facts.append(change(ChangeKind.FAILOVER, start + SECOND))
        harness.clock.jump(1)
        harness.state(facts[0])
        await fail(harness)
        observations = list(harness.store.observations("css/health", Interval(start, start + MINUTE)))
        decided = [(row.event, row.severity) for row in harness.rows()]
    span = Interval(start, start + MINUTE)
    replayed = await Replay(css_ledger().portfolio, RecordContent([], [], [], []), facts, span).run(observations)
    assert [(row.event, row.severity) for row in replayed.notifications] == decided == [("opened", "ticket")]
