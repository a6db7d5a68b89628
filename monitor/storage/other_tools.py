"""Read the tables of another tool's SQLite database. The database is opened read-only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from monitor.errors import NinewatchError

Row = dict[str, Any]
Rows = list[Row]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of an open database. Rows are read one by one, because a history may be larger than the memory."""

    path: Path
    connection: sqlite3.Connection
    names: frozenset[str]

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table in the order of their ids. Yields none if the table does not exist."""
        if table in self.names:
            quoted = table.replace('"', '""')
            for row in self.connection.execute(f'SELECT * FROM "{quoted}" ORDER BY rowid'):  # noqa: S608 - quoted
                yield dict(row)

    def converted(self, table: str, convert: Callable[[Row], T]) -> Iterator[T]:
        """Yield the result of `convert` for each row of a table.

        Raises:
            NinewatchError: a row cannot be converted; the message contains its number.
        """
        for number, row in enumerate(self.rows(table), 1):
            try:
                result = convert(row)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                problem = f"has no column {error}" if isinstance(error, KeyError) else f"has another form: {error}"
                raise NinewatchError(
                    f"{self.path}: table {table}: row {number} {problem}; specify a database of a supported version"
                ) from None
            yield result


@contextmanager
def open_tables(path: Path) -> Iterator[Tables]:
    """Open the database.

    Raises:
        NinewatchError: the file is not a readable SQLite database.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            known = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            yield Tables(path, connection, frozenset(row["name"] for row in known))
    except sqlite3.Error as error:
        raise NinewatchError(
            f"{path}: cannot be read as an SQLite database: {error}; specify the tool's file"
        ) from None


def read_tables(path: Path, names: Iterable[str]) -> Mapping[str, Rows]:
    """Return the rows of each table in the order of their ids. A table that does not exist has no rows.

    Raises:
        NinewatchError: the file is not a readable SQLite database.
    """
    with open_tables(path) as tables:
        return {name: list(tables.rows(name)) for name in names}
