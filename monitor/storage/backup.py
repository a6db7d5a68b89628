"""Make a verified copy of the record before its tables are migrated."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import structlog

from monitor.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()


def backup_path(record: Path, version: int) -> Path:
    """Return the path of the copy made before the record was migrated from this schema version."""
    return record.with_name(f"{record.name}.schema-{version}")


def newest_backup(record: Path, supported: int) -> Path | None:
    """Return the newest copy made before a migration, with a schema of at most `supported`. None if there is none."""
    paths = (backup_path(record, version) for version in range(supported, 0, -1))
    return next((path for path in paths if path.exists()), None)


def back_up(connection: sqlite3.Connection, record: Path, version: int) -> None:
    """Copy the open record and verify the copy. The copy gets its final name after the verification.

    Raises:
        StoreError: the copy could not be made, or is damaged. The record is unchanged.
    """
    target = backup_path(record, version)
    copy = target.with_name(target.name + ".part")
    try:
        copy.unlink(missing_ok=True)
        copy_verified(connection, copy)
        copy.replace(target)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            copy.unlink(missing_ok=True)
        raise StoreError(
            f"the record {record} was not upgraded, because it could not be copied first: {error};"
            f" free disk space for {target.name} next to it"
        ) from error
    log.info("record_backed_up", copy=str(target), schema=version)


def copy_verified(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the open database to a new file, and verify the copy.

    Raises:
        sqlite3.Error: a file could not be read or written, or the copy differs.
    """
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a single file, complete without a write-ahead log
        if problem := integrity_problem(copy):
            raise sqlite3.DatabaseError(f"the copy is damaged: {problem}")
        copied = row_counts(copy)
        for table, count in row_counts(connection).items():
            if copied.get(table) != count:
                raise sqlite3.DatabaseError(f"the copy of the table {table} is not complete")


def integrity_problem(connection: sqlite3.Connection) -> str | None:
    """Return the first problem that SQLite finds in the database. None if there is none."""
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return None if verdict == "ok" else str(verdict)


def row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of rows by table."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {
        table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - our schema
        for table in sorted(tables)
    }
