"""`ninewatch backup` and `ninewatch restore`: nothing is lost, and damage is reported before any file is changed."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
import tarfile
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from monitor.backup import restoration
from monitor.backup.manifest import COMPANIONS
from monitor.cli import cli
from monitor.errors import NinewatchError
from monitor.package_files import shipped_path
from monitor.storage.lock import Lock
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import SECOND
from sla.observation import Observation, Outcome, Run
from tests.support.records import NAMES, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = 1_796_000_000 * SECOND
CONFIG = """\
store: n.db
products:
- {id: demo, objective: 99%, checks: [{id: health, http: "http://127.0.0.1:1/"}]}
- {id: spare, objective: 99%, checks: [{id: health, http: "http://127.0.0.1:1/"}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the working directory one with a configuration, a record of an hour, and all files next to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ninewatch.yaml").write_text(CONFIG)
    store = SqliteStore(tmp_path / "n.db", NOW)
    hour, hold = 3600 * SECOND, 90 * SECOND
    store.write(
        Batch(
            observations=[Observation("demo/health", NOW, Outcome.BAD, reason="timeout")],
            runs=[
                Run("demo/health", Outcome.GOOD, "", NOW - hour, NOW - 60 * SECOND, 60, hold),
                Run("spare/health", Outcome.BAD, "", NOW - hour, NOW - 60 * SECOND, 60, hold),
            ],
        )
    )
    store.close()
    for suffix in COMPANIONS:
        file = tmp_path / f"n.db{suffix}"
        file.touch(mode=0o600 if suffix in (".tokens.jsonl", ".link-key") else 0o644)
        file.write_text("" if suffix.endswith("l") and "token" not in suffix else f"content of {suffix}")
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "-c", "ninewatch.yaml"])


def error(*arguments: str) -> str:
    """Return the message of the expected error."""
    result = invoke(*arguments)
    assert isinstance(result.exception, NinewatchError), result.output
    return str(result.exception)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and permissions of the companions by name."""
    return {
        file.name: (file.read_bytes(), stat.S_IMODE(file.stat().st_mode))
        for suffix in COMPANIONS
        if (file := folder / f"n.db{suffix}").exists()
    }


def rows(record: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(record)) as connection:
        return [
            row
            for table in ("observations", "runs", "series", "progress")
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name of the list
        ]


def remove_record(folder: Path) -> None:
    for file in folder.glob("n.db*"):
        file.unlink()


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz"])
@pytest.mark.fault(60)
def test_restored_record_has_all_rows_files_and_permissions(folder: Path, name: str) -> None:
    files, recorded = contents(folder), rows(folder / "n.db")
    backup = invoke("backup", name)
    assert backup.exit_code == 0
    assert "verified" in backup.output
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    remove_record(folder)
    restored = invoke("restore", name)
    assert "figures of 2 products recomputed and equal" in restored.output
    assert (contents(folder), rows(folder / "n.db")) == (files, recorded)
    assert [file.name for file in folder.iterdir() if file.name.startswith(".")] == []


def test_backup_contains_every_file_that_the_document_lists() -> None:
    table = shipped_path("docs", "record.md").read_text().split("\n\n")
    listed = {
        line.split("`")[1].removeprefix("ninewatch.db")
        for part in table
        if part.startswith("| file |")
        for line in part.splitlines()[2:]
    }
    not_content = {"", "-wal", ".lock", ".schema-N", ".aside-TIME"}  # "" is the record itself
    assert listed - not_content == set(COMPANIONS)


@pytest.mark.parametrize("name", NAMES)
def test_records_of_earlier_versions_are_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    unpack(name, tmp_path)
    assert invoke("backup", "b.tar").exit_code == 0
    for file in tmp_path.glob("*.db*"):
        file.unlink()
    assert invoke("restore", "b.tar").exit_code == 0
    assert invoke("restore", "b.tar", "--verify").exit_code == 0


@pytest.mark.fault(60)
def test_backup_of_a_record_that_is_being_written_is_consistent(folder: Path) -> None:
    store = SqliteStore(folder / "n.db", NOW)
    written, stop = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            at = NOW + number * SECOND
            # Two rows of one transaction: a consistent copy has both or neither.
            store.write(Batch(observations=[Observation(f"demo/{check}", at, Outcome.GOOD) for check in ("a", "b")]))
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        written.wait(60)
        assert invoke("backup", "b.tar").exit_code == 0
    finally:
        stop.set()
        writer.join()
        store.close()
    assert invoke("restore", "b.tar", "--replace").exit_code == 0
    with closing(sqlite3.connect(folder / "n.db")) as connection:
        (odd,) = connection.execute(
            "SELECT count(*) FROM (SELECT at FROM observations WHERE at > ? GROUP BY at HAVING count(*) != 2)", (NOW,)
        ).fetchone()
        (count,) = connection.execute("SELECT count(*) FROM observations WHERE at > ?", (NOW,)).fetchone()
    assert odd == 0
    assert count >= 2


def test_existing_files_are_never_overwritten(folder: Path) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    assert "b.tar exists and was not changed" in error("backup", "b.tar")
    before = rows(folder / "n.db")
    assert "`--replace` renames the existing files" in error("restore", "b.tar")
    assert "renamed n.db to n.db.aside-" in invoke("restore", "b.tar", "--replace").output
    (aside,) = (file for file in folder.glob("n.db.aside-*Z"))
    assert rows(aside) == rows(folder / "n.db") == before


def test_files_next_to_a_missing_record_are_not_overwritten(folder: Path) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    (folder / "n.db").unlink()
    (folder / "n.db.journal.jsonl").write_text("a newer fact\n")
    assert "`--replace`" in error("restore", "b.tar")
    assert invoke("restore", "b.tar", "--replace").exit_code == 0
    (aside,) = folder.glob("n.db.aside-*.journal.jsonl")
    assert aside.read_text() == "a newer fact\n"


def test_record_of_a_running_daemon_is_not_restored(folder: Path) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    with Lock(folder / "n.db", NOW):
        assert "is in use by process" in error("restore", "b.tar", "--replace")
        assert "sound" in invoke("restore", "b.tar", "--verify").output


def rewritten(folder: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write b.tar again after a change of its files by name."""
    with tarfile.open(folder / "b.tar") as archive:
        files = {entry.name: content.read() for entry in archive if (content := archive.extractfile(entry))}
    change(files)
    with tarfile.open(folder / "b.tar", "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def change_manifest(folder: Path, **changes: object) -> None:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | changes).encode()

    rewritten(folder, change)


def change_byte(files: dict[str, bytes]) -> None:
    files["record"] = files["record"][:5000] + b"?" + files["record"][5001:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_byte, "record was changed after the backup"),
        (lambda files: files.pop("record"), "does not contain record"),
        (lambda files: files.pop("record.link-key"), "does not contain record.link-key"),
        (lambda files: files.pop("manifest.json"), "does not begin with manifest.json"),
        (lambda files: files.update({"manifest.json": b"[]"}), "its manifest cannot be read"),
        (lambda files: files.update({"manifest.json": b"{"}), "its manifest cannot be read"),
    ],
)
def test_damaged_backup_changes_nothing(folder: Path, change: Callable[[dict[str, bytes]], None], message: str) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    rewritten(folder, change)
    remove_record(folder)
    assert message in error("restore", "b.tar")
    assert sorted(file.name for file in folder.glob("n.db*")) == ["n.db.lock"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "format version 2"),
        ({"format": "other"}, "its manifest cannot be read"),
        ({"rows": {"observations": 2}}, "other rows than the backup states"),
        ({"files": [{"suffix": "/../x", "size": 1, "sha256": "", "mode": 0o600}]}, "its manifest cannot be read"),
        ({"figures": [{"product": "demo"}]}, "cannot be verified"),
        ({"made": "today"}, "its manifest cannot be read"),
        ({"made": 10**30}, "its manifest cannot be read"),
        ({"files": []}, "its manifest cannot be read"),
        ({"files": [{"suffix": "", "size": 1, "sha256": "", "mode": "rw"}]}, "its manifest cannot be read"),
        ({"files": [{"suffix": "", "size": "1", "sha256": "", "mode": 0o600}]}, "its manifest cannot be read"),
        ({"files": [{"suffix": "", "size": 2**80, "sha256": "", "mode": 0o600}]}, "MiB are free; free space"),
    ],
)
def test_changed_manifest_is_an_error(folder: Path, changes: dict[str, object], message: str) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    change_manifest(folder, **changes)
    assert message in error("restore", "b.tar", "--verify")


