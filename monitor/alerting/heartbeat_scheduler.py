"""The dead man's switch: a heartbeat on the same path as all notifications, which stops if the path is blocked.

It is created only while probes are recorded (scheduler works), sent only after it is on disk (record works), and sent
by the delivery loop (outbox works). The receiver, an external service, alerts when heartbeats stop.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from monitor.alerting.note_body import note_body
from monitor.notification import Kind, Notification
from sla.interval import MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.alerting.outbox import Outbox
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger

OBSERVATION_GRACE: Final = MINUTE  # maximum age of the last observation, in addition to the shortest hold of all checks


class HeartbeatScheduler:
    """Creates the notifications of due heartbeats; the delivery loop sends them."""

    def __init__(self, ledger: Ledger, clock: Clock, health: Health) -> None:
        self._ledger, self._clock, self._health = ledger, clock, health
        self._next = 0

    def due_heartbeats(self, outbox: Outbox) -> tuple[Notification, ...]:
        """Return the heartbeat if it is due and the previous one was delivered."""
        settings, now = self._ledger.portfolio.alerting.heartbeat, self._clock.now()
        if settings is None or now < self._next or not self.has_recent_observation(now):
            return ()
        key = f"heartbeat:{settings.to}"
        if key in outbox.queue(settings.to).waiting:
            return ()
        self._next = now + settings.every
        return (heartbeat(key, settings.to, now),)

    def has_recent_observation(self, now: int) -> bool:
        """Return whether an observation, with any outcome, was recorded recently."""
        latest = self._ledger.last_observation_at
        holds = (entry.check.effective_hold for entry in self._ledger.entries.values())
        return latest is not None and now - latest <= min(holds, default=0) + OBSERVATION_GRACE


def heartbeat(key: str, receiver: str, now: int) -> Notification:
    """Return the notification of a heartbeat. Its `repeat` is unique, so that receivers do not deduplicate it."""
    body = note_body(Kind.HEARTBEAT, key, {"summary": "ninewatch is running: probes, record and delivery work"})
    return Notification(
        key=key,
        receiver=receiver,
        turn=0,
        event=Kind.HEARTBEAT,
        repeat=now // SECOND,
        made=now,
        due=now,
        severity="note",
        product="",
        body=json.dumps(body),
    )
