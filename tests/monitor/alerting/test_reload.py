"""Open alerts after restarts, migrations of the record, and changes of the configuration."""

from __future__ import annotations

import json

from sla.incident import Incident
from sla.interval import HOUR
from tests.support.alert_portfolios import OPS, TEAM, end_outage, forms, portfolio, start_outage
from tests.support.alerting import BAD, GOOD, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.stores import MemoryStore


async def test_incident_of_an_older_record_continues_without_a_page() -> None:
    ledger = ledger_with_receivers(forms(), receivers=[OPS])
    store, clock = MemoryStore(), ManualClock()
    old = Incident.open("forms", "forms/health", clock.now() - HOUR, "deadline")
    store.incidents[old.id] = old
    async with run_alerting(ledger, store, clock, deliver=False) as harness:
        await harness.until(store.load_product_incidents)
        (product_incident,) = store.load_product_incidents()
        assert (product_incident.opened, product_incident.members, product_incident.resolved) == (
            old.opened,
            (old.id,),
            None,
        )
        harness.observe(BAD)
        await harness.update()
        harness.observe(GOOD, GOOD)
        await harness.until(lambda: store.load_product_incidents()[0].resolved)
    assert harness.rows() == []


async def test_incident_of_an_older_record_pages_when_it_escalates() -> None:
    ledger = ledger_with_receivers(forms(checks=2, rule="any"), receivers=[OPS])
    store, clock = MemoryStore(), ManualClock()
    old = Incident.open("forms", "forms/health", clock.now() - HOUR, "deadline")
    store.incidents[old.id] = old
    async with run_alerting(ledger, store, clock, deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        await start_outage(harness, "forms/check-1")
        await end_outage(harness, "forms/check-1")
        await end_outage(harness)
    assert [(row.event.value, row.severity) for row in harness.rows()] == [
        ("opened", "page"),
        ("escalated", "ticket"),
        ("resolved", "ticket"),
    ]


async def test_restart_and_reload_repeat_no_notification() -> None:
    products, store, clock = forms(), MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(products, receivers=[OPS]), store, clock, deliver=False) as harness:
        await start_outage(harness)
    async with run_alerting(ledger_with_receivers(products, receivers=[OPS]), store, clock, deliver=False) as harness:
        harness.observe(BAD, BAD)
        harness.reload(portfolio(products))
        await harness.update()
        assert harness.events() == ["opened"]
        await end_outage(harness)
    assert harness.events() == ["opened", "resolved"]


async def test_removed_product_resolves_its_announced_incident() -> None:
    others = product("sso", 1, "99%")
    async with run_alerting(ledger_with_receivers(forms(), others, receivers=[OPS]), deliver=False) as harness:
        await start_outage(harness)
        harness.reload(portfolio(others))
        await harness.written()
        assert harness.events() == ["opened", "resolved"]
        body = json.loads(harness.rows()[-1].body)
        assert body["extra"]["notes"] == ["The product is not in the configuration any more."]
        assert body["product"] == {"id": "forms", "name": "forms"}


async def test_product_added_again_while_down_is_announced_again() -> None:
    others = product("sso", 1, "99%")
    async with run_alerting(ledger_with_receivers(forms(), others, receivers=[OPS]), deliver=False) as harness:
        await start_outage(harness)
        harness.reload(portfolio(others))
        harness.clock.jump(60)
        harness.reload(portfolio(forms(), others))
        await harness.written()
        assert harness.events() == ["opened", "resolved", "opened"]
        assert len({row.key for row in harness.rows()}) == 2


async def test_receiver_added_during_an_outage_is_notified_and_removed_one_is_not() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        await start_outage(harness)
        harness.reload(portfolio(forms(), receivers=(TEAM,)))
        await harness.update()
        assert harness.events("team") == ["opened"]
        await end_outage(harness)
    assert harness.events("team") == ["opened", "resolved"]
    assert harness.events("ops") == ["opened", "resolved"], "stored in case the receiver is configured again"


async def test_changed_rule_escalates_without_a_probe() -> None:
    two = forms(checks=2, rule="any")
    async with run_alerting(ledger_with_receivers(two, receivers=[OPS]), deliver=False) as harness:
        harness.observe(GOOD, key="forms/check-1")
        await start_outage(harness)
        harness.reload(portfolio({**two, "rule": "all"}))
        await harness.written()
        assert [(row.event.value, row.severity) for row in harness.rows()] == [
            ("opened", "ticket"),
            ("escalated", "page"),
        ]


async def test_renamed_product_keeps_its_open_alert() -> None:
    renamed = {**forms(), "id": "chefs", "was": "forms"}
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, clock, deliver=False) as harness:
        await start_outage(harness)
        harness.reload(portfolio(renamed))
        await harness.update()
        assert harness.events() == ["opened"]
        assert [incident.product for incident in harness.ledger.product_incidents.values()] == ["chefs"]
    async with run_alerting(ledger_with_receivers(renamed, receivers=[OPS]), store, clock, deliver=False) as harness:
        await harness.update()
        assert harness.events() == ["opened"]
        await end_outage(harness, "chefs/health")
    assert harness.events() == ["opened", "resolved"]
    assert len({row.key for row in harness.rows()}) == 1
