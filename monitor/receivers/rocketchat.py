"""The `rocketchat` receiver: an incoming webhook of Rocket.Chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from monitor.config.alerting import Address, TlsReceiver
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.chat_text import truncate, without_mentions
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_MAX_LENGTH = 5_000  # characters of a message, by Rocket.Chat's default configuration


class RocketChatReceiver(TlsReceiver):
    """Sends a message to a Rocket.Chat channel through an incoming webhook."""

    kind: ClassVar[str] = "rocketchat"
    accepts_reports: ClassVar[bool] = True

    rocketchat: Address
    """URL of the webhook, which is a secret: `{file: /run/secrets/rocketchat}`."""


def body_of(message: Message) -> dict[str, Any]:
    """Return the message. The links are at the end, and Rocket.Chat detects them."""
    text = truncate("\n".join([message.title, *message.lines]), _MAX_LENGTH - 1_000)
    links = [] if message.others else [f"{name}: {url}" for name, url in message.links.items()]
    return {"alias": "ninewatch", "text": "\n".join([without_mentions(text), *links])}


def prepare(receiver: RocketChatReceiver) -> Deliver:
    """Return the function that posts a message."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        await send_json(attempt, receiver, receiver.rocketchat, body_of(message))

    return deliver


KIND = ReceiverKind(
    RocketChatReceiver,
    prepare,
    example="""\
id: chat
rocketchat: {file: secrets/rocketchat-webhook}
""",
    combines_messages=True,
)
