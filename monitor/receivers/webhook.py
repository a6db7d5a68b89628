"""The `webhook` receiver: an HTTP request with a JSON body, for any program."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from monitor.config.addresses import Headers
from monitor.config.alerting import Address, TlsReceiver
from monitor.config.secret import Secret
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.sending import as_json, send
from sla.interval import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

FIELDS = (
    *("version", "event", "key", "severity", "checks", "summary", "text", "product.id", "product.name"),
    *("incident.id", "incident.opened", "incident.resolved", "incident.reason", "incident.detail"),
    *("downtime_seconds.low", "downtime_seconds.point", "downtime_seconds.high"),
    *("budget.allowed_seconds", "budget.remaining_seconds"),
    *("links.product", "links.incident", "links.runbook", "links.acknowledge"),
    *("priority", "acknowledge_by", "acknowledged.at", "acknowledged.by", "acknowledged.via"),
    *("escalation.id", "escalation.step", "escalation.steps", "escalation.person"),
)
_FIELD = re.compile(r"\{([^{}]*)\}")


def _template(value: Any) -> Any:
    """Reject unknown names of fields."""
    for text in _texts(value):
        for name in _FIELD.findall(text):
            if name not in FIELDS:
                raise ValueError(f"there is no field {{{name}}}; use one of {', '.join(FIELDS)}")
    return value


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


class WebhookReceiver(TlsReceiver):
    """Sends the alert as JSON to a URL.

    `Idempotency-Key` is the same for every attempt to deliver one event, so that a receiver that stores the keys can
    ignore repeated events.
    """

    kind: ClassVar[str] = "webhook"
    accepts_reports: ClassVar[bool] = True
    heartbeats: ClassVar[bool] = True

    webhook: Address
    """URL of the receiver: `https://ops.example.org/hook`."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """Method of the request."""

    headers: Headers = Field(default_factory=dict)
    """Headers of the request: `{Authorization: {env: HOOK_TOKEN}}`."""

    template: Annotated[Any, AfterValidator(_template), WithJsonSchema({"type": "object"})] = None
    """JSON body instead of the standard body. Fields such as `{product.name}` are replaced by their values."""

    sign: Secret | None = None
    """Secret for the signature of each request (HMAC-SHA256), as in the Standard Webhooks specification."""


def prepare(receiver: WebhookReceiver) -> Deliver:
    """Return the function that sends a message to the URL."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        body = as_json(message.fields if receiver.template is None else fill_template(receiver.template, message))
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.idempotency_key, **receiver.headers}
        if receiver.sign is not None:
            headers |= signature(receiver.sign, message.idempotency_key, attempt.now() // SECOND, body)
        await send(attempt, receiver, receiver.webhook, body, headers=headers, method=receiver.method)

    return deliver


def fill_template(template: Any, message: Message) -> Any:
    """Return the template with its fields replaced. A text that consists of one field keeps the field's type."""
    if isinstance(template, dict):
        return {key: fill_template(inner, message) for key, inner in template.items()}
    if isinstance(template, list | tuple):
        return [fill_template(inner, message) for inner in template]
    if not isinstance(template, str):
        return template
    if (field := _FIELD.fullmatch(template)) is not None:
        return _value(field[1], message)
    return _FIELD.sub(lambda match: _text(_value(match[1], message)), template)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _value(name: str, message: Message) -> Any:
    if name in ("summary", "text"):
        return message.short if name == "summary" else message.text
    value: Any = message.fields
    for part in name.split("."):
        value = None if value is None else value.get(part)
    return value


def signature(key: Secret, identity: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Return the headers with signature and timestamp of the body (Standard Webhooks 1.0, symmetric)."""
    signed = f"{identity}.{timestamp}.".encode() + body
    digest = hmac.new(_signing_key(key.reveal()), signed, hashlib.sha256).digest()
    return {
        "Webhook-Id": identity,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _signing_key(secret: str) -> bytes:
    """Return the key. A secret with the prefix `whsec_` is base64; any other secret is used unchanged."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            pass
    return secret.encode()


KIND = ReceiverKind(
    WebhookReceiver,
    prepare,
    example="""\
id: ops
webhook: https://ops.example.org/hook
headers: {X-Team: forms}
template: {text: "{summary}", since: "{incident.opened}"}
""",
)
