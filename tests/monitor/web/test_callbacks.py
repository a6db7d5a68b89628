"""Callbacks of PagerDuty, Slack and Teams acknowledge and mark with a valid signature, and are rejected without one."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from sla.acknowledgement import Acknowledgement, acknowledgements
from sla.interval import SECOND
from sla.page_rating import Rating, page_ratings
from tests.support.alerting import ledger_with_receivers
from tests.support.ledgers import product
from tests.support.messages import write_secret
from tests.support.writable_server import Answer, WritableServer, open_alert, writable

TOKEN = base64.b64encode(b"a token of thirty-two bytes long").decode()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[WritableServer]:
    url = "http://127.0.0.1:9/"
    receivers: list[dict[str, Any]] = [
        {
            "id": "pager",
            "pagerduty": write_secret(tmp_path, "p", "key"),
            "webhook_secret": write_secret(tmp_path, "w", "pd secret"),
        },
        {"id": "chat", "slack": url, "signing_secret": write_secret(tmp_path, "s", "slack secret")},
        {"id": "team", "teams": url, "security_token": write_secret(tmp_path, "t", TOKEN)},
        {"id": "plain", "slack": url},
        {"id": "hook", "webhook": url},
    ]
    routes = [{"to": ["pager", "chat", "team", "plain", "hook"], "products": ["forms"]}]
    ledger = ledger_with_receivers(
        product("forms", 1, "99%"), product("sso", 1, "99%"), receivers=receivers, routes=routes
    )
    async with writable(ledger, tmp_path) as served:
        yield served


def recorded_acknowledgements(server: WritableServer) -> list[Acknowledgement]:
    return acknowledgements(server.journal)


async def pagerduty(server: WritableServer, event: Any, key: str = "pd secret", to: str = "pager") -> Answer:
    body = json.dumps({"event": event}).encode()
    mac = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return await server.ask("POST", f"/callbacks/{to}", data=body, headers={"X-PagerDuty-Signature": f"v1=00,v1={mac}"})


def acknowledgement_event(key: str, **change: Any) -> dict[str, Any]:
    """Return the event that PagerDuty documents for an incident that a user acknowledged (webhooks v3)."""
    return {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": "incident.acknowledged",
        "resource_type": "incident",
        "occurred_at": "2026-10-02T18:45:22.169Z",
        "agent": {"html_url": "https://acme.pagerduty.example/users/PLH1HKV", "id": "PLH1HKV",
                  "summary": "Tenex Engineer", "type": "user_reference"},
        "client": None,
        "data": {"id": "PGR0VU2", "type": "incident", "number": 2, "status": "acknowledged", "incident_key": key,
                 "title": "A little bump in the road"},
        **change,
    }  # fmt: skip


async def slack(
    server: WritableServer, payload: Any, key: str = "slack secret", age: int = 0, to: str = "chat"
) -> Answer:
    stamp = str(server.clock.now() // SECOND - age)
    body = urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)}).encode()
    mac = hmac.new(key.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}",
               "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
    return await server.ask("POST", f"/callbacks/{to}", data=body, headers=headers)


def button_press(action: str, key: str) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ana.ng", "name": "ana.ng"},
        "actions": [{"type": "button", "action_id": action, "block_id": "x", "value": key}],
    }


async def teams(server: WritableServer, text: str, key: str = TOKEN, to: str = "team") -> Answer:
    body = json.dumps({"type": "message", "text": text, "from": {"id": "29:1", "name": "Ana Ng"}}).encode()
    mac = base64.b64encode(hmac.new(base64.b64decode(key), body, hashlib.sha256).digest()).decode()
    headers = {"Authorization": f"HMAC {mac}", "Content-Type": "application/json"}
    return await server.ask("POST", f"/callbacks/{to}", data=body, headers=headers)


async def test_acknowledgement_in_pagerduty_is_recorded(server: WritableServer) -> None:
    key = await open_alert(server)
    assert (await pagerduty(server, acknowledgement_event(key))).status == 200
    assert recorded_acknowledgements(server) == [
        Acknowledgement(server.clock.now(), key, "Tenex Engineer", "pagerduty", "forms", key, "pager")
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"event_type": "pagey.ping"},
        {"event_type": "incident.resolved"},
        {"agent": {"type": "inbound_integration_reference", "summary": "Events API"}},
        {"agent": None},
        {"data": None},
        {"data": {"incident_key": 7}},
    ],
)
async def test_other_events_of_pagerduty_are_accepted_without_a_change(
    server: WritableServer, change: dict[str, Any]
) -> None:
    key = await open_alert(server)
    assert (
        (await pagerduty(server, acknowledgement_event(key, **change))).status,
        recorded_acknowledgements(server),
    ) == (
        200,
        [],
    )


async def test_button_in_slack_acknowledges_or_marks(server: WritableServer) -> None:
    key = await open_alert(server)
    for action in ("acknowledge", "noise"):
        response = await slack(server, button_press(action, key))
        assert (response.status, response.text) == (200, "")
    assert recorded_acknowledgements(server) == [
        Acknowledgement(server.clock.now(), key, "ana.ng", "slack", "forms", key, "chat")
    ]
    (mark,) = page_ratings(server.journal)
    assert (mark.key, mark.rating, mark.by, mark.receiver) == (key, Rating.NOISE, "ana.ng", "chat")


@pytest.mark.parametrize("age", [301, -301, 86_400])
async def test_slack_request_is_valid_for_five_minutes(server: WritableServer, age: int) -> None:
    key = await open_alert(server)
    assert (await slack(server, button_press("acknowledge", key), age=age)).status == 403
    assert recorded_acknowledgements(server) == []
    assert (await slack(server, button_press("acknowledge", key), age=300)).status == 200


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "shortcut"},
        button_press("delete", "k"),
        button_press("acknowledge", ""),
        {"type": "block_actions", "actions": {}},
    ],
)
async def test_other_interactions_of_slack_change_nothing(server: WritableServer, payload: dict[str, Any]) -> None:
    await open_alert(server)
    assert ((await slack(server, payload)).status, server.journal) == (200, [])


@pytest.mark.parametrize("text", ["<at>ninewatch</at> acknowledge {}", "<at>n w</at>&nbsp;ack {}\n", "<p>ACK {}</p>"])
async def test_word_in_teams_acknowledges_and_gets_a_reply(server: WritableServer, text: str) -> None:
    key = await open_alert(server)
    response = await teams(server, text.format(key))
    assert (response.status, response.body) == (200, {"type": "message", "text": f"Acknowledged: {key}"})
    assert recorded_acknowledgements(server) == [
        Acknowledgement(server.clock.now(), key, "Ana Ng", "teams", "forms", key, "team")
    ]


async def test_word_in_teams_needs_no_key_if_one_alert_is_open(server: WritableServer) -> None:
    assert (await teams(server, "ack")).body["text"] == "0 alerts are open; none is open"
    key = await open_alert(server)
    assert (await teams(server, "useful")).body["text"] == f"Marked as useful: {key}"
    assert (await teams(server, "ack")).body["text"] == f"Acknowledged: {key}"


@pytest.mark.parametrize("text", ["", "help", "please ack", "ack nothing"])
async def test_reply_in_teams_lists_the_open_alerts(server: WritableServer, text: str) -> None:
    key = await open_alert(server)
    response = await teams(server, text)
    assert (response.status, recorded_acknowledgements(server)) == (200, [])
    assert response.body["text"].endswith(f"open: {key}")


async def test_receiver_cannot_acknowledge_an_alert_that_it_was_not_notified_of(server: WritableServer) -> None:
    await open_alert(server)
    other = await open_alert(server, "sso/health")
    assert (await pagerduty(server, acknowledgement_event(other))).status == 404
    assert (await slack(server, button_press("acknowledge", other))).status == 404
    assert (await teams(server, f"ack {other}")).body["text"].startswith("no open alert of this receiver has the key")
    assert server.journal == []


@pytest.mark.parametrize("key", ["", "other", "pd secre"])
async def test_callback_with_a_wrong_signature_is_rejected(server: WritableServer, key: str) -> None:
    alert = await open_alert(server)
    wrong = base64.b64encode(key.encode() or b"x").decode()
    responses = [
        await pagerduty(server, acknowledgement_event(alert), key or "x"),
        await slack(server, button_press("acknowledge", alert), key or "x"),
        await teams(server, f"ack {alert}", wrong),
    ]
    assert [response.status for response in responses] == [403] * 3
    assert len({response.text for response in responses}) == 1
    assert server.journal == []


@pytest.mark.parametrize("to", ["none", "plain", "hook", "team", "pager", "..%2fapi"])
async def test_signature_of_another_receiver_is_rejected(server: WritableServer, to: str) -> None:
    key = await open_alert(server)
    assert (await slack(server, button_press("acknowledge", key), to=to)).status == 403
    assert server.journal == []


@pytest.mark.parametrize("receiver", ["pager", "chat", "team", "plain", "hook", "none"])
async def test_callback_without_a_signature_gets_the_same_response_from_all_receivers(
    server: WritableServer, receiver: str
) -> None:
    response = await server.ask("POST", f"/callbacks/{receiver}", data=b"{}")
    assert (response.status, response.text.partition(";")[0]) == (403, "unknown receiver or wrong signature")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 60_000])
async def test_signed_malformed_body_is_rejected(server: WritableServer, body: bytes) -> None:
    mac = hmac.new(b"pd secret", body, hashlib.sha256).hexdigest()
    response = await server.ask("POST", "/callbacks/pager", data=body, headers={"X-PagerDuty-Signature": f"v1={mac}"})
    assert (response.status, server.journal) == (403, [])


@pytest.mark.parametrize("header", ["X-Slack-Signature", "X-Slack-Request-Timestamp", "Authorization"])
@pytest.mark.parametrize("receiver", ["pager", "chat", "team"])
async def test_header_with_invalid_bytes_is_rejected(server: WritableServer, receiver: str, header: str) -> None:
    url = urlsplit(server.base)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = f"POST /callbacks/{receiver} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n{header}: ".encode()
    writer.write(head + b"\xff\xfe\r\n\r\n{}")
    assert (await asyncio.wait_for(reader.readline(), 30)).startswith((b"HTTP/1.1 403", b"HTTP/1.0 400"))
    writer.close()


async def test_wrong_signatures_are_rate_limited(server: WritableServer) -> None:
    key = await open_alert(server)
    statuses = [(await server.ask("POST", "/callbacks/chat", data=b"x")).status for _ in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    assert (await slack(server, button_press("acknowledge", key))).status == 200


async def test_name_from_a_service_is_truncated_and_cleaned(server: WritableServer) -> None:
    key = await open_alert(server)
    agent = {"type": "user_reference", "summary": "a\n\u202eb" + "x" * 500}
    assert (await pagerduty(server, acknowledgement_event(key, agent=agent))).status == 200
    (acknowledgement,) = recorded_acknowledgements(server)
    assert (acknowledgement.by[:4], len(acknowledgement.by)) == ("a bx", 100)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
async def test_callback_accepts_only_post(server: WritableServer, method: str) -> None:
    assert (await server.ask(method, "/callbacks/chat")).status == 405
