"""A notification: one event of one alert for one receiver, kept in the record until the receiver has taken it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


class Kind(StrEnum):
    """What happened to the alert."""

    OPENED = "opened"
    ESCALATED = "escalated"
    REMINDER = "reminder"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    TEST = "test"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Notification:
    """One row of the outbox; instants are microseconds since the epoch.

    `key` identifies the alert for deduplication: the id of a product incident, `burn:...`, `cert:...`. `turn` counts
    the notifications of one key to one receiver from 0 and gives their order, `repeat` those of one event from 1.
    `made` is when it was decided, `due` when it is to be sent, or sent again. `done` is when the receiver confirmed it,
    None until then. `error` is why the last attempt failed. `claimed_epoch` and `claimed_holder` name the replica that
    delivers it; a single daemon leaves them at 0 and empty. `body` is the message as JSON, complete when it is decided.
    """

    key: str
    receiver: str
    turn: int
    event: Kind
    repeat: int
    made: int
    due: int
    severity: str
    product: str
    body: str
    attempts: int = 0
    claimed_epoch: int = 0
    claimed_holder: str = ""
    done: int | None = None
    error: str = ""

    @property
    def identity(self) -> tuple[str, str, int]:
        """What no other notification has: key, receiver and turn."""
        return self.key, self.receiver, self.turn

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt to deliver it, and for no other notification to the receiver."""
        return f"{self.key}{self.event}{self.repeat if self.repeat > 1 else ''}"


class Decided(NamedTuple):
    """What a decision changes in the record, to be written in one transaction with what it was decided from."""

    incidents: tuple[ProductIncident, ...] = ()
    notifications: tuple[Notification, ...] = ()
    responses: tuple[Response, ...] = ()


NOTHING = Decided()
