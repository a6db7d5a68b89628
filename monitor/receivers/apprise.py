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
    """Sends messages through a service that Apprise supports: Telegram, Discord, Matrix, Pushover and others.

    The library opens its own connections, so the policy `outbound` does not apply. It reports rejected messages without
    a reason.
    """

    kind: ClassVar[str] = "apprise"
    accepts_reports: ClassVar[bool] = True

    apprise: Secret
    """Reference to the service's Apprise URL, which contains its credentials."""

    @model_validator(mode="after")
    def _is_supported(self) -> Self:
        try:
            require("apprise", "apprise")
        except ValueError as error:
            raise problem_at("apprise", str(error).replace("checks need", "receivers need")) from None
        if not _library().add(self.apprise.reveal()):
            raise problem_at("apprise", f"({self.apprise.source}) is not a URL that Apprise supports")
        return self


def _library() -> Any:
    import apprise

    return apprise.Apprise()


def prepare(receiver: AppriseReceiver) -> Deliver:
    """Return the function that sends a message through the library, in a thread, because the library blocks."""
    service = _library()
    service.add(receiver.apprise.reveal())

    async def deliver(_attempt: Attempt, message: Message) -> None:
        kind = "failure" if message.is_alarm else "info" if message.firing else "success"
        text = without_mentions("\n".join([*message.lines, *message.links.values()]) or message.title)
        is_delivered = await asyncio.to_thread(service.notify, body=text, title=message.title, notify_type=kind)
        if not is_delivered:
            raise NotDelivered("Apprise reports that the service rejected the message")

    return deliver


KIND = ReceiverKind(
    AppriseReceiver,
    prepare,
    example="""\
id: telegram
apprise: {file: secrets/apprise-url}
""",
    combines_messages=True,
)