def test_copy_ends_soon_after_the_size_in_the_manifest() -> None:
    copied: list[int] = []

    def write(chunk: bytes) -> int:
        copied.append(len(chunk))
        return len(chunk)

    restoration._copy(io.BytesIO(bytes(10 << 20)), write, 100)
    assert copied == [restoration._CHUNK]


def test_larger_file_than_in_the_manifest_is_an_error(folder: Path) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    rewritten(folder, lambda files: files.update({"record": files["record"] + bytes(3 << 20)}))
    assert "record was changed after the backup" in error("restore", "b.tar", "--verify")


def test_manifest_without_an_end_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    monkeypatch.setattr(restoration, "_MAX_MANIFEST", 100)
    assert "not a backup of ninewatch" in error("restore", "b.tar", "--verify")


@pytest.mark.parametrize("size", [0, 100, 3000, 20_000])
def test_truncated_backup_is_an_error(folder: Path, size: int) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    content = (folder / "b.tar").read_bytes()
    (folder / "b.tar").write_bytes(content[:size])
    message = error("restore", "b.tar", "--verify")
    assert "not a complete backup" in message or "does not contain" in message


@pytest.mark.fault(60)
def test_other_figures_are_reported(folder: Path) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    with tarfile.open(folder / "b.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    figures = [figure | {"up_seconds": 1.0} for figure in manifest["figures"] if figure["product"] == "demo"]
    change_manifest(folder, figures=figures)
    remove_record(folder)
    assert "the figures of demo differ from those at the backup, nothing was changed" in error("restore", "b.tar")
    result = invoke("restore", "b.tar", "--ignore-figures")
    assert result.exit_code == 0
    assert "warning: figures differ from those at the backup: demo" in result.output


def test_removed_product_and_changed_objective_do_not_prevent_a_restore(folder: Path) -> None:
    assert invoke("backup", "b.tar").exit_code == 0
    (folder / "ninewatch.yaml").write_text(CONFIG.replace("id: spare", "id: renamed").replace("99%", "90%"))
    result = invoke("restore", "b.tar", "--verify")
    assert "warning: not compared, because not configured: spare" in result.output
    assert "figures of 1 product recomputed and equal" in result.output


def test_damaged_record_is_not_backed_up(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "n.db")) as connection, connection:
        connection.execute("UPDATE runs SET outcome = 9")
    assert "outcome" in error("backup", "b.tar")
    assert list(folder.glob("*b.tar*")) == []


def test_missing_record_and_unwritable_target_are_errors(folder: Path) -> None:
    (folder / "file").touch()
    assert "cannot write file/b.tar" in error("backup", "file/b.tar")
    remove_record(folder)
    assert "no record at" in error("backup", "b.tar")
    assert "cannot read b.tar: no such file" in error("restore", "b.tar")
