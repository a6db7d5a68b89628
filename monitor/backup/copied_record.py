"""The two ends of a copy of a record: a file of SQLite or a database of PostgreSQL."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from monitor.append_only_file import sync_directory
from monitor.errors import NinewatchError, StoreError
from monitor.storage.connection import open_connection, remedy
from monitor.storage.postgres_connection import first_line, location_name, open_postgres, quoted, remedy_of
from monitor.storage.postgres_schema import (
    COPYING,
    PARTITION_KEYS,
    Partitions,
    Table,
    drop_tables,
    prepare_tables,
    schema_of,
    tables,
)
from monitor.storage.reader import Reader
from monitor.storage.schema import MIGRATIONS, check_owner_and_version, migrate, pragma
from monitor.storage.validation import refuse_damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.storage.connection import Connection
    from monitor.storage.postgres_connection import PostgresConnection

    Row = tuple[Any, ...]

CHUNK: Final = 20_000  # rows of a transaction
_SCHEMES: Final = ("postgresql://", "postgres://")


class RecordEnd(ABC):
    """A record with an open connection. `name` is its name in messages."""

    name: str
    connection: Connection

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    def rows_after(self, table: Table, key: Row | None, limit: int) -> list[Row]:
        """Return up to `limit` rows whose key is greater, in the order of the key. A table without a key: all rows."""
        columns, order = _names(table.columns), _names(table.key or table.columns)
        if not table.key:
            query = f"SELECT {columns} FROM {table.name} ORDER BY {order}"  # noqa: S608 - names of our schema
            return self.connection.execute(query).fetchall() if key is None else []
        after = "" if key is None else f" WHERE ({order}) > ({', '.join('?' * len(table.key))})"
        query = f"SELECT {columns} FROM {table.name}{after} ORDER BY {order} LIMIT {limit}"  # noqa: S608
        return self.connection.execute(query, key or ()).fetchall()

    def chunks(self, table: Table, key: Row | None = None) -> Iterator[list[Row]]:
        """Yield all rows of the table whose key is greater, in the order of the key."""
        while rows := self.rows_after(table, key, CHUNK):
            yield [tuple(row) for row in rows]
            key = key_of(table, rows[-1])

    def digest(self, table: Table) -> tuple[int, str]:
        """Return the number of rows of a table, and the SHA-256 digest of all their values."""
        count, digest = 0, hashlib.sha256()
        for rows in self.chunks(table):
            count += len(rows)
            digest.update(repr(rows).encode())
        return count, digest.hexdigest()

    def count(self, table: Table) -> int:
        """Return the number of rows of a table."""
        return int(self.connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608

    @property
    def reader(self) -> Reader:
        """A reader of the record over this connection."""
        return Reader(self.connection)


class Target(RecordEnd):
    """A record that is being created. It gets its name, or can be used, when `finish` was called."""

    def last_key(self, table: Table) -> Row | None:
        """Return the greatest key in a table. None for an empty table, and the first columns without a key."""
        order = ", ".join(f"{quoted(name)} DESC" for name in table.key or table.columns)
        query = f"SELECT {_names(table.key or table.columns)} FROM {table.name} ORDER BY {order} LIMIT 1"  # noqa: S608
        row: Row | None = self.connection.execute(query).fetchone()
        return row

    @abstractmethod
    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows in a transaction of their own."""

    @abstractmethod
    def finish(self) -> None:
        """Make the record usable."""


class SqliteSource(RecordEnd):
    """A file that is read, as of one commit. A daemon may be running."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.name, self.connection, self._connection = str(path), connection, connection
        connection.execute("BEGIN")
        check_owner_and_version(connection, path)
        if pragma(connection, "user_version") != len(MIGRATIONS):
            raise StoreError(
                f"{path} is a record of an earlier version; start `ninewatch run` with it once, then copy it"
            )
        refuse_damage(connection, path)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class PostgresSource(RecordEnd):
    """A database that is read, as of one commit."""

    def __init__(self, connection: PostgresConnection, name: str) -> None:
        self.name, self.connection, self._connection = name, connection, connection
        if schema_of(connection, name) is None:
            raise StoreError(f"{name} has no record; name the database and the schema of a record")
        prepare_tables(connection, name)
        connection.begin_reading()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class SqliteTarget(Target):
    """A file that is created under a temporary name, which a later copy continues."""

    def __init__(self, connection: sqlite3.Connection, draft: Path, path: Path) -> None:
        self.name, self._draft, self._path = str(path), draft, path
        self.connection, self._connection = connection, connection
        migrate(connection, draft)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows in a transaction of their own."""
        values = ", ".join("?" * len(table.columns))
        self._connection.execute("BEGIN")
        self._connection.executemany(
            f"INSERT INTO {table.name} ({_names(table.columns)}) VALUES ({values})",  # noqa: S608 - our schema
            rows,
        )
        self._connection.execute("COMMIT")

    def finish(self) -> None:
        """Give the file its name. Its data is on the disk."""
        self._connection.close()
        self._draft.replace(self._path)
        sync_directory(self._path.parent)


