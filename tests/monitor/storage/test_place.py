"""What lies in the record's place is renamed, never written over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.storage.place import put_aside

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_937_879_000_000  # 2026-11-29T07:37:59Z


def test_what_was_put_aside_earlier_keeps_its_name(tmp_path: Path) -> None:
    """Three losses of one daemon, which names them all by the instant at which it opened the record."""
    record = tmp_path / "record.db"
    for content in ("first", "second", "third"):
        record.write_text(content)
        put_aside(record, NOW)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        "record.db.aside-20261129T073759Z": "first",
        "record.db.aside-20261129T073759Z-2": "second",
        "record.db.aside-20261129T073759Z-3": "third",
    }


def test_a_file_and_its_log_get_one_name(tmp_path: Path) -> None:
    """Also where only a log was put aside before."""
    record, log = tmp_path / "record.db", tmp_path / "record.db-wal"
    log.write_text("a log alone")
    put_aside(record, NOW)
    record.write_text("file")
    log.write_text("its log")
    put_aside(record, NOW)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {
        "record.db.aside-20261129T073759Z-wal": "a log alone",
        "record.db.aside-20261129T073759Z-2": "file",
        "record.db.aside-20261129T073759Z-2-wal": "its log",
    }
