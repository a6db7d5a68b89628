"""The interface of a kind of receiver: its configuration, and the function that sends a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from monitor.config.alerting import ReceiverBase

if TYPE_CHECKING:
    from monitor.network.attempt import Attempt
    from monitor.receivers.callback import Callback, CallbackRequest
    from monitor.receivers.message import Message

R = TypeVar("R", bound=ReceiverBase)

Deliver = Callable[["Attempt", "Message"], Awaitable[None]]
"""Send one message, and return when the receiver has confirmed it.

Raises `NotDelivered`, or as `Connection.connect_to_addresses`.
"""


class NotDelivered(Exception):  # noqa: N818 - an expected answer, not a defect
    """The receiver responded, but did not accept the message.

    `wait` is the delay before the next attempt that the receiver requested, in microseconds, or None. `refused`: the
    receiver rejects only this message, and may accept others.
    """

    def __init__(self, detail: str, *, wait: int | None = None, refused: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.wait, self.refused = detail, wait, refused


class NotNeeded(Exception):  # noqa: N818 - an expected end, not a defect
    """The message need not be sent any more: its recipient left, or does not exist. It is not tried again."""


@dataclass(frozen=True, slots=True)
class ReceiverKind(Generic[R]):
    """A kind of receiver: its configuration, and the function that prepares a receiver for sending.

    - `prepare` does all work that is possible before the first message.
    - `example` is a receiver in YAML, for docs/receivers.md and a test.
    - `combines_messages`: people read the messages, so several alerts are combined into one message. Services that
      correlate alerts by key get each alert separately.
    - `repeats` is the interval at which a firing alert is sent again, in microseconds. None if the receiver keeps
      alerts until they are resolved.
    - `callback` verifies and parses a callback of the service. It raises `CallbackRefused`.
    """

    receiver: type[R]
    prepare: Callable[[R], Deliver]
    example: str
    combines_messages: bool = False
    repeats: int | None = None
    callback: Callable[[R, CallbackRequest], Callback] | None = None

    @property
    def name(self) -> str:
        """The kind's key in the configuration."""
        return self.receiver.kind
