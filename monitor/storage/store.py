"""The interface of stores. The tests in tests/contract run for every implementation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.notification import Notification
    from monitor.storage.chain import ClosedDay
    from monitor.storage.frames import Cursor, NewFrame, Position
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.interval import Interval
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


@dataclass(frozen=True, slots=True)
class Batch:
    """The content of one transaction.

    A repeated write has no effect, except for clock steps, and a frame, which is stored again with another number. So a
    batch is written again if the result of its commit is unknown. A row replaces the existing row with the same key:
    check, vantage and `first` of a run, the id of an incident, key, receiver and turn of a notification, key and start
    of a response, and check, vantage and start of a day of latencies. Facts with an existing id and heads with an
    existing number are ignored. `folded_until` is the instant before which every observation is in a written run. A
    clock step is the record's time before the step, and its size. `frame` contains the observations for the centre of
    this vantage. A cursor is stored with or after the last observation of its frames, and never moves back.
    """

    observations: Sequence[Observation] = ()
    runs: Sequence[Run] = ()
    incidents: Sequence[Incident] = ()
    folded_until: int | None = None
    facts: Sequence[Fact] = ()
    clock_steps: Sequence[tuple[int, int]] = ()
    product_incidents: Sequence[ProductIncident] = ()
    notifications: Sequence[Notification] = ()
    heads: Sequence[ClosedDay] = ()
    responses: Sequence[Response] = ()
    latency_days: Sequence[LatencyDay] = ()
    frame: NewFrame | None = None
    cursors: Sequence[Cursor] = ()

    def __bool__(self) -> bool:
        parts = (self.observations, self.runs, self.clock_steps, self.latency_days, self.cursors)
        return self.durable or any(parts) or self.folded_until is not None

    @property
    def durable(self) -> bool:
        """Whether the batch must survive a power failure after its commit."""
        durable = (self.incidents, self.facts, self.product_incidents, self.notifications, self.heads, self.responses)
        return any(durable)


class DecidedStore(Protocol):
    """The part of a record that alerting continues from after a restart."""

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first."""
        ...

    def load_notifications(self) -> list[Notification]:
        """Return the notifications of all keys with an undelivered or unresolved notification, by creation."""
        ...

    def load_responses(self) -> list[Response]:
        """Return the unfinished responses to alerts."""
        ...


class Store(Protocol):
    """A persistent record. Every method may raise StoreError with a remedy.

    `observations` may be called from any thread, all other methods from one thread at a time.
    """

    version: str

    def write(self, batch: Batch) -> None:
        """Commit the batch. A durable batch is on the disk when this method returns.

        Other batches are in the operating system: a power failure may lose the last ones, but killing this process does
        not.
        """
        ...

    def load_runs(self) -> Iterator[Run]:
        """Yield all runs, by check and vantage, then `first`."""
        ...

    def load_tail(self) -> Iterator[Observation]:
        """Yield the observations after the last run of their check and vantage, by `at`."""
        ...

    def load_latency_days(self) -> Iterator[LatencyDay]:
        """Yield the days of latencies, by check and vantage, then `start`."""
        ...

    def recent_latencies(self) -> Iterator[tuple[str, int, int]]:
        """Yield `(check, at, latency)` of the good observations that the days may not contain, by `at`."""
        ...

    def load_incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        ...

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first."""
        ...

    def load_notifications(self) -> list[Notification]:
        """Return the notifications of all keys with an undelivered or unresolved notification, by creation.

        For a key and a receiver, either all or no notifications are returned.
        """
        ...

    def load_responses(self) -> list[Response]:
        """Return the unfinished responses to alerts, in the order of their start."""
        ...

    def load_facts(self) -> list[Fact]:
        """Return all facts in the order of creation, including facts of unknown kinds."""
        ...

    def load_cursors(self) -> dict[str, Position]:
        """Return the position up to which the record contains the frames of each vantage."""
        ...

    def next_incarnation(self, now: int) -> int:
        """Return the incarnation of this process life as a vantage: `now`, or later than that of all stored frames."""
        ...

    def prune_frames(self, before: int) -> list[Position]:
        """Delete the oldest frames that are older than `before`, at most `PRUNE_LIMIT`, and return their positions.

        The newest frame is kept, because the number of the next one follows from it.
        """
        ...

    def observations(self, check: str, window: Interval) -> list[Observation]:
        """Return the check's observations with `at` in the window, by `at`. Older ones may have been pruned."""
        ...

    def prune(self, before: int, limit: int = 5_000) -> int:
        """Delete observations before `before`, at least `limit` if there are as many, and return their number.

        Keep runs, and observations that are not in a written run. A store may keep observations until all of their day
        (UTC) is before `before`.
        """
        ...

    def maintain(self) -> None:
        """Do periodic maintenance, such as a checkpoint. Never waits for a reader."""
        ...

    def describe_change(self) -> str:
        """Return how the record's file was changed: deleted, replaced or truncated. Empty if it is unchanged."""
        ...

    def replace_lost_record(self) -> bool:
        """Replace a lost record. Return whether the new one has all commits; otherwise it is empty."""
        ...

    def close(self) -> None:
        """Close the record. A second call does nothing."""
        ...
