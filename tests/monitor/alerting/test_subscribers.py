"""Messages to subscribers: which are due, kills between sending and recording, refused recipients, many subscribers."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from monitor.access.link import LinkSigner
from monitor.access.subscriptions import Choice, Subscriptions
from monitor.alerting import subscribers
from monitor.alerting.subscriber_topics import AHEAD
from monitor.config.maintenance_meaning import maintenance_meaning
from monitor.errors import StoreError
from sla.interval import DAY, HOUR, MINUTE, SECOND
from sla.maintenance import MaintenancePlan
from sla.public_incident import Impact, Phase, PublicIncident, PublicUpdate
from tests.monitor.receivers.test_email import Mailbox, serve_mail
from tests.support.alerting import AlertingHarness, run_alerting
from tests.support.clocks import ManualClock
from tests.support.status_pages import maintenance
from tests.support.stores import MemoryStore
from tests.support.subscribers import ledger_with_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from monitor.notification import Notification

SIGNER = LinkSigner(b"k" * 32)


class World:
    """A record, a file of addresses and a mail server that survive the processes."""

    def __init__(self, folder: Path, port: int, mailbox: Mailbox, products: dict[str, Any]) -> None:
        self.record, self.port, self.mailbox, self.products = folder / "r.db", port, mailbox, products
        self.store, self.clock = MemoryStore(), ManualClock()

    async def confirm(self, *addresses: str, choice: Choice | None = None) -> Subscriptions:
        """Confirm subscriptions of these addresses two days ago."""
        subscriptions, then = Subscriptions.load(self.record), self.clock.now() - 2 * DAY
        for address in addresses:
            await subscriptions.request("citizens", address, choice or Choice(), then)
            await subscriptions.confirm(subscriptions.of_page("citizens")[-1].id, then)
        return subscriptions

    @contextlib.asynccontextmanager
    async def process(self, *, deliver: bool = True) -> AsyncIterator[AlertingHarness]:
        """Run a process with what is on disk."""
        ledger, subscriptions = ledger_with_page(self.port, self.products), Subscriptions.load(self.record)
        async with run_alerting(
            ledger, self.store, self.clock, deliver=deliver, signer=SIGNER, subscriptions=subscriptions
        ) as harness:
            yield harness

    def sent(self) -> list[tuple[str, str]]:
        """Return recipient and Message-ID of the mails since the last call."""
        mails, self.mailbox.mails = self.mailbox.mails, []
        return sorted((mail["To"], mail["Message-ID"]) for mail in mails)


@contextlib.asynccontextmanager
async def a_world(folder: Path, **products: Any) -> AsyncIterator[World]:
    mailbox = Mailbox()
    async with serve_mail(mailbox) as port:
        yield World(folder, port, mailbox, products)


def publish(harness: AlertingHarness, text: str = "We look.") -> None:
    first = PublicUpdate(harness.clock.now(), "Ana", Phase.INVESTIGATING, text)
    harness.state(PublicIncident("citizens", "Forms fail", ("forms",), Impact.OUTAGE, "", None, (first,)).fact())


async def deliver(harness: AlertingHarness) -> None:
    await harness.update()
    await harness.delivered()


def unrecord(store: MemoryStore) -> None:
    """Take back the confirmations of the mail server, as a kill before their write does."""
    store.notifications.update({key: replace(row, done=None) for key, row in store.notifications.items()})


async def test_kill_after_sending_sends_again_with_the_same_message_id_and_not_to_those_who_left(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path) as world:
        await world.confirm("stays@example.net", "leaves@example.net")
        async with world.process() as harness:
            publish(harness)
            await deliver(harness)
            facts = harness.ledger.facts.all
        first = world.sent()
        assert [address for address, _ in first] == ["leaves@example.net", "stays@example.net"]
        unrecord(world.store)
        subscriptions = Subscriptions.load(world.record)
        (leaving,) = [known for known in subscriptions.of_page("citizens") if known.address.startswith("leaves")]
        await subscriptions.leave(leaving.id)
        async with world.process() as harness:
            harness.state(*facts)
            await deliver(harness)
            assert world.sent() == first[1:]
            await deliver(harness)
            assert world.sent() == []


async def test_kill_before_sending_loses_no_message_and_makes_none_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.confirm("a@example.net", "b@example.net")
        async with world.process(deliver=False) as harness:
            publish(harness)
            await harness.update()
            facts = harness.ledger.facts.all
        assert (world.sent(), len(world.store.notifications)) == ([], 2)
        async with world.process() as harness:
            harness.state(*facts)
            await deliver(harness)
        assert [address for address, _ in world.sent()] == ["a@example.net", "b@example.net"]
        assert len(world.store.notifications) == 2


async def test_maintenance_is_announced_once_to_those_who_chose_it(tmp_path: Path) -> None:
    clock = ManualClock()
    planned = maintenance(clock.now() + AHEAD + HOUR)
    async with a_world(tmp_path, maintenance=[planned]) as world:
        await world.confirm("both@example.net")
        await world.confirm("incidents@example.net", choice=Choice((), ("incidents",)))
        async with world.process() as harness:
            await deliver(harness)
            assert world.sent() == []
            harness.clock.jump((HOUR + MINUTE) // SECOND)
            await deliver(harness)
            (mail,) = world.mailbox.mails
            assert mail["Subject"] == "Services: planned maintenance of Online forms"
            assert "zq patch" not in mail.get_content()
            assert [address for address, _ in world.sent()] == ["both@example.net"]
        async with world.process() as harness:
            await deliver(harness)
        assert world.sent() == []


async def test_recorded_maintenance_is_announced_once_in_full_length_and_to_those_of_a_later_component(
    tmp_path: Path,
) -> None:
    planned = maintenance(ManualClock().now() + AHEAD + HOUR, 20 * DAY)
    assert planned.end is not None
    blocks = maintenance_meaning([planned], "UTC")
    async with a_world(tmp_path) as world:
        await world.confirm("all@example.net")
        await world.confirm("later@example.net", choice=Choice(("sign-in",)))
        async with world.process() as harness:
            harness.state(MaintenancePlan("zq-forms", world.clock.now() - DAY, blocks).fact("x"))
            harness.clock.jump((HOUR + MINUTE) // SECOND)
            for _ in range(3):
                await deliver(harness)
                harness.clock.jump(2 * MINUTE // SECOND)
            (mail,) = world.mailbox.mails
            end = planned.end.replace(tzinfo=UTC).astimezone(harness.ledger.portfolio.zone)
            assert f"To: {end:%Y-%m-%d %H:%M %Z}" in mail.get_content()
            assert [address for address, _ in world.sent()] == ["all@example.net"]
            harness.state(MaintenancePlan("zq-sso", world.clock.now() - DAY, blocks).fact("x"))
            await deliver(harness)
            assert [address for address, _ in world.sent()] == ["later@example.net"]


async def test_text_is_sent_in_ascii(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.confirm("a@example.net")
        async with world.process() as harness:
            publish(harness, "Panne à Montréal.")
            await deliver(harness)
        (mail,) = world.mailbox.mails
        assert "Panne à Montréal." in mail.get_content()
        assert mail["Content-Transfer-Encoding"] in ("base64", "quoted-printable")


async def test_refused_recipient_is_not_tried_again_and_delays_no_one(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.confirm("none@example.net", "real@example.net")
        world.mailbox.refuse = {"none@example.net"}
        async with world.process() as harness:
            publish(harness)
            await deliver(harness)
            assert [address for address, _ in world.sent()] == ["real@example.net"]
            assert (harness.health.notifications_sent, harness.health.receivers_failing) == (1, 0)
            assert [row.error for row in harness.rows()] == ["", ""]


async def test_message_is_not_sent_a_day_late(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await world.confirm("a@example.net")
        async with world.process(deliver=False) as harness:
            publish(harness)
            await harness.update()
        world.clock.jump(DAY // SECOND + 1)
        async with world.process() as harness:
            await deliver(harness)
        assert world.sent() == []


async def test_many_subscribers_get_their_messages_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "MAX_NEW", 3)
    addresses = [f"reader{number}@example.net" for number in range(7)]
    async with a_world(tmp_path) as world:
        await world.confirm(*addresses)
        async with world.process() as harness:
            publish(harness)
            counts = []
            for _ in range(4):
                await deliver(harness)
                counts.append(len(world.store.notifications))
        assert counts == [3, 6, 7, 7]
        assert [address for address, _ in world.sent()] == addresses


async def test_messages_wait_while_the_record_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: int) -> list[Notification]:
        raise StoreError("locked")

    async with a_world(tmp_path) as world:
        await world.confirm("a@example.net")
        async with world.process() as harness:
            publish(harness)
            readable = harness.alerting.made_notes.read_past
            monkeypatch.setattr(harness.alerting.made_notes, "read_past", unreadable)
            await deliver(harness)
            assert world.sent() == []
            monkeypatch.setattr(harness.alerting.made_notes, "read_past", readable)
            harness.clock.jump(60)
            await deliver(harness)
        assert len(world.sent()) == 1
