"""The `healthchecks` receiver: the ping URL of Healthchecks, or of a service with compatible pings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from monitor.config.alerting import Address, TlsReceiver
from monitor.receivers.base import Deliver, ReceiverKind
from monitor.receivers.sending import send

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.message import Message


class HealthchecksReceiver(TlsReceiver):
    """Receives only the heartbeat (dead man's switch), and no alerts.

    The service alerts when the pings stop, because the daemon ended, or its scheduler, record or outbox is blocked.
    """

    kind: ClassVar[str] = "healthchecks"
    heartbeats: ClassVar[bool] = True
    alerts: ClassVar[bool] = False

    healthchecks: Address
    """The ping URL: `{file: /run/secrets/ping-url}`."""


def prepare(receiver: HealthchecksReceiver) -> Deliver:
    """Return the function that sends a ping."""

    async def deliver(attempt: Attempt, message: Message) -> None:
        await send(attempt, receiver, receiver.healthchecks, message.text.encode())

    return deliver


KIND = ReceiverKind(
    HealthchecksReceiver,
    prepare,
    example="""\
id: snitch
healthchecks: {file: secrets/ping-url}
""",
)
