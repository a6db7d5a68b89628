"""The `ntfy` receiver: a push message through ntfy.sh or another ntfy server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import model_validator

from monitor.config.alerting import Address, TlsReceiver
from monitor.config.secret import Secret, plain
from monitor.config.values import problem_at
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.chat_text import truncate
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_PRIORITIES = {"page": 5, "ticket": 3, "note": 2}
_MAX_MESSAGE_BYTES = 4_000  # ntfy converts longer messages to attachments
_MAX_CHARACTERS = _MAX_MESSAGE_BYTES // 4  # a character has up to 4 bytes in UTF-8
_MAX_TITLE = 250


class NtfyReceiver(TlsReceiver):
    """Publishes a message to a topic of ntfy. A page has the highest priority, which overrides do-not-disturb."""

    kind: ClassVar[str] = "ntfy"
    accepts_reports: ClassVar[bool] = True

    ntfy: Address
    """URL of the topic: `https://ntfy.example.org/forms-alerts`. On a public server, anyone who knows the URL
    can read the messages."""

    token: Secret | None = None
    """An access token."""

    @model_validator(mode="after")
    def _has_topic(self) -> Self:
        topic = urlsplit(plain(self.ntfy)).path.strip("/")
        if not topic or "/" in topic:
            raise problem_at("ntfy", "has no topic; use https://ntfy.example.org/topic")
        return self


def body_of(message: Message, topic: str) -> dict[str, Any]:
    """Return the message in ntfy's JSON format."""
    text = "\n".join(message.lines) or message.title
    body: dict[str, Any] = {
        "topic": topic,
        "title": truncate(message.title, _MAX_TITLE),
        "message": truncate(text, _MAX_CHARACTERS),
        "priority": _PRIORITIES[message.fields["severity"]] if message.is_alarm else 3,
        "tags": [_tag(message)],
    }
    if "product" in message.links and not message.others:
        body["click"] = message.links["product"]
    return body


def _tag(message: Message) -> str:
    if message.is_alarm:
        return "rotating_light"
    return "eyes" if message.firing else "white_check_mark"


def prepare(receiver: NtfyReceiver) -> Deliver:
    """Return the function that publishes a message. JSON with the topic is posted to the server's root."""
    url = urlsplit(plain(receiver.ntfy))
    root, topic = f"{url.scheme}://{url.netloc}/", url.path.strip("/")
    headers = {} if receiver.token is None else {"Authorization": f"Bearer {receiver.token.reveal()}"}

    async def deliver(attempt: Attempt, message: Message) -> None:
        await send_json(attempt, receiver, root, body_of(message, topic), headers=headers)

    return deliver


KIND = ReceiverKind(
    NtfyReceiver,
    prepare,
    example="""\
id: phones
ntfy: https://ntfy.example.org/forms-alerts
token: {file: secrets/ntfy-token}
""",
    combines_messages=True,
)
