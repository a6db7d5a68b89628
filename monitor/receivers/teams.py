"""The `teams` receiver: a card in a channel of Microsoft Teams, through a workflow that is started by a webhook."""

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
    at,
    parsed,
    person,
    signed_base64,
    verify,
)
from monitor.receivers.chat_text import cut, markdown_text
from monitor.receivers.sending import send_json

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_MOST = 40  # lines; a card is limited to 28 KB
_LONGEST = 2_000  # characters of a message in the channel that are read
_MENTION, _TAG = re.compile(r"<at>.*?</at>", re.DOTALL), re.compile(r"<[^>]*>")
_WORDS = {"ack": ACKNOWLEDGE, **{each: each for each in ACTIONS}}
_NO_KEY = "?"  # no alert has it: the answer lists those that are open


class TeamsReceiver(TlsReceiver):
    """Sends an adaptive card to a Teams channel.

    The URL is that of a workflow made from the template "Post to a channel when a webhook request is received". The
    connectors of Office 365 that were used before are retired.
    """

    kind: ClassVar[str] = "teams"

    teams: Address
    """The workflow's URL, which is a secret: `{file: /run/secrets/teams}`."""

    security_token: Secret | None = None
    """Security token of an outgoing webhook of the team whose URL is `/callbacks/ID` of `public_url`.

    People then answer in the channel: `@NAME acknowledge KEY`, `useful KEY`, `noise KEY`.
    """


def body_of(message: Message, *, answers: bool = False) -> dict[str, Any]:
    """Return the message with its card. The colour repeats what the title says in words.

    With `answers` it shows the key that people answer with.
    """
    colour = {"page": "Attention", "ticket": "Warning"}.get(message.fields["severity"], "Default")
    title = {
        "type": "TextBlock",
        "text": markdown_text(cut(message.title, 500)),
        "weight": "Bolder",
        "size": "Large",
        "wrap": True,
        "color": colour if message.alarming else "Accent" if message.firing else "Good",
    }
    key = [f"Key: {message.key}"] if answers and message.firing and not message.others else []
    texts = (markdown_text(cut(each, 500)) for each in (*message.lines, *key))
    lines = [{"type": "TextBlock", "text": each, "wrap": True} for each in texts]
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


def read_callback(receiver: TeamsReceiver, request: CallbackRequest) -> Callback:
    """Return what a person wrote to the outgoing webhook. A message without a known word is answered with help."""
    expected = f"HMAC {base64.b64encode(signed_base64(receiver.security_token, request.body)).decode()}"
    verify([request.headers.get("authorization", "")], expected)
    written = parsed(request.body)
    action, key = _answer(str(at(written, "text") or "")[:_LONGEST])
    return Callback(action, key, person(at(written, "from", "name")), replies=True)


def _answer(text: str) -> tuple[str, str]:
    """Return the action and the key that a message names; an empty key is that of the only open alert."""
    words = html.unescape(_TAG.sub(" ", _MENTION.sub(" ", text))).split()
    if not words or words[0].lower() not in _WORDS:
        return ACKNOWLEDGE, _NO_KEY
    return _WORDS[words[0].lower()], words[1] if len(words) > 1 else ""


def prepare(receiver: TeamsReceiver) -> Deliver:
    """Return what posts a card."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        body = body_of(message, answers=receiver.security_token is not None)
        await send_json(attempt, receiver, receiver.teams, body)

    return deliver


KIND = ReceiverKind(
    TeamsReceiver,
    prepare,
    example="""\
id: team-channel
teams: {file: secrets/teams-workflow}
security_token: {file: secrets/teams-outgoing}   # answers in the channel
""",
    callback=read_callback,
    groups=True,
)