class PostgresTarget(Target):
    """An empty database, or one with an incomplete copy, which this copy continues."""

    def __init__(self, connection: PostgresConnection, name: str, *, restart: bool) -> None:
        self.name, self.connection = name, connection
        self._connection, self._partitions = connection, Partitions()
        if (schema := schema_of(connection, name, allow_copying=True)) is not None:
            if not connection.has_table(COPYING):
                raise StoreError(f"{name} has a record and was not changed; name an empty database, or another schema")
            if restart or schema != len(MIGRATIONS):
                connection.begin()
                drop_tables(connection)
                connection.commit()
        prepare_tables(connection, name, copying=True)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows in a transaction of their own."""
        self._connection.begin(durable=False)
        if table.name in PARTITION_KEYS:
            at = table.columns.index(PARTITION_KEYS[table.name])
            self._partitions.create(self._connection, table.name, (row[at] for row in rows))
        self._connection.copy_in(table.name, table.columns, rows)
        self._connection.commit()

    def finish(self) -> None:
        """Continue the ids where the copied ones end, and mark the copy as complete."""
        self._connection.begin()
        for table in tables():
            if column := table.generated:
                self._connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column}'), max({column}))"  # noqa: S608
                    f" FROM {table.name} HAVING max({column}) IS NOT NULL"
                )
        self._connection.execute(f"DROP TABLE {COPYING}")
        self._connection.commit()


def key_of(table: Table, row: Row) -> Row:
    """Return the key of a row. For a table without a key, all columns."""
    return tuple(row[table.columns.index(name)] for name in table.key or table.columns)


def is_postgres(location: str) -> bool:
    """Return whether a location is a database of PostgreSQL: a URI or a connection string, not a path."""
    return location.startswith(_SCHEMES) or "=" in location.partition(" ")[0]


def open_source(location: str) -> RecordEnd:
    """Open the record that is copied.

    Raises:
        StoreError: there is no record of this version, or it cannot be read.
        NinewatchError: psycopg is not installed, or the connection string is invalid.
    """
    with copy_errors(f"{shown(location)} cannot be read"), contextlib.ExitStack() as closing:
        if is_postgres(location):
            connection = open_postgres(location)
            closing.callback(connection.close)
            source: RecordEnd = PostgresSource(connection, shown(location))
        else:
            path = Path(location)
            if not path.exists():
                raise StoreError(f"no record at {path}")
            file = open_connection(path, "ro")
            closing.callback(file.close)
            source = SqliteSource(file, path)
        closing.pop_all()
        return source


def open_target(location: str, *, restart: bool) -> Target:
    """Open the record that is created. With `restart`, discard an incomplete copy instead of continuing it.

    Raises:
        StoreError: there is a record already, or the record cannot be created.
        NinewatchError: psycopg is not installed, or the connection string is invalid.
    """
    with copy_errors(f"{shown(location)} cannot be created"), contextlib.ExitStack() as closing:
        if is_postgres(location):
            connection = open_postgres(location)
            closing.callback(connection.close)
            target: Target = PostgresTarget(connection, shown(location), restart=restart)
        else:
            path = Path(location)
            draft = path.with_name(path.name + ".part")
            if path.exists():
                raise StoreError(f"{path} exists and was not changed; name a new file")
            if restart:
                draft.unlink(missing_ok=True)
            file = open_connection(draft, "rwc")
            closing.callback(file.close)
            target = SqliteTarget(file, draft, path)
        closing.pop_all()
        return target


def shown(location: str) -> str:
    """Return the name of a location for messages, without a password."""
    return location_name(location) if is_postgres(location) else location


@contextlib.contextmanager
def copy_errors(action: str) -> Iterator[None]:
    """Translate the errors of both engines. `action` begins the message."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{action}: {error}{remedy(error)}") from error
    except OSError as error:
        raise NinewatchError(f"{action}: {(error.strerror or str(error)).lower()}") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "psycopg":  # which may not be installed
            raise
        raise StoreError(f"{action}: {first_line(error)}{remedy_of(error)}") from error


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))
