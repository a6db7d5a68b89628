"""Upgrade of the records of earlier versions, and the way back to the earlier version."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.backup.rollback import restore_copy
from monitor.cli import cli
from monitor.config.loader import load
from monitor.errors import NinewatchError, StoreError
from monitor.facts.fact_index import Facts
from monitor.facts.journal import Journal
from monitor.ledger.ledger import Ledger
from monitor.probes.registry import check_types
from monitor.storage import schema
from monitor.storage.lock import StoreHeldError
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from tests.monitor.storage.test_earlier_records import figures
from tests.support.records import NAMES, unpack


def restore(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["restore", *arguments])


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def stored_figures(folder: Path) -> dict[str, Any]:
    """Return the figures of the record as it is, without an upgrade."""
    portfolio = load(folder / "ninewatch.yaml", check_types(allow_exec=False))
    ledger = Ledger(portfolio)
    with reading(portfolio.store) as stored:
        ledger.restore(stored.load_runs(), stored.load_tail(), stored.load_incidents())
        ledger.facts = Facts(stored.load_facts(), Journal.of(portfolio.store).read())
    return figures(ledger, json.loads((folder / "expected.json").read_text()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.fault(59)
def test_earlier_version_names_the_copy_and_reads_it_after_the_restore(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unpack(name, tmp_path)
    record = load(tmp_path / "ninewatch.yaml", check_types(allow_exec=False)).store
    earlier, before = version_of(record), stored_figures(tmp_path)
    SqliteStore(record, 0).close()
    assert earlier < version_of(record) == len(schema.MIGRATIONS)
    copy = record.with_name(f"{record.name}.schema-{earlier}")

    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:earlier])
    with pytest.raises(StoreError) as raised:
        SqliteStore(record, 0)
    command = f"ninewatch restore {copy} --replace -c CONFIGURATION"
    assert f"run the newer ninewatch that wrote it, or go back to the state before its upgrade with `{command}`" in str(
        raised.value
    )

    result = restore(str(copy), "--replace", "-c", "ninewatch.yaml")
    assert result.exit_code == 0, result.output
    assert f"{record}: restored {copy.name}; schema {earlier}, " in result.output
    assert version_of(record) == earlier
    assert stored_figures(tmp_path) == before
    (aside,) = record.parent.glob(f"{record.name}.aside-*Z")
    assert version_of(aside) > earlier
    assert copy.exists()


@pytest.fixture
def upgraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return an upgraded record, and the copy from before its upgrade."""
    monkeypatch.chdir(tmp_path)
    unpack(NAMES[0], tmp_path)
    record = load(tmp_path / "ninewatch.yaml", check_types(allow_exec=False)).store
    earlier = version_of(record)
    SqliteStore(record, 0).close()
    return record, record.with_name(f"{record.name}.schema-{earlier}")


def test_existing_record_is_kept_without_replace(upgraded: tuple[Path, Path]) -> None:
    record, copy = upgraded
    before = version_of(record)
    with pytest.raises(NinewatchError, match=r"exists, nothing was changed; `--replace` renames it"):
        restore_copy(record, copy, 0, replace=False, only_verify=False)
    assert version_of(record) == before


def test_upgraded_record_is_restored_with_its_write_ahead_log(upgraded: tuple[Path, Path]) -> None:
    """The way forward again: the file that the first restore renamed, whose last rows are in its log only."""
    record, copy = upgraded
    with closing(sqlite3.connect(record)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO clock_steps (at, size) VALUES (7, 70)")
        connection.commit()
        log, shared = (record.with_name(record.name + suffix) for suffix in ("-wal", "-shm"))
        saved = {path: path.read_bytes() for path in (record, log, shared)}
    for path, content in saved.items():  # as after a kill: the last connection did not write the log to the file
        path.write_bytes(content)
    restore_copy(record, copy, 0, replace=True, only_verify=False)
    (aside,) = (path for path in record.parent.glob(f"{record.name}.aside-*Z"))
    result = restore(str(aside), "--replace", "-c", "ninewatch.yaml")
    assert result.exit_code == 0, result.output
    with closing(sqlite3.connect(record)) as connection:
        assert connection.execute("SELECT at, size FROM clock_steps WHERE at = 7").fetchall() == [(7, 70)]


def test_verify_changes_nothing(upgraded: tuple[Path, Path]) -> None:
    record, copy = upgraded
    names = sorted(path.name for path in record.parent.iterdir())
    result = restore(str(copy), "--verify", "-c", "ninewatch.yaml")
    assert (result.exit_code, "sound" in result.output) == (0, True)
    assert sorted(path.name for path in record.parent.iterdir()) == names


def test_record_of_a_running_daemon_is_not_replaced(upgraded: tuple[Path, Path]) -> None:
    record, copy = upgraded
    store = SqliteStore(record, 0)
    try:
        with pytest.raises(StoreHeldError):
            restore_copy(record, copy, 0, replace=True, only_verify=False)
    finally:
        store.close()


@pytest.mark.parametrize("damage", ["pages", "owner"])
def test_damaged_or_foreign_copy_is_rejected_and_nothing_changed(upgraded: tuple[Path, Path], damage: str) -> None:
    record, copy = upgraded
    before = version_of(record)
    if damage == "pages":
        content = bytearray(copy.read_bytes())
        content[4096:] = b"\xff" * len(content[4096:])
        copy.write_bytes(content)
    else:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA application_id = 1")
            connection.commit()
    with pytest.raises(NinewatchError, match=copy.name):
        restore_copy(record, copy, 0, replace=True, only_verify=False)
    assert version_of(record) == before


def test_newer_record_without_a_copy_names_another_store(tmp_path: Path) -> None:
    record = tmp_path / "n.db"
    SqliteStore(record, 0).close()
    with closing(sqlite3.connect(record)) as connection:
        connection.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="run the newer ninewatch that wrote it, or set another `store:`"):
        SqliteStore(record, 0)
