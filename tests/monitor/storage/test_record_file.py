"""A file at the record's path is renamed and never overwritten."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from monitor.storage.record_file import RecordFiles, move_aside

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_937_879_000_000  # 2026-11-29T07:37:59Z


def test_earlier_set_aside_file_keeps_its_name(tmp_path: Path) -> None:
    """A daemon with three losses uses the instant at which it opened the record in each name."""
    record = tmp_path / "record.db"
    for content in ("first", "second", "third"):
        record.write_text(content)
        move_aside(record, NOW)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "record.db.aside-20261129T073759Z": "first",
        "record.db.aside-20261129T073759Z-2": "second",
        "record.db.aside-20261129T073759Z-3": "third",
    }


def test_file_and_its_log_get_the_same_name(tmp_path: Path) -> None:
    """An earlier file may consist of a log only."""
    record, log = tmp_path / "record.db", tmp_path / "record.db-wal"
    log.write_text("a log alone")
    move_aside(record, NOW)
    record.write_text("file")
    log.write_text("its log")
    move_aside(record, NOW)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "record.db.aside-20261129T073759Z-wal": "a log alone",
        "record.db.aside-20261129T073759Z-2": "file",
        "record.db.aside-20261129T073759Z-2-wal": "its log",
    }


def test_rollback_journal_does_not_stay_at_the_path(tmp_path: Path) -> None:
    """SQLite would apply it to the next file at the path."""
    record = tmp_path / "record.db"
    record.write_text("file")
    (tmp_path / "record.db-journal").write_text("its journal")
    move_aside(record, NOW)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "record.db.aside-20261129T073759Z": "file",
        "record.db.aside-20261129T073759Z-journal": "its journal",
    }


@pytest.mark.parametrize(("part", "change"), [("", "the record's file"), ("-wal", "its write-ahead log")])
def test_truncated_and_rewritten_file_is_detected(tmp_path: Path, part: str, change: str) -> None:
    """A process with an open file continues to write at its old end, so the file has its old length and begins with
    zeros.
    """
    record = tmp_path / "record.db"
    file = tmp_path / f"record.db{part}"
    with contextlib.closing(sqlite3.connect(record)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        files = RecordFiles(record)
        files.remember_identity()
        connection.execute("CREATE TABLE t (x)")
        connection.commit()
        assert files.describe_change() == ""
        length = file.stat().st_size
        os.truncate(file, 0)
        os.truncate(file, length + 4096)
        assert files.describe_change() == f"{change} was truncated"
