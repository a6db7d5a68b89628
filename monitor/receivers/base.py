"""A kind of receiver: its configuration, and how one message is sent to it."""

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
"""Send one message. Return once the receiver has confirmed it; raises `NotDelivered`, or as anything that connects."""


class NotDelivered(Exception):  # noqa: N818 - an expected answer, not a defect
    """The receiver answered and did not take the message.

    `wait` is for how many microseconds it asked to be left alone, None where it did not. `refused` says that it rejects
    this message and not messages in general: the receiver works, and another message may well be taken.
    """

    def __init__(self, detail: str, *, wait: int | None = None, refused: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.wait, self.refused = detail, wait, refused


@dataclass(frozen=True, slots=True)
class ReceiverKind(Generic[R]):
    """One way to notify: the configuration it takes, and how a receiver becomes a function that sends.

    `prepare` does once what can be done before the first message. `example` is a receiver in YAML; docs/receivers.md
    shows it and a test loads it. `groups` says whether people read the messages, so that several alerts are joined;
    what correlates by key itself gets each alone. `repeats` is after how many microseconds a firing alert is sent
    again, None where the receiver keeps it until it is resolved. `callback` verifies and reads what the service reports
    back of a message; it raises `CallbackRefused`.
    """

    receiver: type[R]
    prepare: Callable[[R], Deliver]
    example: str
    groups: bool = False
    repeats: int | None = None
    callback: Callable[[R, CallbackRequest], Callback] | None = None

    @property
    def name(self) -> str:
        """The kind's key in the configuration."""
        return self.receiver.kind
