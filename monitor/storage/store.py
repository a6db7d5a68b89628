"""The interface of stores. tests/contract tests every implementation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.notification import Notification
    from monitor.storage.chain import ClosedDay
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.interval import Interval
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


@dataclass(frozen=True, slots=True)
class Batch:
    """The content of one transaction.

    Writing a part again changes nothing, so a batch whose commit was in doubt is simply written anew. A run replaces
    the one with the same check, vantage and `first`, an incident the one with the same id, a notification the one with
    the same key, receiver and turn, a response the one with the same key and start. `folded_until` is the instant
    before which every observation is inside a written run. A fact whose id is there already is left as it is.
    A step of the wall clock is the record's time before it and its size; written twice it stands twice.
    A head whose number is there already is left as it is.
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

    def __bool__(self) -> bool:
        parts = (self.observations, self.runs, self.clock_steps)
        return self.decided or any(parts) or self.folded_until is not None

    @property
    def decided(self) -> bool:
        """Whether the batch must survive a loss of power once it is committed."""
        decided = (self.incidents, self.facts, self.product_incidents, self.notifications, self.heads, self.responses)
        return any(decided)


class DecidedStore(Protocol):
    """The part of a record that alerting continues from after a restart."""

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first."""
        ...

    def load_notifications(self) -> list[Notification]:
        """Return the notifications of keys that a receiver has unfinished, in order."""
        ...

    def load_responses(self) -> list[Response]:
        """Return the responses to alerts that are not over."""
        ...


class Store(Protocol):
    """A persistent record. Every method may raise StoreError with a remedy.

    All but `observations` belong to one thread at a time; `observations` may be called from any.
    """

    version: str

    def write(self, batch: Batch) -> None:
        """Commit the batch. With something decided in it, it has reached the disk when this returns; without,
        the operating system, so that a loss of power may take the last of them and a kill of this process none.
        """
        ...

    def load_runs(self) -> Iterator[Run]:
        """Yield all runs, by check and vantage, then `first`."""
        ...

    def load_tail(self) -> Iterator[Observation]:
        """Yield what was observed after the last run of its check and vantage, by `at`."""
        ...

    def load_incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        ...

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first."""
        ...

    def load_notifications(self) -> list[Notification]:
        """Return the notifications of keys that a receiver has unfinished: not delivered, or not resolved; in order.

        Of a key and a receiver either all are returned or none.
        """
        ...

    def load_responses(self) -> list[Response]:
        """Return the responses to alerts that are not over, in the order of their start."""
        ...

    def load_facts(self) -> list[Fact]:
        """Return all facts, those of unknown kinds included, by when they were made."""
        ...

    def observations(self, check: str, window: Interval) -> list[Observation]:
        """Return the check's observations with `at` in the window, by `at`, as far back as they are kept."""
        ...

    def prune(self, before: int, limit: int = 5_000) -> int:
        """Drop some observations older than `before`, at least `limit` if there are; return how many. Runs stay."""
        ...

    def tidy(self) -> None:
        """Do periodic maintenance, such as a checkpoint. Never waits for a reader."""
        ...

    def lost(self) -> str:
        """Return what happened to the open record: deleted, replaced, truncated; empty if nothing."""
        ...

    def rescue(self) -> bool:
        """Put a record in its place; return whether it has all commits, else it is empty."""
        ...

    def close(self) -> None:
        """Close the record. A second call does nothing."""
        ...
