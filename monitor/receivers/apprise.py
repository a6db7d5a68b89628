"""The `apprise` receiver: every other service, through the library Apprise (`make extras`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from monitor.config.alerting import ReceiverBase
from monitor.config.secret import Secret
from monitor.config.values import problem_at
from monitor.protocols.optional_library import require
from monitor.receivers.base import Deliver, NotDelivered, ReceiverKind
from monitor.receivers.chat_text import without_mentions

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message


class AppriseReceiver(ReceiverBase):
    """Sends through one of the services that Apprise knows, by its URL: Telegram, Discord, Matrix, Pushover and others.

    The library makes its connections by itself: the policy `outbound` does not apply to it, and it reports only that a
    message was not taken, not why.
    """

    kind: ClassVar[str] = "apprise"

    apprise: Secret
    """Where the service's Apprise URL is kept, which holds its credentials."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        try:
            require("apprise", "apprise")
        except ValueError as error:
            raise problem_at("apprise", str(error).replace("checks need", "receivers need")) from None
        if not _library().add(self.apprise.reveal()):
            raise problem_at("apprise", f"({self.apprise.source}) is no URL that Apprise knows")
        return self


def _library() -> Any:
    import apprise

    return apprise.Apprise()


def prepare(receiver: AppriseReceiver) -> Deliver:
    """Return what sends through the library, in a thread: it waits for its answers."""
    service = _library()
    service.add(receiver.apprise.reveal())

    async def deliver(_attempt: Attempt, message: Message) -> None:
        kind = "failure" if message.alarming else "info" if message.firing else "success"
        text = without_mentions("\n".join([*message.lines, *message.links.values()]) or message.title)
        sent = await asyncio.to_thread(service.notify, body=text, title=message.title, notify_type=kind)
        if not sent:
            raise NotDelivered("Apprise reports that the service did not take the message")

    return deliver


KIND = ReceiverKind(
    AppriseReceiver,
    prepare,
    example="""\
id: telegram
apprise: {file: secrets/apprise-url}
""",
    groups=True,
)
