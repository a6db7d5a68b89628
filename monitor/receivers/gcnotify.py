"""The `gcnotify` receiver: an e-mail or a text message through GC Notify."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, model_validator

from monitor.config.addresses import HttpUrl
from monitor.config.alerting import TlsReceiver
from monitor.config.base import Model
from monitor.config.secret import Secret
from monitor.config.values import Token, problem_at
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.chat_text import truncate, without_mentions
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _template(value: str) -> str:
    if not _UUID.fullmatch(value):
        raise ValueError("is not a template id; copy it from GC Notify (a UUID)")
    return value


class GcNotifyBlock(Model):
    """Recipient, template and API key."""

    key: Secret
    """Reference to the API key: `{env: NAME}` or `{file: PATH}`."""

    template: Annotated[str, AfterValidator(_template)]
    """Id of a template with the fields `((subject))` and `((message))`; for text messages, only `((message))`."""

    email: Token | None = None
    """E-mail address of the recipient."""

    phone: Token | None = None
    """Phone number of the recipient of text messages."""

    @model_validator(mode="after")
    def _one_recipient(self) -> Self:
        if (self.email is None) == (self.phone is None):
            raise problem_at("email", "use either email or phone")
        return self


class GcNotifyReceiver(TlsReceiver):
    """Sends an e-mail or a text message through GC Notify."""

    kind: ClassVar[str] = "gcnotify"
    accepts_reports: ClassVar[bool] = True

    gcnotify: GcNotifyBlock
    """Recipient, template and API key: `{key: ..., template: ..., email: ...}`."""

    server: HttpUrl = "https://api.notification.canada.ca"
    """URL of the API."""

    @property
    def destination(self) -> str:
        """The destination of messages for display."""
        return str(self.gcnotify.email or self.gcnotify.phone)


def body_of(message: Message, block: GcNotifyBlock) -> dict[str, Any]:
    """Return the request. `reference` is the idempotency key, which identifies repeated messages."""
    common = {"template_id": block.template, "reference": message.idempotency_key}
    if block.phone is not None:
        text = truncate(f"{message.title}. {'. '.join(message.lines[:2])}", 600)
        return common | {"phone_number": block.phone, "personalisation": {"message": text}}
    text = "\n\n".join(without_mentions(line) for line in (message.title, *message.lines))
    links = [] if message.others else [f"{name}: {url}" for name, url in message.links.items()]
    personalisation = {"subject": truncate(message.title, 200), "message": "\n\n".join([text, *links])}
    return common | {"email_address": block.email, "personalisation": personalisation}


def prepare(receiver: GcNotifyReceiver) -> Deliver:
    """Return the function that sends a message. GC Notify responds with 201 when it has accepted the message."""
    block = receiver.gcnotify
    path = "email" if block.phone is None else "sms"
    url = f"{receiver.server.rstrip('/')}/v2/notifications/{path}"
    headers = {"Authorization": f"ApiKey-v1 {block.key.reveal()}"}

    async def deliver(attempt: Attempt, message: Message) -> None:
        await send_json(attempt, receiver, url, body_of(message, block), headers=headers)

    return deliver


KIND = ReceiverKind(
    GcNotifyReceiver,
    prepare,
    example="""\
id: text-message
gcnotify:
  key: {file: secrets/gc-notify-key}
  template: 8b3a8a6e-1c1f-4f6e-9a53-0d4f1b2c3d4e
  email: on-call@example.org
""",
    combines_messages=True,
)
