"""What is notified, to whom and when: a recorder over a store in memory and a clock that the test moves."""

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
    held = tuple(receiver(**each) for each in receivers)
    return Portfolio.model_validate({"products": products, "receivers": held, **fields})


async def fails(rig: AlertingHarness, key: str = "forms/health") -> None:
    rig.observe(GOOD, BAD, BAD, key=key)
    await rig.written()


async def recovers(rig: AlertingHarness, key: str = "forms/health") -> None:
    rig.observe(GOOD, GOOD, key=key)
    await rig.written()


async def test_an_outage_and_its_end_are_written_with_the_product_incident() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        await fails(rig)
        (incident,) = rig.store.load_incidents()
        (outage,) = rig.store.load_product_incidents()
        batch = next(each for each in rig.store.batches if each.notifications)
        assert batch.incidents == (incident,)
        assert batch.product_incidents == (outage,)
        assert any(seen.at == rig.clock.now() for seen in batch.observations)
        assert (outage.severity, outage.members, outage.opened) == (Severity.PAGE, (incident.id,), incident.opened)
        await recovers(rig)
        (ended,) = rig.store.load_product_incidents()
        (resolved,) = rig.store.load_incidents()
        assert ended == replace(outage, resolved=resolved.resolved)
    assert rig.events() == ["opened", "resolved"]
    assert {row.key for row in rig.rows()} == {outage.id}


async def test_without_receivers_the_product_incident_is_recorded_all_the_same() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[]), deliver=False) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(rig.store.load_product_incidents)
    assert rig.rows() == []


