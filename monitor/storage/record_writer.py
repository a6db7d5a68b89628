"""The interface of a writer of the record, and its report after each transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from monitor.notification import NO_DECISIONS, Decided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.notification import Notification
    from monitor.storage.frames import Cursor
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run


@dataclass(frozen=True, slots=True)
class Committed:
    """The result of a transaction: `error` is empty if it was committed. `recovered`: the previous one had failed.

    `emptied`: the record was lost and the new one is empty, so that all data must be queued again.
    """

    incidents: tuple[Incident, ...]
    error: str = ""
    recovered: bool = False
    emptied: bool = False
    notifications: tuple[Notification, ...] = ()
    cursors: tuple[Cursor, ...] = ()


class RecordWriter(Protocol):
    """The writer's interface for the recorder and alerting. A rehearsal has a writer that writes nothing to disk."""

    def listen(self, listener: Callable[[Committed], None]) -> None:
        """Add a listener for transactions."""
        ...

    def start(self) -> None:
        """Start the writer."""
        ...

    def put(
        self,
        observation: Observation,
        runs: Sequence[Run] = (),
        incident: Incident | None = None,
        decided: Decided = NO_DECISIONS,
    ) -> None:
        """Queue the result of one probe."""
        ...

    def put_folded(self, runs: Sequence[Run], until: int | None) -> None:
        """Queue open runs."""
        ...

    def put_incident(self, incident: Incident, decided: Decided | None = None) -> None:
        """Queue an open incident, or an incident with the notifications that its decision caused."""
        ...

    def put_decided(self, decided: Decided, *, urgent: bool = True) -> None:
        """Queue product incidents and notifications."""
        ...

    def put_cursor(self, cursor: Cursor) -> None:
        """Queue the position of a vantage."""
        ...

    def put_latency_days(self, days: Sequence[LatencyDay]) -> None:
        """Queue days of latencies."""
        ...

    def put_facts(self, facts: Sequence[Fact]) -> None:
        """Queue facts."""
        ...

    def retain(self, since: int) -> None:
        """Prune observations older than this."""
        ...

    def close(self, timeout: float = 5.0) -> bool:
        """Write all queued items and stop. Return whether all are written."""
        ...
