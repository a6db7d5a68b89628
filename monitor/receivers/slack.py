"""The `slack` receiver: an incoming webhook of Slack, or of a service that takes the same messages (Mattermost)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from monitor.config.alerting import Address, TlsReceiver
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.chat_text import cut, slack_text
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_HEADER, _SECTION = 150, 3_000  # characters that Slack takes


class SlackReceiver(TlsReceiver):
    """Sends a message to a Slack channel through an incoming webhook."""

    kind: ClassVar[str] = "slack"

    slack: Address
    """The webhook's URL, which is a secret: `{file: /run/secrets/slack}`."""


def body_of(message: Message) -> dict[str, Any]:
    """Return the message with its blocks; `text` is what a notification on a phone shows."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(message.title, _HEADER), "emoji": False}}
    ]
    if message.lines:
        lines = cut("\n".join(message.lines), _SECTION)
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": lines, "emoji": False}})
    if message.links and not message.others:
        links = " | ".join(f"<{url}|{name}>" for name, url in message.links.items())
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links}]})
    return {"text": slack_text(message.title), "blocks": blocks}


def prepare(receiver: SlackReceiver) -> Deliver:
    """Return what posts a message."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        await send_json(attempt, receiver, receiver.slack, body_of(message))

    return deliver


KIND = ReceiverKind(
    SlackReceiver,
    prepare,
    example="""\
id: channel
slack: {file: secrets/slack-webhook}
""",
    groups=True,
)
