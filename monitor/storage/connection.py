"""Connections to a record, opening the SQLite file, and remedies for SQLite's errors."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final, Protocol

from monitor.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Parameters = tuple[Any, ...] | dict[str, Any]


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """The number of rows that an INSERT, UPDATE or DELETE changed."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all remaining rows."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection to a record in SQLite (`sqlite3.Connection`) or PostgreSQL (`PostgresConnection`).

    Statements have SQLite's placeholders: `?` for a tuple of values, `:name` for a dictionary.
    """

    def execute(self, statement: str, values: Parameters = ..., /) -> Rows:
        """Execute a statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[tuple[Any, ...]], /) -> object:
        """Execute a statement once for each row of values."""
        ...


def has_table(connection: Connection, name: str) -> bool:
    """Return whether the record has the table. Records of earlier versions do not have all tables."""
    if not isinstance(connection, sqlite3.Connection):
        return True  # a record in PostgreSQL is migrated before it is read
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchone() is not None


def has_rechecks(connection: Connection) -> bool:
    """Return whether the record's rows have the column `recheck`, unlike records of earlier versions."""
    if not isinstance(connection, sqlite3.Connection):
        return True
    query = "SELECT 1 FROM pragma_table_info('runs') WHERE name = 'recheck'"
    return connection.execute(query).fetchone() is not None


BUSY_TIMEOUT: Final = 1.0  # seconds to wait for another process's transaction; then the write fails and is retried

# Only the writer checkpoints, on request, and readers are opened read-only: two connections that checkpoint at
# once can corrupt a WAL under SQLite 3.7.0 to 3.51.2 (sqlite.org/wal.html, "the WAL-reset bug").
# No mmap: if another program truncated the file, SIGBUS would end the process instead of an error.
_PRAGMAS: Final = (
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA mmap_size = 0",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA trusted_schema = 0",
)


def open_connection(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file in the mode `ro` or `rwc`, without implicit transactions."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set the pragmas for writing.

    Raises:
        StoreError: the file system does not support a write-ahead log.
        sqlite3.Error: the file cannot be read or written.
    """
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"{path}: the file system does not support a write-ahead log; put the record on a local disk")
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchall()


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code of the error, or 0."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # higher bytes are the extended code


# Remedies by primary code.
_REMEDIES: Final = {
    sqlite3.SQLITE_FULL: "free space on its disk",
    sqlite3.SQLITE_BUSY: "another program has locked it; end that program's transaction",
    sqlite3.SQLITE_NOTADB: "the file was not changed; move it away, or set another `store:`",
    sqlite3.SQLITE_CORRUPT: "the file was not changed; move it away and restore a backup, or set another `store:`",
    sqlite3.SQLITE_ERROR: "the file was not changed; restore a backup, or set another `store:`",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and is writable",
    sqlite3.SQLITE_READONLY: "give the daemon write permission",
    sqlite3.SQLITE_IOERR: "check its disk",
}


def remedy(error: sqlite3.Error) -> str:
    """Return the remedy for the error as the end of a message. Empty if unknown."""
    text = _REMEDIES.get(primary_code(error))
    return f"; {text}" if text else ""
