"""Requests to retry notifications now (`ninewatch alert retry`), which the daemon receives as facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sla.silence import RETRY

if TYPE_CHECKING:
    from monitor.alerting.outbox import Outbox
    from monitor.clock import Clock
    from monitor.facts.fact_index import Facts
    from monitor.notification import Notification


class RetryRequests:
    """Handles each retry request in the facts once."""

    def __init__(self) -> None:
        self._facts: Facts | None = None
        self._handled: set[str] = set()

    def mark_handled(self, facts: Facts) -> None:
        """Mark the requests in the facts as handled, for example those of an earlier process."""
        self._facts = facts
        self._handled |= {fact.id for fact in facts.all if fact.kind == RETRY}

    def make_due(self, facts: Facts, outbox: Outbox, clock: Clock) -> list[Notification]:
        """Make the notifications of new requests due now; return them."""
        if facts is self._facts:
            return []
        new = [fact for fact in facts.all if fact.kind == RETRY and fact.id not in self._handled]
        self.mark_handled(facts)
        receivers = [fact.content().get("receiver") or None for fact in new]
        return [row for receiver in dict.fromkeys(receivers) for row in outbox.retry(clock.now(), receiver)]
