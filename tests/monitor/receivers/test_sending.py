"""Deliveries over HTTP: the result for each response or failure, and the options of the webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from monitor.config.outbound import OutboundBlock
from monitor.notification import Kind
from sla.interval import SECOND
from tests.support.certificates import server_context
from tests.support.messages import FORMER, message, receiver, send, write_secret
from tests.support.servers import http_response, respond_with, send_nothing, serve_tcp
from tests.support.sinks import Reply, Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink().serving() as running_server:
        yield running_server


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_success_status_is_a_delivery(sink: Sink, status: int) -> None:
    sink.reply = Reply(status, body=b"")
    assert not (await send(receiver(webhook=sink.url()), message())).error


@pytest.mark.parametrize(
    ("reply", "wait", "rejected"),
    [
        (Reply(500), None, False),
        (Reply(503, {"Retry-After": "120"}), 120 * SECOND, False),
        (Reply(429, {"Retry-After": "7"}), 7 * SECOND, False),
        (Reply(429), None, False),
        (Reply(404), None, False),
        (Reply(401), None, False),
        (Reply(302, {"Location": "/elsewhere"}), None, False),
        (Reply(400), None, True),
        (Reply(422), None, True),
    ],
)
async def test_other_status_is_no_delivery(sink: Sink, reply: Reply, wait: int | None, rejected: bool) -> None:
    sink.reply = reply
    outcome = await send(receiver(webhook=sink.url()), message())
    assert outcome.error.startswith(f"status {reply.status}")
    assert (outcome.wait, outcome.refused) == (wait, rejected)
    assert len(sink.received) == 1, "a redirect was followed"


async def test_missing_response_is_no_delivery() -> None:
    """The cases are a silent address, a server that accepts and closes, a closed port, and an untrusted certificate."""
    async with serve_tcp(send_nothing) as silent_port:
        ops = receiver(webhook=f"http://127.0.0.1:{silent_port}/", timeout="1s")
        assert (await send(ops, message())).error == "no confirmation within 1 s"
    async with serve_tcp(respond_with(b"")) as closing_port:
        outcome = await send(receiver(webhook=f"http://127.0.0.1:{closing_port}/"), message())
        assert outcome.error
        assert not outcome.refused
    assert (await send(receiver(webhook=f"http://127.0.0.1:{silent_port}/"), message())).error.startswith(
        "connect_refused"
    )
    context = server_context(trustme.CA().issue_cert("127.0.0.1"))
    async with serve_tcp(respond_with(http_response()), context) as untrusted_port:
        outcome = await send(receiver(webhook=f"https://127.0.0.1:{untrusted_port}/"), message())
    assert outcome.error.startswith("tls_untrusted")


@pytest.mark.fault(48)
async def test_outbound_policy_applies_to_receivers(sink: Sink) -> None:
    closed = OutboundBlock.model_validate({"deny": ["127.0.0.0/8"]})
    outcome = await send(receiver(webhook=sink.url()), message(), closed)
    assert outcome.error.startswith("address_denied")
    assert sink.received == []
    metadata = await send(receiver(webhook="http://169.254.169.254/latest/meta-data"), message())
    assert metadata.error.startswith("address_denied")


async def test_error_shows_no_secret(sink: Sink, tmp_path: Path) -> None:
    """The service returns the received credentials."""
    sink.reply = Reply(403, body=b"no: Bearer hush-hush-hush")
    headers = {"Authorization": write_secret(tmp_path, "token", "hush-hush-hush")}
    outcome = await send(receiver(webhook=sink.url(), headers=headers), message())
    assert sink.received[0].headers["authorization"] == "hush-hush-hush"
    assert outcome.error.startswith("status 403")
    assert "hush-hush-hush" not in outcome.error


async def test_template_replaces_fields_and_keeps_the_type_of_a_single_field(sink: Sink) -> None:
    template = {
        "text": "{product.name} {event}: {incident.reason}",
        "seconds": "{downtime_seconds.point}",
        "checks": "{checks}",
        "list": ["{checks}", "for {checks}", 3, None],
        "nothing": "{incident.resolved}",
    }
    await send(receiver(webhook=sink.url(), template=template, method="PUT"), message())
    assert sink.received[0].method == "PUT"
    assert sink.received[0].json() == {
        "text": "Common Forms opened: http_status",
        "seconds": 400.0,
        "checks": ["health", "login"],
        "list": [["health", "login"], "for health, login", 3, None],
        "nothing": None,
    }


async def test_template_without_an_incident_has_nulls(sink: Sink) -> None:
    template: dict[str, Any] = {"opened": "{incident.opened}", "text": "at {incident.opened}"}
    await send(receiver(webhook=sink.url(), template=template), message(incident=None))
    assert sink.received[0].json() == {"opened": None, "text": "at "}


@pytest.mark.parametrize("text", ["{product.owner}", "{}", "{__class__}"])
def test_template_with_an_unknown_field_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="there is no field"):
        receiver(webhook="https://ops.example.org/", template={"a": ["x", text]})


@pytest.mark.parametrize(("content", "key"), [("plain key", b"plain key"), ("whsec_c2VjcmV0", b"secret")])
async def test_signature_covers_key_time_and_body(sink: Sink, tmp_path: Path, content: str, key: bytes) -> None:
    await send(receiver(webhook=sink.url(), sign=write_secret(tmp_path, "key", content)), message(Kind.RESOLVED))
    request = sink.received[0]
    name, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert name == request.headers["idempotency-key"] == "4f0c1d2e3a4bresolved"
    expected = hmac.new(key, f"{name}.{at}.".encode() + request.body, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"


async def test_alert_is_sent_to_every_alertmanager_peer_and_one_success_is_enough(sink: Sink) -> None:
    with Sink().serving() as other:
        ops = receiver(alertmanager=[sink.url(""), other.url("")])
        assert not (await send(ops, message())).error
        assert sink.received[0].json() == other.received[0].json()
        other.reply = Reply(500)
        assert not (await send(ops, message())).error
        sink.reply = Reply(400)
        outcome = await send(ops, message())
    assert outcome.error.startswith("status 500")
    assert not outcome.refused


async def test_escalation_resolves_the_alert_of_the_former_severity(sink: Sink) -> None:
    await send(receiver(alertmanager=sink.url("")), message(Kind.ESCALATED, extra=FORMER))
    page, ticket = sink.received[0].json()
    assert (page["labels"]["severity"], ticket["labels"]["severity"]) == ("page", "ticket")
    assert page["endsAt"] > ticket["endsAt"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library's own imports
async def test_apprise_sends_to_a_supported_service(sink: Sink, tmp_path: Path) -> None:
    url = write_secret(tmp_path, "url", f"json://127.0.0.1:{sink.port}/any")
    assert not (await send(receiver(apprise=url), message())).error
    body = sink.received[0].json()
    assert body["title"] == "[PAGE] Common Forms is down"
    assert "Checks: health, login" in body["message"]
    sink.reply = Reply(500)
    assert "rejected the message" in (await send(receiver(apprise=url), message())).error


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_apprise_rejects_an_invalid_url(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a URL that Apprise supports"):
        receiver(apprise=write_secret(tmp_path, "url", "nonsense"))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"ntfy": "https://ntfy.example.org/"}, "has no topic"),
        ({"webhook": "ftp://ops.example.org/"}, "must be an http or https URL"),
        ({"webhook": "https://user:pass@ops.example.org/"}, "must be an http or https URL"),
        ({"slack": 3}, "not a URL"),
        ({"email": {"to": "nobody", "from": "a@b.example", "server": "smtp.example"}}, "not an e-mail address"),
        ({"gcnotify": {"key": {"env": "PATH"}, "template": "x", "email": "a@b.example"}}, "not a template id"),
    ],
)
def test_invalid_receiver_is_rejected(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        receiver(**fields)
