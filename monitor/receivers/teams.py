"""The `teams` receiver: a card in a channel of Microsoft Teams, through a workflow that is started by a webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from monitor.config.alerting import Address, TlsReceiver
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.chat_text import cut, markdown_text
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_MOST = 40  # lines; a card is limited to 28 KB


class TeamsReceiver(TlsReceiver):
    """Sends an adaptive card to a Teams channel.

    The URL is that of a workflow made from the template "Post to a channel when a webhook request is received". The
    connectors of Office 365 that were used before are retired.
    """

    kind: ClassVar[str] = "teams"

    teams: Address
    """The workflow's URL, which is a secret: `{file: /run/secrets/teams}`."""


def body_of(message: Message) -> dict[str, Any]:
    """Return the message with its card. The colour repeats what the title says in words."""
    colour = {"page": "Attention", "ticket": "Warning"}.get(message.fields["severity"], "Default")
    title = {
        "type": "TextBlock",
        "text": markdown_text(cut(message.title, 500)),
        "weight": "Bolder",
        "size": "Large",
        "wrap": True,
        "color": colour if message.alarming else "Good",
    }
    lines = [{"type": "TextBlock", "text": markdown_text(cut(each, 500)), "wrap": True} for each in message.lines]
    links = {} if message.others else message.links
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *lines[:_MOST]],
        "actions": [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in links.items()],
        "msteams": {"width": "Full"},
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def prepare(receiver: TeamsReceiver) -> Deliver:
    """Return what posts a card."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        await send_json(attempt, receiver, receiver.teams, body_of(message))

    return deliver


KIND = ReceiverKind(
    TeamsReceiver,
    prepare,
    example="""\
id: team-channel
teams: {file: secrets/teams-workflow}
""",
    groups=True,
)
