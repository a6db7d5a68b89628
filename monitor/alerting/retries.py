"""Requests to retry now (`ninewatch alert retry`), which reach the daemon as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.silence import RETRY

if TYPE_CHECKING:
    from monitor.alerting.outbox import Outbox
    from monitor.clock import Clock
    from monitor.facts.known_facts import Facts
    from monitor.notification import Notification


class Retries:
    """Follows the facts; each request counts once."""

    def __init__(self) -> None:
        self._facts: Facts | None = None
        self._known: set[str] = set()

    def seen(self, facts: Facts) -> None:
        """Note the requests that were made before this process started."""
        self._facts = facts
        self._known |= {fact.id for fact in facts.all if fact.kind == RETRY}

    def due(self, facts: Facts, outbox: Outbox, clock: Clock) -> list[Notification]:
        """Return the notifications that new requests made due now."""
        if facts is self._facts:
            return []
        new = [fact for fact in facts.all if fact.kind == RETRY and fact.id not in self._known]
        self.seen(facts)
        receivers = [fact.content().get("receiver") or None for fact in new]
        return [row for receiver in dict.fromkeys(receivers) for row in outbox.retry(clock.now(), receiver)]
