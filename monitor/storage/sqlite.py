"""The record in one SQLite file, with a write-ahead log, one writing connection and read-only readers."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import structlog

from monitor.errors import StoreError
from monitor.storage.alert_responses import open_responses_in
from monitor.storage.backup import copy_verified
from monitor.storage.batch_writing import BatchWriter
from monitor.storage.clock_marks import SetAside, reconcile
from monitor.storage.connection import open_connection, prepare, primary_code, remedy
from monitor.storage.frames import PRUNE_LIMIT, Position, cursors_in, next_incarnation, prune_frames
from monitor.storage.latency_days import latency_days_in, recent_latencies_in
from monitor.storage.lock import Lock
from monitor.storage.outbox import product_incidents_in, unfinished_in
from monitor.storage.pruning import prune
from monitor.storage.record_file import RecordFiles, move_aside, refuse_missing
from monitor.storage.rows import (
    DamagedRowError,
    facts_in,
    incidents_in,
    observations_after_last_run,
    observations_in,
    runs_in,
)
from monitor.storage.schema import check_owner_and_version, migrate
from monitor.storage.validation import damage_error, refuse_damage

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.notification import Notification
    from monitor.storage.store import Batch
    from sla.fact import Fact
    from sla.incident import Incident
    from sla.interval import Interval
    from sla.latency_day import LatencyDay
    from sla.observation import Observation, Run
    from sla.page_response import Response
    from sla.product_incident import ProductIncident

log = structlog.get_logger()


class SqliteStore:
    """A store in one SQLite file. The constructor acquires the lock, and creates or migrates the tables.

    Raises:
        StoreHeldError: another process has the record open.
        StoreError: the file is corrupt, not a database, of another program, of a newer schema, or not accessible. It
            is unchanged.
    """

    version = sqlite3.sqlite_version

    def __init__(self, path: Path, now: int, *, new_record: bool = False) -> None:
        """Open the record. `now` is written into the lock file for messages.

        `new_record`: rename an existing record and create an empty one. Otherwise, a missing record is an error.
        """
        self._path, self._now = path, now
        self._files = RecordFiles(path)
        self._connection: sqlite3.Connection | None = None
        self._batches = BatchWriter(self._connection_for_writing)
        self._synchronous = ""
        self._in_write = False
        self._change = ""  # the last description of how the record's file was changed
        self._replacement_is_complete: bool | None = None  # None: a new record is not yet at the path
        self._lock = Lock(path, now)
        try:
            with self._translated_errors("cannot be opened"):
                if new_record:
                    move_aside(path, now)
                else:
                    refuse_missing(path, lock_had_record=self._lock.had_record)
                refuse_damage(self._connection_for_writing(), path)
            self._lock.write_holder(record=True)
        except BaseException:
            self.close()
            raise

    def write(self, batch: Batch) -> None:
        """Commit the batch, with `synchronous` FULL if it is durable, else NORMAL."""
        self._in_write = True
        try:
            with self._translated_errors("could not be written"):
                connection = self._connection_for_writing()
                self._synchronise("FULL" if batch.durable else "NORMAL")
                connection.execute("BEGIN IMMEDIATE")
                self._batches.insert(connection, batch)
                connection.execute("COMMIT")
        finally:
            self._in_write = False

    def reconcile(self, now: int) -> SetAside | None:
        """Set aside rows with timestamps of a wrong clock. Call this method before loading."""
        with self._translated_errors("could not be checked against the clock"):
            self._synchronise("FULL")
            return reconcile(self._connection_for_writing(), now)

    def load_runs(self) -> Iterator[Run]:
        """Yield all runs, by check and vantage, then `first`."""
        with self._translated_errors("cannot be read"):
            yield from runs_in(self._connection_for_writing())

    def load_tail(self) -> Iterator[Observation]:
        """Yield the observations after the last run of their check and vantage, by `at`."""
        with self._translated_errors("cannot be read"):
            yield from observations_after_last_run(self._connection_for_writing())

    def load_latency_days(self) -> Iterator[LatencyDay]:
        """Yield the days of latencies, by check and vantage, then `start`."""
        with self._translated_errors("cannot be read"):
            yield from latency_days_in(self._connection_for_writing())

    def recent_latencies(self) -> Iterator[tuple[str, int, int]]:
        """Yield `(check, at, latency)` of the good observations that the days may not contain, by `at`."""
        with self._translated_errors("cannot be read"):
            yield from recent_latencies_in(self._connection_for_writing())

    def load_incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        with self._translated_errors("cannot be read"):
            return incidents_in(self._connection_for_writing())

    def load_product_incidents(self) -> list[ProductIncident]:
        """Return all product incidents, oldest first."""
        with self._translated_errors("cannot be read"):
            return product_incidents_in(self._connection_for_writing())

    def load_notifications(self) -> list[Notification]:
        """Return the notifications of all keys with an undelivered or unresolved notification, by creation."""
        with self._translated_errors("cannot be read"):
            return unfinished_in(self._connection_for_writing())

    def load_responses(self) -> list[Response]:
        """Return the unfinished responses to alerts, in the order of their start."""
        with self._translated_errors("cannot be read"):
            return open_responses_in(self._connection_for_writing())

    def load_facts(self) -> list[Fact]:
        """Return all facts in the order of creation, including facts of unknown kinds."""
        with self._translated_errors("cannot be read"):
            return facts_in(self._connection_for_writing())

    def load_cursors(self) -> dict[str, Position]:
        """Return the position up to which the record contains the frames of each vantage."""
        with self._translated_errors("cannot be read"):
            return cursors_in(self._connection_for_writing())

    def next_incarnation(self, now: int) -> int:
        """Return the incarnation of this process life as a vantage: `now`, or later than that of all stored frames."""
        with self._translated_errors("cannot be read"):
            return next_incarnation(self._connection_for_writing(), now)

    def prune_frames(self, before: int) -> list[Position]:
        """Delete the oldest frames that are older than `before`, and return their positions."""
        with self._translated_errors("could not be pruned"):
            self._synchronise("NORMAL")
            return prune_frames(self._connection_for_writing(), before, PRUNE_LIMIT)

    def observations(self, check: str, window: Interval) -> list[Observation]:
        """Return the check's observations with `at` in the window, by `at`, over a read-only connection."""
        with (
            self._translated_errors("cannot be read", writing=False),
            contextlib.closing(open_connection(self._path, "ro")) as connection,
        ):
            return observations_in(connection, check, window)

    def prune(self, before: int, limit: int = 5_000) -> int:
        """Delete about `limit` of the oldest observations before `before` that are in a written run."""
        with self._translated_errors("could not be pruned"):
            self._synchronise("NORMAL")
            return prune(self._connection_for_writing(), before, limit)

    def maintain(self) -> None:
        """Checkpoint the write-ahead log as far as readers allow."""
        with self._translated_errors("could not be checkpointed"):
            self._connection_for_writing().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close the file and release the lock.

        If a write hangs on a failed disk, both stay open until the process ends: closing would hang too, and another
        daemon must not open the record before the write has ended.
        """
        if not self._in_write:
            self._close_connection()
            self._lock.release()

    def _connection_for_writing(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_connection(self._path, "rwc")
            try:
                check_owner_and_version(connection, self._path)  # before WAL mode, which already writes to the file
                prepare(connection, self._path)
                migrate(connection, self._path)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self._files.remember_identity()
        return self._connection

    def describe_change(self) -> str:
        """Return how the record's file was changed. Empty if it is unchanged."""
        self._change = self._files.describe_change() if self._connection is not None else ""
        return self._change

    def replace_lost_record(self) -> bool:
        """Replace a lost record, and return whether the new one has all committed data.

        A file that was deleted, moved or replaced is still open, and is copied. If the file was truncated, the new
        record is empty. A file that is at the record's path now is renamed. A call after an error continues where the
        call before it failed.
        """
        with self._translated_errors("could not be rewritten"):
            if self._replacement_is_complete is None:
                self._replacement_is_complete = self._place_replacement()
            self._connection_for_writing()
        is_complete, self._replacement_is_complete = self._replacement_is_complete, None
        return is_complete

    def _place_replacement(self) -> bool:
        copy = self._path.with_name(self._path.name + ".rescue")
        is_complete = self._copy_record(copy)
        move_aside(self._path, self._now)
        if is_complete:
            copy.replace(self._path)
        self._roll_back_or_close(sqlite3.Error())  # only now: until here, the lost file is the only other copy
        return is_complete

    def _copy_record(self, copy: Path) -> bool:
        copy.unlink(missing_ok=True)
        if self._connection is None or self._change.endswith("truncated"):
            return False
        try:
            copy_verified(self._connection, copy)
        except sqlite3.Error as error:
            log.error("record_not_copied", error=str(error))
            copy.unlink(missing_ok=True)
            return False
        return True

    def _synchronise(self, level: str) -> None:
        if level != self._synchronous:
            self._connection_for_writing().execute(f"PRAGMA synchronous = {level}")
            self._synchronous = level

    @contextlib.contextmanager
    def _translated_errors(self, action: str, *, writing: bool = True) -> Iterator[None]:
        """Translate SQLite's errors to StoreError, roll back, clear caches and close a broken connection."""
        try:
            yield
        except DamagedRowError as error:
            raise damage_error(self._path, str(error)) from error
        except OSError as error:
            raise StoreError(f"the record {self._path} {action}: {error.strerror}; check its folder") from error
        except sqlite3.Error as error:
            if writing:
                self._roll_back_or_close(error)
            raise StoreError(f"the record {self._path} {action}: {error}{remedy(error)}") from error

    def _roll_back_or_close(self, error: sqlite3.Error) -> None:
        self._batches.forget_ids()
        connection = self._connection
        if connection is not None and primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL):
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                return
        self._close_connection()  # after an I/O error, the state of this connection is not reliable

    def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        self._synchronous = ""
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