async def test_a_failing_check_of_a_product_that_is_up_is_a_ticket_that_escalates_and_comes_down() -> None:
    ledger = ledger_with_receivers(forms(checks=2, rule="any"), receivers=[OPS])
    async with run_alerting(ledger, deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        await fails(rig)
        await fails(rig, "forms/check-1")
        await recovers(rig)
        await fails(rig)
        await recovers(rig)
        await recovers(rig, "forms/check-1")
    told = [(row.event.value, row.severity, row.repeat) for row in rig.rows()]
    assert told == [
        ("opened", "ticket", 1),
        ("escalated", "page", 1),
        ("escalated", "ticket", 2),
        ("escalated", "page", 3),
        ("escalated", "ticket", 4),
        ("resolved", "ticket", 1),
    ]
    keys = [row.idempotency_key for row in rig.rows()]
    assert len(set(keys)) == len(keys)


async def test_a_receiver_of_pages_gets_opened_at_the_escalation_and_every_change_from_then_on() -> None:
    routes = [{"to": "ops"}, {"to": "team", "severities": ["page"]}]
    ledger = ledger_with_receivers(
        forms(checks=2, rule="any"), receivers=[OPS, {**TEAM}], routes=routes[1:] + routes[:1]
    )
    async with run_alerting(ledger, deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        await fails(rig)
        assert rig.events("team") == []
        await fails(rig, "forms/check-1")
        await recovers(rig)
        await recovers(rig, "forms/check-1")
    assert rig.events("team") == ["opened", "escalated", "resolved"]
    assert rig.events("ops") == ["opened", "escalated", "escalated", "resolved"]


async def test_the_message_says_what_is_down_since_when_and_what_it_cost() -> None:
    ledger = ledger_with_receivers(
        forms(name="Common Forms", runbook="https://wiki.example.org/forms"),
        receivers=[OPS],
        public_url="https://status.example.org",
    )
    async with run_alerting(ledger, deliver=False) as rig:
        rig.observe(*[GOOD] * 10)
        await fails(rig)
        rig.observe(*[BAD] * 57)
        await recovers(rig)
    opened, resolved = (json.loads(row.body) for row in rig.rows())
    assert opened["incident"]["reason"] == "http_status"
    assert opened["incident"]["detail"] == "expected status 200, got 503"
    assert opened["links"]["product"] == "https://status.example.org/products/forms"
    assert opened["links"]["runbook"] == "https://wiki.example.org/forms"
    assert resolved["downtime_seconds"] == {"low": 58.0, "point": 59.0, "high": 60.0}
    spent = resolved["budget"]["allowed_seconds"] - resolved["budget"]["remaining_seconds"]
    assert spent == resolved["downtime_seconds"]["point"]


async def test_maintenance_mutes_and_a_product_that_is_still_down_at_its_end_pages_then() -> None:
    clock = ManualClock()
    start = "2026-09-21T14:00"  # UTC; the clock starts at 14:13:20
    ledger = ledger_with_receivers(
        forms(maintenance=[{"start": start, "end": "2026-09-21T14:30", "zone": "UTC", "reason": "upgrade"}]),
        receivers=[OPS],
    )
    async with run_alerting(ledger, clock=clock, deliver=False) as rig:
        rig.observe(GOOD, BAD, BAD)
        await rig.until(rig.store.load_product_incidents)
        await rig.look()
        assert rig.rows() == []
        clock.jump(17 * 60)
        rig.observe(BAD)
        await rig.look()
        assert rig.events() == ["opened"]
        await recovers(rig)
    assert rig.events() == ["opened", "resolved"]
    (outage,) = rig.store.load_product_incidents()
    assert json.loads(rig.rows()[0].body)["incident"]["opened"] == "2026-09-21T14:13:22Z"
    assert outage.opened < rig.rows()[0].made


async def test_an_outage_that_ends_within_maintenance_is_never_notified() -> None:
    block = {"start": "2026-09-21T14:00", "end": "2026-09-21T14:30", "zone": "UTC", "reason": "upgrade"}
    async with run_alerting(ledger_with_receivers(forms(maintenance=[block]), receivers=[OPS]), deliver=False) as rig:
        rig.observe(GOOD, BAD, BAD, GOOD, GOOD)
        await rig.until(lambda: [each for each in rig.store.load_product_incidents() if each.resolved])
        await rig.look()
    assert rig.rows() == []


async def test_maintenance_that_begins_during_an_outage_does_not_hold_back_its_end() -> None:
    block = {"start": "2026-09-21T14:14", "end": "2026-09-21T15:30", "zone": "UTC", "reason": "upgrade"}
    async with run_alerting(ledger_with_receivers(forms(maintenance=[block]), receivers=[OPS]), deliver=False) as rig:
        await fails(rig)
        rig.clock.jump(120)
        await recovers(rig)
    assert rig.events() == ["opened", "resolved"]


@pytest.mark.parametrize("named", [{"product": "forms"}, {}])
async def test_a_silence_mutes_until_its_instant(named: dict[str, str]) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        now = rig.clock.now()
        rig.state(Silence(now, "Ada", "known", now + HOUR, **named).fact())
        rig.observe(GOOD, BAD, BAD)
        await rig.look()
        assert rig.rows() == []
        rig.clock.jump(3600)
        rig.observe(BAD)
        await rig.look()
        assert rig.events() == ["opened"]


async def test_a_silence_of_one_alert_or_another_product_mutes_nothing_else() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        now = rig.clock.now()
        rig.state(
            Silence(now, "Ada", "x", now + HOUR, product="sso").fact(),
            Silence(now, "Ada", "x", now + HOUR, key="another").fact(),
        )
        await fails(rig)
        assert rig.events() == ["opened"]


async def test_what_depends_on_a_product_that_is_down_is_named_in_its_page_and_not_paged() -> None:
    products = (product("sso", 1, "99%"), forms(depends_on=("sso",), name="Common Forms"))
    async with run_alerting(ledger_with_receivers(*products, receivers=[OPS]), deliver=False) as rig:
        await fails(rig, "sso/health")
        rig.observe(GOOD, BAD, BAD)
        await rig.look()
        assert [row.product for row in rig.rows()] == ["sso"]
        assert json.loads(rig.rows()[0].body)["extra"]["muted"] == ["Common Forms"]
        await recovers(rig, "sso/health")
        rig.clock.jump(1)
        await rig.look()
        assert [(row.product, row.event.value) for row in rig.rows()] == [
            ("sso", "opened"),
            ("sso", "resolved"),
            ("forms", "opened"),
        ]
        assert len([each for each in rig.store.load_product_incidents() if each.product == "forms"]) == 1


async def test_tickets_wait_for_the_end_of_quiet_hours_and_pages_do_not() -> None:
    settings = {"quiet_hours": "22:00-07:00"}
    ledger = ledger_with_receivers(
        forms(checks=2, rule="any"), receivers=[OPS], alerting=settings, time_zone="America/Vancouver"
    )
    clock = ManualClock(1_790_000_000 * SECOND - 6 * HOUR)  # 01:13:20 in Vancouver
    async with run_alerting(ledger, clock=clock, deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        await fails(rig)
        (ticket,) = rig.rows()
        assert ticket.due == 1_789_999_200 * SECOND  # 14:00Z
        await fails(rig, "forms/check-1")
        page = rig.rows(Kind.ESCALATED)[0]
        assert page.due == page.made
        (first,) = rig.alerting.outbox.ready("ops", clock.now())
        assert first.identity == ticket.identity, "the ticket goes before the page, and now"


async def test_a_flapping_product_has_one_notification_that_ends_when_it_is_stable() -> None:
    damping = {"incidents": 3, "within": "30m", "stable_after": "5m"}
    async with run_alerting(
        ledger_with_receivers(forms(), receivers=[OPS], alerting={"damping": damping}), deliver=False
    ) as rig:
        for _ in range(6):
            rig.observe(GOOD, BAD, BAD, GOOD, GOOD)
            await rig.look()
        assert rig.events() == ["opened", "resolved", "opened", "resolved", "opened"]
        rig.clock.jump(298)
        await rig.look()
        assert rig.events()[-1] == "opened"
        rig.clock.jump(2)
        await rig.look()
        await rig.look()
        assert rig.events() == ["opened", "resolved", "opened", "resolved", "opened", "resolved"]
    assert len(rig.store.load_product_incidents()) == 6, "damping changes no figure and no incident"


async def test_an_incident_of_an_older_record_is_continued_without_a_page() -> None:
    ledger = ledger_with_receivers(forms(), receivers=[OPS])
    store, clock = MemoryStore(), ManualClock()
    old = Incident.open("forms", "forms/health", clock.now() - HOUR, "deadline")
    store.incidents[old.id] = old
    async with run_alerting(ledger, store, clock, deliver=False) as rig:
        await rig.until(store.load_product_incidents)
        (wrapped,) = store.load_product_incidents()
        assert (wrapped.opened, wrapped.members, wrapped.resolved) == (old.opened, (old.id,), None)
        rig.observe(BAD)
        await rig.look()
        rig.observe(GOOD, GOOD)
        await rig.until(lambda: store.load_product_incidents()[0].resolved)
    assert rig.rows() == []


async def test_an_incident_that_was_wrapped_pages_when_it_gets_worse() -> None:
    ledger = ledger_with_receivers(forms(checks=2, rule="any"), receivers=[OPS])
    store, clock = MemoryStore(), ManualClock()
    old = Incident.open("forms", "forms/health", clock.now() - HOUR, "deadline")
    store.incidents[old.id] = old
    async with run_alerting(ledger, store, clock, deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        await fails(rig, "forms/check-1")
        await recovers(rig, "forms/check-1")
        await recovers(rig)
    assert [(row.event.value, row.severity) for row in rig.rows()] == [
        ("opened", "page"),
        ("escalated", "ticket"),
        ("resolved", "ticket"),
    ]


async def test_a_restart_and_a_reload_announce_nothing_again() -> None:
    products, store, clock = forms(), MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(products, receivers=[OPS]), store, clock, deliver=False) as rig:
        await fails(rig)
    async with run_alerting(ledger_with_receivers(products, receivers=[OPS]), store, clock, deliver=False) as rig:
        rig.observe(BAD, BAD)
        rig.reload(portfolio(products))
        await rig.look()
        assert rig.events() == ["opened"]
        await recovers(rig)
    assert rig.events() == ["opened", "resolved"]


async def test_taking_a_product_out_resolves_what_was_announced() -> None:
    others = product("sso", 1, "99%")
    async with run_alerting(ledger_with_receivers(forms(), others, receivers=[OPS]), deliver=False) as rig:
        await fails(rig)
        rig.reload(portfolio(others))
        await rig.written()
        assert rig.events() == ["opened", "resolved"]
        body = json.loads(rig.rows()[-1].body)
        assert body["extra"]["notes"] == ["The product is not in the configuration any more."]
        assert body["product"] == {"id": "forms", "name": "forms"}


async def test_a_product_that_comes_back_while_it_is_down_is_announced_anew() -> None:
    others = product("sso", 1, "99%")
    async with run_alerting(ledger_with_receivers(forms(), others, receivers=[OPS]), deliver=False) as rig:
        await fails(rig)
        rig.reload(portfolio(others))
        rig.clock.jump(60)
        rig.reload(portfolio(forms(), others))
        await rig.written()
        assert rig.events() == ["opened", "resolved", "opened"]
        assert len({row.key for row in rig.rows()}) == 2


async def test_a_receiver_that_is_added_during_an_outage_hears_of_it_and_one_taken_out_does_not_any_more() -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        await fails(rig)
        rig.reload(portfolio(forms(), receivers=(TEAM,)))
        await rig.look()
        assert rig.events("team") == ["opened"]
        await recovers(rig)
    assert rig.events("team") == ["opened", "resolved"]
    assert rig.events("ops") == ["opened", "resolved"], "kept for the receiver, should it come back"


async def test_the_rule_may_make_it_worse_without_a_probe() -> None:
    two = forms(checks=2, rule="any")
    async with run_alerting(ledger_with_receivers(two, receivers=[OPS]), deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        await fails(rig)
        rig.reload(portfolio({**two, "rule": "all"}))
        await rig.written()
        assert [(row.event.value, row.severity) for row in rig.rows()] == [("opened", "ticket"), ("escalated", "page")]


async def test_a_defect_in_alerting_stops_neither_recording_nor_the_next_decision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), deliver=False) as rig:
        with monkeypatch.context() as broken:
            broken.setattr("monitor.alerting.service.body_of", lambda *_, **__: 1 / 0)
            rig.observe(GOOD, BAD, BAD)
            await rig.until(rig.store.load_incidents)
        assert rig.health.alerting_defects == 1
        await rig.look()
        assert rig.events() == ["opened"], "the next look makes up for it"


async def test_a_page_that_stays_open_is_repeated_and_a_ticket_is_not() -> None:
    ledger = ledger_with_receivers(forms(checks=2, rule="any"), receivers=[OPS], alerting={"remind_every": "1h"})
    async with run_alerting(ledger, deliver=False) as rig:
        rig.observe(GOOD, key="forms/check-1")
        await fails(rig)
        rig.clock.jump(7_200)
        await rig.look()
        assert rig.events() == ["opened"]
        await fails(rig, "forms/check-1")
        for _ in range(2):
            rig.clock.jump(3_599)
            await rig.look()
            rig.clock.jump(1)
            await rig.look()
            await rig.look()
        await recovers(rig)
        await recovers(rig, "forms/check-1")
    events = [(row.event.value, row.repeat) for row in rig.rows()]
    assert events[:4] == [("opened", 1), ("escalated", 1), ("reminder", 1), ("reminder", 2)]
    assert events[-1] == ("resolved", 1)
    assert {json.loads(row.body)["event"] for row in rig.rows(Kind.REMINDER)} == {"reminder"}


async def test_renaming_a_product_during_an_outage_neither_ends_nor_repeats_its_alert() -> None:
    renamed = {**forms(), "id": "chefs", "was": "forms"}
    store, clock = MemoryStore(), ManualClock()
    async with run_alerting(ledger_with_receivers(forms(), receivers=[OPS]), store, clock, deliver=False) as rig:
        await fails(rig)
        rig.reload(portfolio(renamed))
        await rig.look()
        assert rig.events() == ["opened"]
        assert [each.product for each in rig.ledger.product_incidents.values()] == ["chefs"]
    async with run_alerting(ledger_with_receivers(renamed, receivers=[OPS]), store, clock, deliver=False) as rig:
        await rig.look()
        assert rig.events() == ["opened"]
        await recovers(rig, "chefs/health")
    assert rig.events() == ["opened", "resolved"]
    assert len({row.key for row in rig.rows()}) == 1


async def test_a_page_does_not_wait_for_the_group_of_tickets_that_quiet_hours_hold_back() -> None:
    """People read a chat: there messages are grouped, each severity for itself."""
    products = [product(name, 2, "99%", rule="any") for name in ("a", "b")] + [product(name, 1, "99%") for name in "cd"]
    ledger = ledger_with_receivers(
        *products, receivers=[TEAM], alerting={"quiet_hours": "00:00-24:00"}, time_zone="UTC"
    )
    async with run_alerting(ledger, deliver=False) as rig:
        for name in ("a", "b"):
            rig.observe(GOOD, key=f"{name}/check-1")
            await fails(rig, f"{name}/health")
        for name in ("c", "d"):
            await fails(rig, f"{name}/health")
        waits = {row.product: row.due - row.made for row in rig.rows()}
    assert min(waits["a"], waits["b"]) > 5 * HOUR
    assert waits["c"] == 0
    assert 0 < waits["d"] <= 10 * SECOND


async def test_a_page_leaves_at_once_after_a_ticket() -> None:
    products = [product("a", 2, "99%", rule="any"), product("b", 1, "99%")]
    async with run_alerting(ledger_with_receivers(*products, receivers=[TEAM]), deliver=False) as rig:
        rig.observe(GOOD, key="a/check-1")
        await fails(rig, "a/health")
        await fails(rig, "b/health")
        assert [row.due - row.made for row in rig.rows()] == [0, 0]
