"""The dead man's switch: a heartbeat that takes the way of every notification, so that it stops when that way is stuck.

It is due only while probes are recorded (else the scheduler is stuck), is sent only once it is on disk (else the record
is), and by the loop that delivers everything else (else the outbox is). An outside receiver alerts when it stops.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from monitor.notification import Kind, Notification
from sla.interval import MINUTE, SECOND

if TYPE_CHECKING:
    from monitor.alerting.outbox import Outbox
    from monitor.clock import Clock
    from monitor.health import Health
    from monitor.ledger.ledger import Ledger

SILENT: Final = MINUTE  # without any observation, on top of what the most frequent check may take


class HeartbeatSender:
    """Makes a notification for each heartbeat that is due."""

    def __init__(self, ledger: Ledger, clock: Clock, health: Health) -> None:
        self._ledger, self._clock, self._health = ledger, clock, health
        self._next = 0

    def due(self, outbox: Outbox) -> tuple[Notification, ...]:
        """Return the heartbeat if one is due now and the one before was delivered."""
        block, now = self._ledger.portfolio.alerting.heartbeat, self._clock.now()
        if block is None or now < self._next or not self.probing(now):
            return ()
        key = f"heartbeat:{block.to}"
        if key in outbox.lane(block.to).waiting:
            return ()
        self._next = now + block.every
        return (heartbeat(key, block.to, now),)

    def probing(self, now: int) -> bool:
        """Return whether an observation was made of late, whatever it says."""
        latest = self._ledger.last_observation_at
        holds = (entry.check.effective_hold for entry in self._ledger.entries.values())
        return latest is not None and now - latest <= min(holds, default=0) + SILENT


def heartbeat(key: str, receiver: str, now: int) -> Notification:
    """Return the notification. It replaces the one before; `repeat` differs, so that no receiver drops it as a copy."""
    body = {
        "version": 1,
        "event": Kind.HEARTBEAT.value,
        "key": key,
        "severity": "note",
        "product": None,
        "checks": [],
        "incident": None,
        "downtime_seconds": None,
        "budget": None,
        "links": {"product": None, "incident": None, "runbook": None, "acknowledge": None},
        "extra": {"summary": "ninewatch probes, records and delivers"},
    }
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
