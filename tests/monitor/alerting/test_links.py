"""The links in messages: when a message has a link, and its content."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from monitor.access.link import VALID_FOR, Claim, LinkSigner
from monitor.alerting.links import Links
from monitor.notification import Kind
from monitor.receivers.message import Message
from sla.interval import MINUTE, SECOND
from tests.support.alerting import BAD, GOOD, ledger_with_receivers, run_alerting
from tests.support.clocks import EPOCH as NOW
from tests.support.ledgers import ledger_of, product
from tests.support.messages import row
from tests.support.sinks import Sink

SIGNER = LinkSigner(b"k" * 32)
BASE = "https://status.example.org"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


def claim(link: str) -> Claim:
    prefix, _, token = link.rpartition("/")
    assert prefix == f"{BASE}/acknowledge"
    return SIGNER.claim(token, NOW)


def test_link_contains_alert_receiver_and_expiry() -> None:
    links = Links(ledger_of(product("forms"), public_url=BASE), SIGNER)
    link = links.of(row())
    assert link is not None
    assert claim(link) == Claim("4f0c1d2e3a4b", "ops", "forms", NOW + VALID_FOR)
    assert links.of(row()) == link


@pytest.mark.parametrize(
    ("fields", "signer", "event"),
    [
        ({}, SIGNER, Kind.OPENED),
        ({"public_url": BASE}, None, Kind.OPENED),
        ({"public_url": BASE}, SIGNER, Kind.TEST),
        ({"public_url": BASE}, SIGNER, Kind.HEARTBEAT),
    ],
)
def test_no_link_without_public_url_or_key_and_for_test_messages(
    fields: dict[str, str], signer: LinkSigner | None, event: Kind
) -> None:
    assert Links(ledger_of(product("forms"), **fields), signer).of(row(event)) is None


@pytest.mark.parametrize("event", [Kind.OPENED, Kind.ESCALATED, Kind.REMINDER])
def test_link_of_open_alert_offers_acknowledgement(event: Kind) -> None:
    message = Message.of(row(event), NOW, answer="https://a/acknowledge/x")
    assert message.fields["links"]["acknowledge"] == "https://a/acknowledge/x"
    assert "acknowledge: https://a/acknowledge/x" in message.text


@pytest.mark.parametrize("event", [Kind.RESOLVED, Kind.ACKNOWLEDGED])
def test_link_of_resolved_or_acknowledged_alert_offers_feedback_only(event: Kind) -> None:
    message = Message.of(row(event), NOW, answer="https://a/acknowledge/x")
    assert message.fields["links"]["acknowledge"] is None
    assert "feedback: https://a/acknowledge/x" in message.text


def test_group_message_contains_link_of_each_alert() -> None:
    other = Message.of(row(key="other"), NOW, answer="https://a/acknowledge/other")
    message = Message.of(row(), NOW, (other,), answer="https://a/acknowledge/x")
    assert [line.rpartition(" ")[2] for line in message.lines] == [
        "https://a/acknowledge/x", "https://a/acknowledge/other",
    ]  # fmt: skip


async def test_links_differ_per_receiver_and_are_not_recorded(sink: Sink) -> None:
    receivers = [{"id": name, "webhook": sink.url(f"/{name}")} for name in ("ops", "team")]
    ledger = ledger_with_receivers(product("forms", 1, "99%"), receivers=receivers, public_url=BASE)
    async with run_alerting(ledger, signer=SIGNER) as harness:
        harness.observe(GOOD, BAD, BAD)
        await harness.delivered()
        harness.clock.jump(MINUTE // SECOND)
        harness.observe(GOOD, GOOD)
        await harness.delivered()
        bodies = [row.body for row in harness.rows()]
    assert all(json.loads(body)["links"]["acknowledge"] is None for body in bodies)
    opened, resolved = sink.bodies("opened"), sink.bodies("resolved")
    assert {claim(body["links"]["acknowledge"]).receiver for body in opened} == {"ops", "team"}
    assert {claim(body["links"]["acknowledge"]).key for body in opened} == {opened[0]["key"]}
    assert [body["links"]["acknowledge"] for body in resolved] == [None, None]
