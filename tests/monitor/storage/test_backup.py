"""A verified copy is made before every change of the tables."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from monitor.errors import StoreError
from monitor.storage import backup, schema
from monitor.storage.backup import backup_path
from monitor.storage.sqlite import SqliteStore
from tests.support.records import NAMES, unpack

if TYPE_CHECKING:
    from pathlib import Path


def rows(path: Path) -> dict[str, list[object]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        actual = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # noqa: S608
        return actual | {"version": connection.execute("PRAGMA user_version").fetchall()}


@pytest.mark.parametrize("name", NAMES)
def test_copy_contains_the_record(tmp_path: Path, name: str) -> None:
    """It includes the write-ahead log. A second start makes no other copy."""
    unpack(name, tmp_path)
    record = tmp_path / "ninewatch.db"
    before = rows(record)
    SqliteStore(record, 0).close()
    (version,) = before["version"][0]
    copy = backup_path(record, version)
    assert rows(copy) == before
    facts_before = before.get("facts", before.get("corrections", []))
    assert [row[:3] for row in rows(record)["facts"]] == [row[:3] for row in facts_before]
    assert rows(record)["version"] == [(len(schema.MIGRATIONS),)]
    stamp = copy.stat().st_mtime_ns
    SqliteStore(record, 0).close()
    assert copy.stat().st_mtime_ns == stamp
    assert [path.name for path in tmp_path.glob("*.schema-*")] == [copy.name]


def test_new_record_needs_no_copy(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "record.db", 0).close()
    assert not list(tmp_path.glob("*.schema-*"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk full")])
def test_record_is_unchanged_if_the_copy_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    unpack(NAMES[0], tmp_path)
    before = rows(tmp_path / "ninewatch.db")

    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr(backup, "copy_verified", failing)
    with pytest.raises(StoreError, match=r"could not be copied first.*free disk space"):
        SqliteStore(tmp_path / "ninewatch.db", 0)
    assert rows(tmp_path / "ninewatch.db") == before


def test_incomplete_copy_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack(NAMES[0], tmp_path)

    class Forgetful(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **_: object) -> None:
            super().backup(target)
            target.execute("DELETE FROM runs")

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: real(*a, factory=Forgetful, **k))
    with pytest.raises(StoreError, match="copy of the table runs is not complete"):
        SqliteStore(tmp_path / "ninewatch.db", 0)
    assert not list(tmp_path.glob("*.schema-*"))
