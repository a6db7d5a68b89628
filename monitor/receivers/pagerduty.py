"""The `pagerduty` receiver: Events API v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from monitor.config.addresses import HttpUrl
from monitor.config.alerting import TlsReceiver
from monitor.config.secret import Secret
from monitor.notification import Kind
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.callback import (
    ACKNOWLEDGE,
    Callback,
    CallbackRequest,
    parse_object,
    person_name,
    sign,
    value_at,
    verify,
)
from monitor.receivers.chat_text import truncate
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_SEVERITIES = {"page": "critical", "ticket": "warning", "note": "info"}
_ACTIONS = {Kind.RESOLVED: "resolve", Kind.ACKNOWLEDGED: "acknowledge"}


class PagerDutyReceiver(TlsReceiver):
    """Triggers and resolves incidents of a PagerDuty service. The alert's key is the `dedup_key`."""

    kind: ClassVar[str] = "pagerduty"

    pagerduty: Secret
    """Reference to the integration key (routing key) of the service: `{env: NAME}` or `{file: PATH}`."""

    webhook_secret: Secret | None = None
    """Secret of a webhook subscription (v3) that sends `incident.acknowledged` to `/callbacks/ID` of `public_url`."""

    server: HttpUrl = "https://events.pagerduty.com"
    """URL of the events API. In the EU: `https://events.eu.pagerduty.com`."""


def body_of(message: Message, routing_key: str) -> dict[str, Any]:
    """Return the event. A page is `critical`, a ticket `warning`."""
    fields, product = message.fields, message.fields["product"]
    incident = fields["incident"]
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": _ACTIONS.get(message.event, "trigger"),
        "dedup_key": message.key,
        "client": "ninewatch",
        "payload": {
            "summary": truncate(message.short, 1_024),
            "source": "ninewatch" if product is None else product["id"],
            "severity": _SEVERITIES[fields["severity"]],
            "class": fields["event"],
            "custom_details": {"text": message.lines, **{key: fields[key] for key in ("checks", "downtime_seconds")}},
        },
        "links": [{"href": url, "text": name} for name, url in message.links.items()],
    }
    if incident is not None:
        event["payload"]["timestamp"] = incident["opened"]
    if product is not None:
        event["payload"]["component"] = product["name"]
    if message.extra.get("team"):
        event["payload"]["group"] = message.extra["team"]
    if "product" in message.links:
        event["client_url"] = message.links["product"]
    return event


def prepare(receiver: PagerDutyReceiver) -> Deliver:
    """Return the function that sends an event."""
    url = receiver.server.rstrip("/") + "/v2/enqueue"

    async def deliver(attempt: Attempt, message: Message) -> None:
        await send_json(attempt, receiver, url, body_of(message, receiver.pagerduty.reveal()))

    return deliver


def read_callback(receiver: PagerDutyReceiver, request: CallbackRequest) -> Callback:
    """Return the acknowledgement of an alert by a person in PagerDuty.

    Acknowledgements through the events API are ignored.
    """
    expected = f"v1={sign(receiver.webhook_secret, request.body).hex()}"
    signatures = [signature.strip() for signature in request.headers.get("x-pagerduty-signature", "").split(",")]
    verify(signatures, expected)  # PagerDuty sends several signatures while a secret is rotated
    event = value_at(parse_object(request.body), "event")
    key, agent = value_at(event, "data", "incident_key"), value_at(event, "agent")
    by_person = str(value_at(agent, "type") or "").startswith("user")
    if value_at(event, "event_type") != "incident.acknowledged" or not by_person or not isinstance(key, str):
        return Callback()
    return Callback(ACKNOWLEDGE, key, person_name(value_at(agent, "summary")))


KIND = ReceiverKind(
    PagerDutyReceiver,
    prepare,
    example="""\
id: pager
pagerduty: {file: secrets/pagerduty-key}
webhook_secret: {file: secrets/pagerduty-webhook}   # acknowledgements in PagerDuty
""",
    callback=read_callback,
)
