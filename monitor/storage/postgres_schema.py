"""The tables of a record in PostgreSQL, derived from the tables in SQLite (`schema.py`).

Differences: raw observations are partitioned by day and runs by year, so that old observations are removed by dropping
a table instead of deleting rows. Texts are ordered by code points (collation C), as in SQLite.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from monitor.errors import StoreError
from monitor.storage.postgres_connection import quoted
from monitor.storage.schema import MIGRATIONS, migrate
from sla.interval import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from monitor.storage.postgres_connection import PostgresConnection

# The tables of a record in PostgreSQL are created in the schema of the version that creates them. For each later
# version, this has the statements that migrate a record of the version before.
FIRST_SCHEMA: Final = 10
LATER_SCHEMAS: Final[Mapping[int, tuple[str, ...]]] = {
    11: (
        "CREATE TABLE frames_out (incarnation bigint NOT NULL, seq bigint NOT NULL, at bigint NOT NULL,"
        " body bytea NOT NULL, PRIMARY KEY (incarnation, seq))",
        'CREATE TABLE cursors (vantage text COLLATE "C" NOT NULL PRIMARY KEY, incarnation bigint NOT NULL,'
        " seq bigint NOT NULL)",
    ),
}

OBSERVATIONS, RUNS = "observations", "runs"
COPYING: Final = "copying"  # a table that exists while a copy is incomplete
PARTITION_KEYS: Final = {OBSERVATIONS: "at", RUNS: "first"}
_TYPES: Final = {"INTEGER": "bigint", "TEXT": 'text COLLATE "C"', "BLOB": "bytea"}
_REFUSE_CHANGES: Final = (
    "CREATE FUNCTION {table}_refuse_changes() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN RAISE EXCEPTION '{table} are only ever added'; END $$",
    "CREATE TRIGGER {table}_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " EXECUTE FUNCTION {table}_refuse_changes()",
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the record."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]  # empty for rows that were set aside
    generated: str  # the column whose values are generated, or empty
    statements: tuple[str, ...]  # that create it in PostgreSQL


@cache
def tables() -> tuple[Table, ...]:
    """Return the tables of the newest schema, in the order of their creation."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"))
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall()
        return tuple(_table(connection, name) for (name,) in names)


def prepare_tables(connection: PostgresConnection, location: str, *, copying: bool = False) -> None:
    """Create the tables in an empty database, or migrate those of an earlier version, in one transaction.

    With `copying`, mark new tables as an incomplete copy, and accept an incomplete copy.

    Raises:
        StoreError: the tables belong to another program or to a newer version, or are an incomplete copy.
        psycopg.Error: the tables cannot be read or created.
    """
    connection.begin()
    connection.execute("SELECT pg_advisory_xact_lock(962490995)")  # two processes may start at once
    schema = schema_of(connection, location, allow_copying=copying)
    if schema is None:
        connection.execute("CREATE TABLE ninewatch_record (schema integer NOT NULL)")
        connection.execute("INSERT INTO ninewatch_record (schema) VALUES (?)", (len(MIGRATIONS),))
        if copying:
            connection.execute(f"CREATE TABLE {COPYING} ()")
        for table in tables():
            for statement in table.statements:
                connection.execute(statement)
    else:
        for later in range(schema + 1, len(MIGRATIONS) + 1):
            for statement in LATER_SCHEMAS[later]:
                connection.execute(statement)
            connection.execute("UPDATE ninewatch_record SET schema = ?", (later,))
    connection.commit()


def schema_of(connection: PostgresConnection, location: str, *, allow_copying: bool = False) -> int | None:
    """Return the schema of the record. None if the database has no tables of a record.

    Raises:
        StoreError: the tables belong to another program or to a newer version, or are an incomplete copy.
        psycopg.Error: the tables cannot be read.
    """
    if not connection.has_table("ninewatch_record"):
        foreign = [table.name for table in tables() if connection.has_table(table.name)]
        if foreign:
            raise StoreError(
                f"{location} has a table {foreign[0]} of another program and was not changed; name an empty database,"
                " or another schema with `options=-csearch_path=NAME`"
            )
        return None
    if connection.has_table(COPYING) and not allow_copying:
        raise StoreError(f"{location} has an incomplete copy; continue it with `ninewatch store copy`")
    version = int(connection.execute("SELECT schema FROM ninewatch_record").fetchone()[0])
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{location} has schema {version}, this ninewatch supports up to {len(MIGRATIONS)} and did not change it;"
            " run the newer ninewatch that wrote it"
        )
    return version


