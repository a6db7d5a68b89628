"""Read the tables of another tool's SQLite database. The database is opened read-only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from monitor.errors import NinewatchError

Rows = list[dict[str, Any]]


def read_tables(path: Path, names: Iterable[str]) -> Mapping[str, Rows]:
    """Return the rows of each table in the order of their ids; no rows for a table that does not exist.

    Raises:
        NinewatchError: the file is not a readable SQLite database.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            known = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return {name: _rows(connection, name) if name in known else [] for name in names}
    except sqlite3.Error as error:
        raise NinewatchError(
            f"{path}: cannot be read as an SQLite database: {error}; specify the tool's file"
        ) from None


def _rows(connection: sqlite3.Connection, table: str) -> Rows:
    quoted = table.replace('"', '""')
    return [dict(row) for row in connection.execute(f'SELECT * FROM "{quoted}" ORDER BY rowid')]  # noqa: S608 - quoted
