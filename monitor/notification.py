"""Notifications: one event of one alert for one receiver, recorded until the receiver confirms it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


class Kind(StrEnum):
    """The event of a notification."""

    OPENED = "opened"
    ESCALATED = "escalated"
    REMINDER = "reminder"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    TEST = "test"
    HEARTBEAT = "heartbeat"
    REPORT = "report"


OF_NO_ALERT: Final = (Kind.TEST, Kind.HEARTBEAT, Kind.REPORT)


@dataclass(frozen=True, slots=True)
class Notification:
    """One row of the outbox; instants are microseconds since the epoch.

    `key` identifies the alert for deduplication: the id of a product incident, `burn:...`, `cert:...`. `turn` is the
    sequence number (from 0) of the notifications of a key to a receiver, `repeat` (from 1) that of one event. `made` is
    the instant of the decision, `due` that of the next attempt, `done` that of the receiver's confirmation, or None.
    `error` is the error of the last attempt. `claimed_epoch` and `claimed_holder` identify the replica that delivers
    it; 0 and empty for a single daemon. `body` is the complete message as JSON.
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
        """The unique key of the notification: key, receiver and turn."""
        return self.key, self.receiver, self.turn

    @property
    def idempotency_key(self) -> str:
        """A key that is the same for all attempts, and unique among the notifications to the receiver."""
        return f"{self.key}{self.event}{self.repeat if self.repeat > 1 else ''}"


class Decided(NamedTuple):
    """The changes of a decision, written in one transaction with the data on which it is based."""

    incidents: tuple[ProductIncident, ...] = ()
    notifications: tuple[Notification, ...] = ()
    responses: tuple[Response, ...] = ()


NO_DECISIONS = Decided()
