"""The `slack` receiver: an incoming webhook of Slack, or of a compatible service (Mattermost)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

from monitor.config.alerting import Address, TlsReceiver
from monitor.config.secret import Secret
from monitor.notification import OF_NO_ALERT, Kind
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.callback import (
    ACTIONS,
    NOISE,
    USEFUL,
    Callback,
    CallbackRefused,
    CallbackRequest,
    parse_object,
    person_name,
    sign,
    value_at,
    verify,
)
from monitor.receivers.chat_text import slack_text, truncate
from monitor.receivers.sending import send_json
from sla.interval import MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message

_HEADER, _SECTION = 150, 3_000  # maximum numbers of characters in Slack
_VALID_FOR = 5 * MINUTE


class SlackReceiver(TlsReceiver):
    """Sends a message to a Slack channel through an incoming webhook."""

    kind: ClassVar[str] = "slack"
    accepts_reports: ClassVar[bool] = True

    slack: Address
    """URL of the webhook, which is a secret: `{file: /run/secrets/slack}`."""

    signing_secret: Secret | None = None
    """Signing secret of the Slack app whose interactivity URL is `/callbacks/ID` of `public_url`. Adds buttons."""


def body_of(message: Message, *, buttons: bool = False) -> dict[str, Any]:
    """Return the message with its blocks. `text` is the text of notifications on phones.

    `buttons`: add buttons, which require an app with a signing secret.
    """
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": truncate(message.title, _HEADER), "emoji": False}}
    ]
    if message.lines:
        lines = truncate("\n".join(message.lines), _SECTION)
        blocks.append({"type": "section", "text": {"type": "plain_text", "text": lines, "emoji": False}})
    if message.links and not message.others:
        links = " | ".join(f"<{url}|{name}>" for name, url in message.links.items())
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links}]})
    if buttons and not message.others:
        blocks.append({"type": "actions", "elements": [_button(action, message.key) for action in _actions(message)]})
    return {"text": slack_text(message.title), "blocks": blocks}


def _actions(message: Message) -> tuple[str, ...]:
    """Return the actions for the message: rate it, and acknowledge it while it is open and not acknowledged."""
    return ACTIONS if message.event in (Kind.OPENED, Kind.ESCALATED, Kind.REMINDER) else (USEFUL, NOISE)


def _button(action: str, key: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": action.capitalize(), "emoji": False}
    return {"type": "button", "text": text, "action_id": action, "value": key}


def read_callback(receiver: SlackReceiver, request: CallbackRequest) -> Callback:
    """Return the pressed button, the message's key and the person. The signature is valid for five minutes."""
    stamp = request.headers.get("x-slack-request-timestamp", "")
    expected = (
        f"v0={sign(receiver.signing_secret, b'v0:' + stamp.encode(errors='replace') + b':' + request.body).hex()}"
    )
    verify([request.headers.get("x-slack-signature", "")], expected)
    if not (stamp.isascii() and stamp.isdigit() and abs(request.now - int(stamp[:12]) * SECOND) <= _VALID_FOR):
        raise CallbackRefused("the timestamp is more than five minutes from now")
    try:
        payload = parse_object(parse_qs(request.body.decode(), max_num_fields=10).get("payload", [""])[0])
    except ValueError:
        raise CallbackRefused("not a form") from None
    actions = value_at(payload, "actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    name, key = value_at(action, "action_id"), value_at(action, "value")
    if value_at(payload, "type") != "block_actions" or name not in ACTIONS or not isinstance(key, str) or not key:
        return Callback()
    return Callback(name, key, person_name(value_at(payload, "user", "name") or value_at(payload, "user", "username")))


def prepare(receiver: SlackReceiver) -> Deliver:
    """Return the function that posts a message."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        body = body_of(message, buttons=receiver.signing_secret is not None and message.event not in OF_NO_ALERT)
        await send_json(attempt, receiver, receiver.slack, body)

    return deliver


KIND = ReceiverKind(
    SlackReceiver,
    prepare,
    example="""\
id: channel
slack: {file: secrets/slack-webhook}
signing_secret: {file: secrets/slack-signing}   # buttons to acknowledge
""",
    callback=read_callback,
    combines_messages=True,
)
