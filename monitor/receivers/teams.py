"""The `teams` receiver: a card in a channel of Microsoft Teams, through a workflow with a webhook."""

from __future__ import annotations

import base64
import html
import re
from typing import TYPE_CHECKING, Any, ClassVar

from monitor.config.alerting import Address, TlsReceiver
from monitor.config.secret import Secret
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.callback import (
    ACKNOWLEDGE,
    ACTIONS,
    Callback,
    CallbackRequest,
    parse_object,
    person_name,
    sign_base64,
    value_at,
    verify,
)
from monitor.receivers.chat_text import markdown_text, truncate
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_MAX_LINES = 40  # lines; a card is limited to 28 KB
_MAX_LENGTH = 2_000  # characters of a message in the channel that are read
_MENTION, _TAG = re.compile(r"<at>.*?</at>", re.DOTALL), re.compile(r"<[^>]*>")
_WORDS = {"ack": ACKNOWLEDGE, **{action: action for action in ACTIONS}}
_NO_KEY = "?"  # the key of no alert, so that the response lists the open alerts


class TeamsReceiver(TlsReceiver):
    """Sends an adaptive card to a Teams channel.

    The URL is that of a workflow from the template "Post to a channel when a webhook request is received". The earlier
    connectors of Office 365 are retired.
    """

    kind: ClassVar[str] = "teams"
    accepts_reports: ClassVar[bool] = True

    teams: Address
    """URL of the workflow, which is a secret: `{file: /run/secrets/teams}`."""

    security_token: Secret | None = None
    """Security token of an outgoing webhook of the team whose URL is `/callbacks/ID` of `public_url`.

    People can then reply in the channel: `@NAME acknowledge KEY`, `useful KEY`, `noise KEY`.
    """


def body_of(message: Message, *, show_key: bool = False) -> dict[str, Any]:
    """Return the message with its card. The colour shows the severity, which is also in the title.

    `show_key`: show the key for replies.
    """
    colour = {"page": "Attention", "ticket": "Warning"}.get(message.fields["severity"], "Default")
    title = {
        "type": "TextBlock",
        "text": markdown_text(truncate(message.title, 500)),
        "weight": "Bolder",
        "size": "Large",
        "wrap": True,
        "color": colour if message.is_alarm else "Accent" if message.firing else "Good",
    }
    key = [f"Key: {message.key}"] if show_key and message.firing and not message.others else []
    texts = (markdown_text(truncate(line, 500)) for line in (*message.lines, *key))
    lines = [{"type": "TextBlock", "text": text, "wrap": True} for text in texts]
    links = {} if message.others else message.links
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *lines[:_MAX_LINES]],
        "actions": [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in links.items()],
        "msteams": {"width": "Full"},
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def read_callback(receiver: TeamsReceiver, request: CallbackRequest) -> Callback:
    """Return the action in a person's message to the outgoing webhook. Unknown words have an action without key."""
    expected = f"HMAC {base64.b64encode(sign_base64(receiver.security_token, request.body)).decode()}"
    verify([request.headers.get("authorization", "")], expected)
    message = parse_object(request.body)
    action, key = _parse_reply(str(value_at(message, "text") or "")[:_MAX_LENGTH])
    return Callback(action, key, person_name(value_at(message, "from", "name")), replies=True)


def _parse_reply(text: str) -> tuple[str, str]:
    """Return the action and the key in a message. An empty key refers to the only open alert."""
    words = html.unescape(_TAG.sub(" ", _MENTION.sub(" ", text))).split()
    if not words or words[0].lower() not in _WORDS:
        return ACKNOWLEDGE, _NO_KEY
    return _WORDS[words[0].lower()], words[1] if len(words) > 1 else ""


def prepare(receiver: TeamsReceiver) -> Deliver:
    """Return the function that posts a card."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        body = body_of(message, show_key=receiver.security_token is not None)
        await send_json(attempt, receiver, receiver.teams, body)

    return deliver


KIND = ReceiverKind(
    TeamsReceiver,
    prepare,
    example="""\
id: team-channel
teams: {file: secrets/teams-workflow}
security_token: {file: secrets/teams-outgoing}   # replies in the channel
""",
    callback=read_callback,
    combines_messages=True,
)
