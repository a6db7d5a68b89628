"""The record in PostgreSQL. Requires psycopg (`make extras`)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from monitor.errors import StoreError
from monitor.storage import statements as sql
from monitor.storage.alert_responses import open_responses_in
from monitor.storage.batch_writing import BatchWriter
from monitor.storage.frames import PRUNE_LIMIT, Position, cursors_in, next_incarnation, prune_frames
from monitor.storage.latency_days import latency_days_in, recent_latencies_in
from monitor.storage.outbox import product_incidents_in, unfinished_in
from monitor.storage.postgres_connection import (
    PostgresConnection,
    first_line,
    location_name,
    open_postgres,
    remedy_of,
)
from monitor.storage.postgres_schema import OBSERVATIONS, RUNS, Partitions, prepare_tables
from monitor.storage.reader import Reader
from monitor.storage.rows import (
    DamagedRowError,
    facts_in,
    incidents_in,
    observations_after_last_run,
    observations_in,
    runs_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.notification import Notification
    from monitor.storage.store import Batch
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.interval import Interval
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident


class PostgresStore:
    """A store in the tables of one PostgreSQL database. The constructor creates or migrates the tables.

    It works behind pgbouncer in transaction mode. Observations are deleted by whole days (UTC).

    Raises:
        StoreError: the server cannot be reached, or the tables belong to another program or to a newer version.
        NinewatchError: psycopg is not installed, or the connection string is invalid.
    """

    def __init__(self, conninfo: str) -> None:
        """Open the record. `conninfo`: see `open_postgres`."""
        self._conninfo, self._location = conninfo, location_name(conninfo)
        self._connection: PostgresConnection | None = None
        self._batches, self._partitions = BatchWriter(self._open), Partitions()
        with self._translated_errors("cannot be opened"):
            self.version = self._open().server_version

    def write(self, batch: Batch) -> None:
        """Commit the batch, with `synchronous_commit` on if it is durable, else off."""
        with self._translated_errors("could not be written"):
            connection = self._open()
            connection.begin(durable=batch.durable)
            self._partitions.create(connection, OBSERVATIONS, (observation.at for observation in batch.observations))
            self._partitions.create(connection, RUNS, (run.first for run in batch.runs))
            self._batches.insert(connection, batch)
            connection.commit()

    def load_runs(self) -> Iterator[Run]:
        """Yield all runs, by check and vantage, then `first`."""
        with self._translated_errors("cannot be read"):
            yield from runs_in(self._open())

    def load_tail(self) -> Iterator[Observation]:
        """Yield the observations after the last run of their check and vantage, by `at`."""
        with self._translated_errors("cannot be read"):
            yield from observations_after_last_run(self._open())

    def load_latency_days(self) -> Iterator[LatencyDay]:
        """Yield the days of latencies, by check and vantage, then `start`."""
        with self._translated_errors("cannot be read"):
            yield from latency_days_in(self._open())

    def recent_latencies(self) -> Iterator[tuple[str, int, int]]:
        """Yield `(check, at, latency)` of the good observations that the days may not contain, by `at`."""
        with self._translated_errors("cannot be read"):
            yield from recent_latencies_in(self._open())

    def load_incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        with self._translated_errors("cannot be read"):
            return incidents_in(self._open())

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first."""
        with self._translated_errors("cannot be read"):
            return product_incidents_in(self._open())

    def load_notifications(self) -> list[Notification]:
        """Return the notifications of all keys with an undelivered or unresolved notification, by creation."""
        with self._translated_errors("cannot be read"):
            return unfinished_in(self._open())

    def load_responses(self) -> list[Response]:
        """Return the unfinished responses to alerts, in the order of their start."""
        with self._translated_errors("cannot be read"):
            return open_responses_in(self._open())

    def load_facts(self) -> list[Fact]:
        """Return all facts in the order of creation, including facts of unknown kinds."""
        with self._translated_errors("cannot be read"):
            return facts_in(self._open())

    def load_cursors(self) -> dict[str, Position]:
        """Return the position up to which the record contains the frames of each vantage."""
        with self._translated_errors("cannot be read"):
            return cursors_in(self._open())

    def next_incarnation(self, now: int) -> int:
        """Return the incarnation of this process life as a vantage: `now`, or later than that of all stored frames."""
        with self._translated_errors("cannot be read"):
            return next_incarnation(self._open(), now)

    def prune_frames(self, before: int) -> list[Position]:
        """Delete the oldest frames that are older than `before`, and return their positions."""
        with self._translated_errors("could not be pruned"):
            connection = self._open()
            connection.begin(durable=False)
            deleted = prune_frames(connection, before, PRUNE_LIMIT)
            connection.commit()
            return deleted

    def observations(self, check: str, window: Interval) -> list[Observation]:
        """Return the check's observations with `at` in the window, by `at`, over a connection of its own."""
        with (
            self._translated_errors("cannot be read", writing=False),
            contextlib.closing(open_postgres(self._conninfo)) as connection,
        ):
            return observations_in(connection, check, window)

    def prune(self, before: int, limit: int = 5_000) -> int:
        """Drop the oldest days of observations that end before `before` and are in written runs."""
        with self._translated_errors("could not be pruned"):
            connection = self._open()
            connection.begin(durable=False)
            folded = connection.execute(sql.FOLDED_UNTIL).fetchone()
            connection.execute(sql.PRUNE_NOTIFICATIONS, (before,))
            bound = 0 if folded is None else min(before, folded[0])
            deleted = self._partitions.drop_oldest(connection, bound, limit)
            connection.commit()
            return deleted

    def maintain(self) -> None:
        """Do nothing: the server does its maintenance itself."""

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def describe_change(self) -> str:
        """Return an empty text: tables cannot be replaced by other files, unlike a record in a file."""
        return ""

    def replace_lost_record(self) -> bool:
        """Return True: the server has all committed data."""
        return True

    def _open(self) -> PostgresConnection:
        if self._connection is None:
            connection = open_postgres(self._conninfo)
            try:
                prepare_tables(connection, self._location)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextlib.contextmanager
    def _translated_errors(self, action: str, *, writing: bool = True) -> Iterator[None]:
        """Translate errors to StoreError. After an error, roll back, or close a broken connection."""
        import psycopg

        try:
            yield
        except DamagedRowError as error:
            raise StoreError(f"the record in {self._location} is damaged: {error}; restore a backup") from error
        except psycopg.Error as error:
            if writing:
                self._roll_back_or_close()
            raise StoreError(
                f"the record in {self._location} {action}: {first_line(error)}{remedy_of(error)}"
            ) from error

    def _roll_back_or_close(self) -> None:
        self._batches.forget_ids()
        self._partitions.forget()
        if self._connection is not None and not self._connection.roll_back():
            self.close()


@contextlib.contextmanager
def reading_postgres(conninfo: str) -> Iterator[Reader]:
    """Read a record in one transaction, so that all data is from one commit.

    Raises:
        StoreError: the record cannot be read.
        NinewatchError: psycopg is not installed, or the connection string is invalid.
    """
    import psycopg

    location = location_name(conninfo)
    try:
        with contextlib.closing(open_postgres(conninfo)) as connection:
            prepare_tables(connection, location)
            connection.begin_reading()
            yield Reader(connection)
    except DamagedRowError as error:
        raise StoreError(f"the record in {location} is damaged: {error}; restore a backup") from error
    except psycopg.Error as error:
        raise StoreError(f"the record in {location} cannot be read: {first_line(error)}{remedy_of(error)}") from error
