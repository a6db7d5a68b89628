"""The rows that wait for the next transaction of the record."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.notification import NO_DECISIONS, Decided
from monitor.storage.store import Batch

if TYPE_CHECKING:
    from monitor.notification import Notification
    from monitor.storage.chain import ClosedDay
    from monitor.storage.frames import Cursor
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


class Item(NamedTuple):
    """An entry of the writer's queue: one per probe result, so that a commit contains it completely or not at all."""

    observation: Observation | None = None
    runs: Sequence[Run] = ()
    incident: Incident | None = None
    folded_until: int | None = None
    decided: Decided = NO_DECISIONS
    cursor: Cursor | None = None


class PendingWrites:
    """Rows that are not written yet. A newer version of a row replaces the earlier one.

    Only the writer's thread uses it, except for `clock_steps` and `heads`, to which the event loop appends.
    """

    def __init__(self) -> None:
        self.observations: deque[Observation] = deque()
        self.runs: dict[tuple[str, str, int], Run] = {}
        self.incidents: dict[str, Incident] = {}
        self.clock_steps: deque[tuple[int, int]] = deque()
        self.heads: deque[ClosedDay] = deque()
        self._facts: dict[str, Fact] = {}
        self._product_incidents: dict[str, ProductIncident] = {}
        self._notifications: dict[tuple[str, str, int], Notification] = {}
        self._responses: dict[tuple[str, int], Response] = {}
        self._latency_days: dict[tuple[str, str, int], LatencyDay] = {}
        self._cursors: dict[str, Cursor] = {}
        self._folded: int | None = None

    def __bool__(self) -> bool:
        waiting = (self.observations, self.clock_steps, self.heads, self._cursors, *self._versioned)
        return any(waiting) or self._folded is not None

    @property
    def _versioned(self) -> tuple[dict[Any, Any], ...]:
        """The rows of which only the last version is written."""
        decided = (self._product_incidents, self._notifications, self._responses)
        return (self.runs, self.incidents, self._facts, self._latency_days, *decided)

    def add(self, item: Item) -> None:
        """Add the rows of a queue entry."""
        observation, runs, incident, folded_until, decided, cursor = item
        if observation is not None:
            self.observations.append(observation)
        for run in runs:
            self.runs[run.check, run.vantage, run.first] = run
        if incident is not None:
            self.incidents[incident.id] = incident
        if folded_until is not None:
            self._folded = folded_until
        for product_incident in decided.incidents:
            self._product_incidents[product_incident.id] = product_incident
        for notification in decided.notifications:
            self._notifications[notification.identity] = notification
        for response in decided.responses:
            self._responses[response.key, response.started] = response
        if cursor is not None:
            self._cursors[cursor.vantage] = cursor

    def add_fact(self, fact: Fact) -> None:
        """Add a fact."""
        self._facts[fact.id] = fact

    def add_latency_day(self, day: LatencyDay) -> None:
        """Add the latencies of a check and day."""
        self._latency_days[day.check, day.vantage, day.start] = day

    def batch(self, observations: int) -> Batch:
        """Return the next transaction: at most this number of the oldest observations, and all other rows.

        It contains the cursors only if it contains all observations, which were added before them.
        """
        is_last = len(self.observations) <= observations
        return Batch(
            list(islice(self.observations, observations)),
            tuple(self.runs.values()),
            tuple(self.incidents.values()),
            self._folded,
            tuple(self._facts.values()),
            tuple(self.clock_steps),
            tuple(self._product_incidents.values()),
            tuple(self._notifications.values()),
            tuple(self.heads),
            tuple(self._responses.values()),
            tuple(self._latency_days.values()),
            cursors=tuple(self._cursors.values()) if is_last else (),
        )

    def remove(self, batch: Batch) -> None:
        """Remove the rows of the last batch, after they were written."""
        for queue, rows in (
            (self.observations, batch.observations),
            (self.clock_steps, batch.clock_steps),
            (self.heads, batch.heads),
        ):
            for _ in rows:
                queue.popleft()
        for rows_by_key in self._versioned:
            rows_by_key.clear()
        self._folded = None
        if batch.cursors:
            self._cursors.clear()
