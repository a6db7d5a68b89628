"""Messages about public incidents: updates to subscribed receivers, and one reminder per update that is due."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from monitor.errors import StoreError
from monitor.notification import Kind
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.public_incident import Impact, Phase, PublicIncident, PublicUpdate, public_incidents
from tests.support.alerting import AlertingHarness, ledger_with_receivers, run_alerting
from tests.support.ledgers import product
from tests.support.sinks import Sink
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    import pytest

    from monitor.ledger.ledger import Ledger
    from monitor.notification import Notification
    from sla.fact import Fact

COMPONENT = {"id": "forms", "name": "Online forms", "product": "forms"}
PAGE = {"id": "citizens", "title": "Services", "host": "s.example", "components": [COMPONENT]}


def ledger(**page: Any) -> Ledger:
    receivers = [{"id": "ops", "webhook": "https://ops.example.org/hook"}]
    return ledger_with_receivers(product("forms"), receivers=receivers, status_pages=[{**PAGE, **page}])


def publish(harness: AlertingHarness, due: int) -> Fact:
    """Open an incident whose next update is due at the instant."""
    first = PublicUpdate(harness.clock.now(), "Ana", Phase.INVESTIGATING, "We look.", due)
    fact = PublicIncident("citizens", "Forms fail", ("forms",), Impact.OUTAGE, "", None, (first,)).fact()
    harness.state(fact)
    return fact


async def reminders(harness: AlertingHarness) -> list[Notification]:
    await harness.update()
    await harness.written()
    return harness.rows(Kind.REPORT)


async def test_owner_is_reminded_once_when_the_update_is_due() -> None:
    store = MemoryStore()
    async with run_alerting(ledger(remind="ops"), store, deliver=False) as harness:
        fact = publish(harness, harness.clock.now() + 30 * MINUTE)
        (incident,) = public_incidents([fact])
        assert await reminders(harness) == []
        harness.clock.jump(30 * 60)
        (row,) = await reminders(harness)
        body = json.loads(row.body)
        assert (row.receiver, row.severity, body["links"]["product"]) == (
            "ops",
            "note",
            "https://s.example/status/citizens/",
        )
        assert body["extra"]["summary"] == "The next public update is due: Forms fail"
        assert body["overdue_update"]["id"] == incident.id
        assert f"ninewatch status-page update {incident.id}" in body["extra"]["notes"][1]
        assert len(await reminders(harness)) == 1
        clock = harness.clock
    async with run_alerting(ledger(remind="ops"), store, clock, deliver=False) as harness:
        harness.state(fact)
        assert len(await reminders(harness)) == 1
        update = PublicUpdate(clock.now(), "Ana", Phase.IDENTIFIED, "Found.", clock.now() + HOUR)
        harness.state(update.fact(incident))
        assert len(await reminders(harness)) == 1
        clock.jump(HOUR / SECOND)
        assert len(await reminders(harness)) == 2


async def test_page_without_a_receiver_and_old_updates_have_no_reminder() -> None:
    async with run_alerting(ledger(), MemoryStore(), deliver=False) as harness:
        publish(harness, harness.clock.now())
        assert await reminders(harness) == []
    async with run_alerting(ledger(remind="ops"), MemoryStore(), deliver=False) as harness:
        publish(harness, harness.clock.now() - DAY - MINUTE)
        assert await reminders(harness) == []


async def test_reminder_waits_while_the_record_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: int) -> list[Notification]:
        raise StoreError("locked")

    async with run_alerting(ledger(remind="ops"), MemoryStore(), deliver=False) as harness:
        publish(harness, harness.clock.now())
        readable = harness.alerting.made_notes.read_past
        monkeypatch.setattr(harness.alerting.made_notes, "read_past", unreadable)
        assert await reminders(harness) == []
        monkeypatch.setattr(harness.alerting.made_notes, "read_past", readable)
        assert await reminders(harness) == []
        harness.clock.jump(60)
        assert len(await reminders(harness)) == 1


async def test_each_update_is_sent_once_to_the_subscribed_receivers_with_public_texts_only() -> None:
    store = MemoryStore()
    async with run_alerting(ledger(notify=["ops"]), store, deliver=False) as harness:
        fact = publish(harness, harness.clock.now() + 30 * MINUTE)
        (incident,) = public_incidents([fact])
        (row,) = await reminders(harness)
        body = json.loads(row.body)
        assert body["extra"]["summary"] == "Services: Forms fail (investigating)"
        assert body["extra"]["notes"][:2] == ["We look.", "Affected: Online forms"]
        public = body["public_incident"]
        assert (public["title"], public["components"], public["text"]) == ("Forms fail", ["Online forms"], "We look.")
        assert body["links"]["product"] == f"https://s.example/status/citizens/incidents/{incident.id}"
        assert "Ana" not in row.body
        harness.clock.jump(60)
        update = PublicUpdate(harness.clock.now(), "Ana", Phase.RESOLVED, "It works.")
        harness.state(update.fact(incident))
        assert [json.loads(row.body)["public_incident"]["phase"] for row in await reminders(harness)] == [
            "investigating",
            "resolved",
        ]
        clock = harness.clock
    async with run_alerting(ledger(notify=["ops"]), store, clock, deliver=False) as harness:
        harness.state(fact, update.fact(incident))
        assert len(await reminders(harness)) == 2


async def test_update_of_a_removed_page_is_not_sent() -> None:
    async with run_alerting(ledger(id="staff", notify=["ops"], remind="ops"), MemoryStore(), deliver=False) as harness:
        publish(harness, harness.clock.now())
        assert await reminders(harness) == []


async def test_message_is_delivered_to_a_webhook() -> None:
    with Sink().serving() as sink:
        receivers = [{"id": "list", "webhook": sink.url("/hook")}]
        page = {**PAGE, "notify": ["list"]}
        portfolio = ledger_with_receivers(product("forms"), receivers=receivers, status_pages=[page])
        async with run_alerting(portfolio, MemoryStore()) as harness:
            publish(harness, harness.clock.now() + HOUR)
            await harness.update()
            await harness.delivered()
        (request,) = sink.received
        assert request.json()["public_incident"]["text"] == "We look."
