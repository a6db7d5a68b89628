"""Detection of changes: edits, renames, ConfigMap swaps and rotated secrets, once, and only when files are stable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.config.loader import examine
from monitor.config.watcher import Watcher
from tests.monitor.config.kinds import KINDS, MINIMAL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(MINIMAL)
    return tmp_path


def watcher_of(path: Path) -> Watcher:
    watcher = Watcher(path, examine(path, KINDS).files)
    assert not watcher.changed()
    return watcher


def change_is_detected(watcher: Watcher) -> bool:
    """Check twice: the first check detects the change, the second confirms that the file is stable."""
    return [watcher.changed(), watcher.changed()] == [False, True]


def test_unchanged_files_are_not_reported(folder: Path) -> None:
    watcher = watcher_of(folder)
    assert not any(watcher.changed() for _ in range(100))


def test_edit_is_detected_once(folder: Path) -> None:
    watcher = watcher_of(folder)
    (folder / "a.yaml").write_text(MINIMAL + "# more\n")
    assert change_is_detected(watcher)
    assert not any(watcher.changed() for _ in range(100))


def test_edit_of_the_same_length_is_detected(folder: Path) -> None:
    watcher = watcher_of(folder)
    (folder / "a.yaml").write_text(MINIMAL.replace("99.9", "99.5"))
    assert change_is_detected(watcher)


def test_edit_with_unchanged_stat_is_detected_by_content(folder: Path) -> None:
    """On a file system with coarse timestamps, the stat result does not change.

    The files are also read from time to time.
    """
    watcher = watcher_of(folder)
    path = folder / "a.yaml"
    path.write_text(MINIMAL.replace("99.9", "99.5"))
    known = {known_path: (stamp, digest) for known_path, (stamp, digest) in watcher._known.items()}
    stat = path.stat()
    stamp = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)
    watcher._known = {
        known_path: (stamp if known_path == path else old, digest) for known_path, (old, digest) in known.items()
    }
    assert any(watcher.changed() for _ in range(60))


def test_touched_file_is_not_reported(folder: Path) -> None:
    watcher = watcher_of(folder)
    os.utime(folder / "a.yaml", ns=(1, 1))
    assert not any(watcher.changed() for _ in range(3))


@pytest.mark.fault(43)
def test_file_that_still_changes_is_not_reported(folder: Path) -> None:
    watcher = watcher_of(folder)
    for part in ("prod", "products", "products:\n"):
        (folder / "a.yaml").write_text(part)
        assert not watcher.changed()
    assert watcher.changed()


def test_new_yaml_file_is_detected_and_other_files_are_ignored(folder: Path) -> None:
    watcher = watcher_of(folder)
    (folder / "notes.txt").write_text("x")
    assert not any(watcher.changed() for _ in range(3))
    (folder / "b.yaml").write_text("title: x\n")
    assert change_is_detected(watcher)


def test_deleted_file_is_detected(folder: Path) -> None:
    watcher = watcher_of(folder)
    (folder / "a.yaml").unlink()
    assert change_is_detected(watcher)


def test_atomic_rename_is_detected(folder: Path) -> None:
    watcher = watcher_of(folder)
    (folder / "new").write_text(MINIMAL + "# more\n")
    (folder / "new").replace(folder / "a.yaml")
    assert change_is_detected(watcher)


@pytest.mark.fault(43)
def test_swap_of_a_mounted_config_map_is_detected(tmp_path: Path) -> None:
    """The files are links into ..data, which is a link to a dated folder. Kubernetes replaces ..data by a rename."""
    for stamp, text in (("..2026_01", MINIMAL), ("..2026_02", MINIMAL.replace("99.9", "99.5"))):
        (tmp_path / stamp).mkdir()
        (tmp_path / stamp / "ninewatch.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "ninewatch.yaml").symlink_to("..data/ninewatch.yaml")
    watcher = watcher_of(tmp_path)
    (tmp_path / "..tmp").symlink_to("..2026_02")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert change_is_detected(watcher)


@pytest.mark.fault(58)
def test_changes_of_secret_files_and_included_files_are_detected(folder: Path, tmp_path: Path) -> None:
    (folder / "token").write_text("first")
    (folder / "inner").mkdir()
    (folder / "inner" / "b.yaml").write_text("engine: {max_in_flight: 5}\n")
    text = MINIMAL.replace("interval: 1s", "interval: 1s, bearer: {file: token}") + "include: [inner]\n"
    (folder / "a.yaml").write_text(text)
    watcher = watcher_of(folder / "a.yaml")
    (folder / "token").write_text("second")
    assert change_is_detected(watcher)
    (folder / "inner" / "b.yaml").write_text("engine: {max_in_flight: 6}\n")
    assert change_is_detected(watcher)


def test_change_loaded_by_sighup_is_not_reported_again(folder: Path) -> None:
    """SIGHUP loads immediately and passes the files that were read to the watcher."""
    watcher = watcher_of(folder)
    (folder / "a.yaml").write_text(MINIMAL + "# more\n")
    watcher.watch(examine(folder, KINDS).files)
    assert not any(watcher.changed() for _ in range(3))
