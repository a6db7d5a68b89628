"""Decisions about notifications, receivers and times: a recorder with a store in memory and a manual clock."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.config.model import Portfolio
from monitor.notification import Kind
from sla.incident import Incident
from sla.interval import HOUR, SECOND
from sla.product_incident import Severity
from sla.silence import Silence
from tests.support.alerting import BAD, GOOD, AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.clocks import ManualClock
from tests.support.ledgers import product
from tests.support.messages import receiver
from tests.support.stores import MemoryStore

OPS = {"id": "ops", "webhook": "https://ops.example.org/hook"}
TEAM = {"id": "team", "slack": "https://hooks.example.org/team"}


def forms(**fields: Any) -> dict[str, object]:
    return product("forms", fields.pop("checks", 1), "99%", **fields)


def portfolio(*products: dict[str, object], receivers: tuple[dict[str, Any], ...] = (OPS,), **fields: Any) -> Portfolio:
    configured = tuple(receiver(**keys) for keys in receivers)
    return Portfolio.model_validate({"products": products, "receivers": configured, **fields})


async def start_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, BAD, BAD, key=key)
    await harness.written()


async def end_outage(harness: AlertingHarness, key: str = "forms/health") -> None:
    harness.observe(GOOD, GOOD, key=key)
    await harness.written()


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
    assert opened["links"]["runbook"] == "https://wiki.example.org/forms"
    assert resolved["downtime_seconds"] == {"low": 58.0, "point": 59.0, "high": 60.0}
    spent = resolved["budget"]["allowed_seconds"] - resolved["budget"]["remaining_seconds"]
    assert spent == resolved["downtime_seconds"]["point"]


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


async def test_error_in_alerting_stops_neither_recording_nor_later_decisions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as harness:
        with monkeypatch.context() as broken:
            broken.setattr("monitor.alerting.service.body_of", lambda *_, **__: 1 / 0)
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
