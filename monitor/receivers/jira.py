"""The `jira` receiver: alerts of Jira Service Management, the successor of Opsgenie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from monitor.config.addresses import HttpUrl
from monitor.config.alerting import TlsReceiver
from monitor.config.secret import Secret
from monitor.notification import Kind
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.chat_text import truncate
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_PRIORITIES = {"page": "P1", "ticket": "P3", "note": "P5"}
_ACTIONS = {Kind.RESOLVED: "close", Kind.ACKNOWLEDGED: "acknowledge"}


class JiraReceiver(TlsReceiver):
    """Creates and closes alerts of Jira Service Management. The alert's key is the `alias`.

    For an Opsgenie account, use `server: https://api.opsgenie.com/v2` (until April 2027).
    """

    kind: ClassVar[str] = "jira"

    jira: Secret
    """Reference to the key of an API integration: `{env: NAME}` or `{file: PATH}`."""

    server: HttpUrl = "https://api.atlassian.com/jsm/ops/integration/v2"
    """Base URL of the integration API."""


def request_of(message: Message) -> tuple[str, dict[str, Any]]:
    """Return the path below the base URL, and the body."""
    description = truncate("\n".join(message.text.splitlines()), 15_000)
    action = _ACTIONS.get(message.event)
    if action is not None:
        path = f"/alerts/{quote(message.key, safe='')}/{action}?identifierType=alias"
        return path, {"source": "ninewatch", "note": truncate(description, 25_000)}
    fields, product = message.fields, message.fields["product"]
    return "/alerts", {
        "message": truncate(message.short, 130),
        "alias": message.key,
        "description": description,
        "priority": fields.get("priority") or _PRIORITIES[fields["severity"]],
        "source": "ninewatch",
        "entity": "ninewatch" if product is None else product["id"],
        "tags": [f"severity:{fields['severity']}", *(f"check:{name}" for name in fields["checks"][:10])],
    }


def prepare(receiver: JiraReceiver) -> Deliver:
    """Return the function that creates, acknowledges or closes an alert."""
    headers = {"Authorization": f"GenieKey {receiver.jira.reveal()}"}

    async def deliver(attempt: Attempt, message: Message) -> None:
        path, body = request_of(message)
        await send_json(attempt, receiver, receiver.server.rstrip("/") + path, body, headers=headers)

    return deliver


KIND = ReceiverKind(
    JiraReceiver,
    prepare,
    example="""\
id: on-call
jira: {file: secrets/jira-key}
""",
)