def drop_tables(connection: PostgresConnection) -> None:
    """Drop all tables of a record in the current transaction.

    Raises:
        psycopg.Error: they cannot be dropped.
    """
    for name in (*(table.name for table in reversed(tables())), "ninewatch_record", COPYING):
        connection.execute(f"DROP TABLE IF EXISTS {name} CASCADE")
        connection.execute(f"DROP FUNCTION IF EXISTS {name}_refuse_changes()")


class Partitions:
    """Creates the partitions that rows need, and drops those of old days.

    Call `forget` if a transaction fails, because it may have created partitions.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def forget(self) -> None:
        """Check again which partitions exist."""
        self._known.clear()

    def create(self, connection: PostgresConnection, table: str, instants: Iterable[int]) -> None:
        """Create the partitions of the table for rows with these values of the partition key.

        Raises:
            psycopg.Error: they cannot be created.
        """
        for name, (start, end) in sorted({_partition(table, at) for at in instants}):
            if name not in self._known and not connection.has_table(name):
                # Unlike PARTITION OF, attaching an empty table does not wait for transactions that read the table.
                connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)")
                connection.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")
            self._known.add(name)

    def drop_oldest(self, connection: PostgresConnection, before: int, limit: int) -> int:
        """Drop the oldest days of observations that end at or before `before`, until `limit` rows are deleted.

        Return the number of deleted rows.

        Raises:
            psycopg.Error: they cannot be deleted.
        """
        deleted = 0
        for name in list(_days(connection)):
            if deleted >= limit or _end_of_day(name) > before:
                break
            deleted += connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - our own names
            connection.execute(f"DROP TABLE {name}")
            self._known.discard(name)
        return deleted


def _days(connection: PostgresConnection) -> Iterator[str]:
    """Yield the names of the partitions of observations, oldest first."""
    query = """
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = to_regclass('observations') ORDER BY relname"""
    for (name,) in connection.execute(query):
        yield name


def _end_of_day(name: str) -> int:
    """Return the end of the day of a partition of observations, exclusive."""
    day = datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=UTC)
    return int(day.timestamp()) * SECOND + DAY


def _partition(table: str, at: int) -> tuple[str, tuple[int, int]]:
    """Return the name and the bounds of the partition for the instant: a day of observations, or a year of runs."""
    start = at - at % DAY
    day = datetime.fromtimestamp(start // SECOND, UTC)
    if table == OBSERVATIONS:
        return f"{table}_{day:%Y%m%d}", (start, start + DAY)
    first, following = (datetime(year, 1, 1, tzinfo=UTC) for year in (day.year, day.year + 1))
    return f"{table}_{day:%Y}", (int(first.timestamp()) * SECOND, int(following.timestamp()) * SECOND)


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    key = tuple(column[1] for column in sorted(columns, key=itemgetter(5)) if column[5])
    generated = next((column[1] for column in columns if (column[1],) == key and column[2] == "INTEGER"), "")
    parts = [_column(column, generated) for column in columns]
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, key))})")
    for index in connection.execute(f"PRAGMA index_list({name})").fetchall():
        if index[3] == "u":
            unique = [row[2] for row in connection.execute(f"PRAGMA index_info({index[1]})")]
            parts.append(f"UNIQUE ({', '.join(map(quoted, unique))})")
    partitions = f" PARTITION BY RANGE ({PARTITION_KEYS[name]})" if name in PARTITION_KEYS else ""
    create = f"CREATE TABLE {name} ({', '.join(parts)}){partitions}"
    names = tuple(column[1] for column in columns)
    return Table(name, names, key, generated, (create, *_indexes(connection, name)))


def _column(column: tuple[int, str, str, int, str | None, int], generated: str) -> str:
    _, name, kind, not_null, default, position = column
    if name == generated:
        return f"{quoted(name)} bigint GENERATED BY DEFAULT AS IDENTITY"
    suffix = " NOT NULL" if not_null or position else ""
    return f"{quoted(name)} {_TYPES[kind]}{suffix}{'' if default is None else f' DEFAULT {default}'}"


def _indexes(connection: sqlite3.Connection, name: str) -> Iterator[str]:
    """Yield the statements that create the indexes of a table, and refuse changes of tables that are only added to."""
    query = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?"
    for (statement,) in connection.execute(query, (name,)):
        yield statement
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", (name,)).fetchone():
        yield from (statement.format(table=name) for statement in _REFUSE_CHANGES)
