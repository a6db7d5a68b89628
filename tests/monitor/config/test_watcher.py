"""Noticing a change: edits, renames, ConfigMap swaps, secrets; once, and only when the files hold still."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.config.loader import examine
from monitor.config.watcher import Watcher
from tests.monitor.config.kinds import KINDS, SMALLEST


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(SMALLEST)
    return tmp_path


def watching(path: Path) -> Watcher:
    watcher = Watcher(path, examine(path, KINDS).files)
    assert not watcher.changed()
    return watcher


def noticed(watcher: Watcher) -> bool:
    """Look twice: the first look sees the change, the second that it holds still."""
    return [watcher.changed(), watcher.changed()] == [False, True]


def test_nothing_changed_is_nothing_noticed(folder: Path) -> None:
    watcher = watching(folder)
    assert not any(watcher.changed() for _ in range(100))


def test_an_edit_is_noticed_once(folder: Path) -> None:
    watcher = watching(folder)
    (folder / "a.yaml").write_text(SMALLEST + "# more\n")
    assert noticed(watcher)
    assert not any(watcher.changed() for _ in range(100))


def test_an_edit_of_the_same_length_is_noticed(folder: Path) -> None:
    watcher = watching(folder)
    (folder / "a.yaml").write_text(SMALLEST.replace("99.9", "99.5"))
    assert noticed(watcher)


def test_an_edit_that_leaves_no_trace_but_its_content_is_noticed_in_time(folder: Path) -> None:
    """A file system with coarse time stamps: stat tells nothing, reading every so often does."""
    watcher = watching(folder)
    path = folder / "a.yaml"
    path.write_text(SMALLEST.replace("99.9", "99.5"))
    frozen = {each: (stamp, digest) for each, (stamp, digest) in watcher._known.items()}
    stat = path.stat()
    stamp = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)
    watcher._known = {each: (stamp if each == path else old, digest) for each, (old, digest) in frozen.items()}
    assert any(watcher.changed() for _ in range(60))


def test_a_touch_is_no_change(folder: Path) -> None:
    watcher = watching(folder)
    os.utime(folder / "a.yaml", ns=(1, 1))
    assert not any(watcher.changed() for _ in range(3))


def test_a_file_that_is_still_being_written_is_not_loaded(folder: Path) -> None:
    watcher = watching(folder)
    for part in ("prod", "products", "products:\n"):
        (folder / "a.yaml").write_text(part)
        assert not watcher.changed()
    assert watcher.changed()


def test_a_new_file_in_the_folder_is_noticed_and_a_stray_one_is_not(folder: Path) -> None:
    watcher = watching(folder)
    (folder / "notes.txt").write_text("x")
    assert not any(watcher.changed() for _ in range(3))
    (folder / "b.yaml").write_text("title: x\n")
    assert noticed(watcher)


def test_a_file_that_went_is_noticed(folder: Path) -> None:
    watcher = watching(folder)
    (folder / "a.yaml").unlink()
    assert noticed(watcher)


def test_an_atomic_rename_is_noticed(folder: Path) -> None:
    watcher = watching(folder)
    (folder / "new").write_text(SMALLEST + "# more\n")
    (folder / "new").replace(folder / "a.yaml")
    assert noticed(watcher)


def test_the_swap_of_a_mounted_configmap_is_noticed(tmp_path: Path) -> None:
    """Files are links into ..data, which is a link to a dated folder; Kubernetes swaps ..data by a rename."""
    for stamp, text in (("..2026_01", SMALLEST), ("..2026_02", SMALLEST.replace("99.9", "99.5"))):
        (tmp_path / stamp).mkdir()
        (tmp_path / stamp / "ninewatch.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "ninewatch.yaml").symlink_to("..data/ninewatch.yaml")
    watcher = watching(tmp_path)
    (tmp_path / "..tmp").symlink_to("..2026_02")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert noticed(watcher)


def test_a_rotated_secret_and_an_included_file_are_noticed(folder: Path, tmp_path: Path) -> None:
    (folder / "token").write_text("first")
    (folder / "inner").mkdir()
    (folder / "inner" / "b.yaml").write_text("engine: {max_in_flight: 5}\n")
    text = SMALLEST.replace("interval: 1s", "interval: 1s, bearer: {file: token}") + "include: [inner]\n"
    (folder / "a.yaml").write_text(text)
    watcher = watching(folder / "a.yaml")
    (folder / "token").write_text("second")
    assert noticed(watcher)
    (folder / "inner" / "b.yaml").write_text("engine: {max_in_flight: 6}\n")
    assert noticed(watcher)


def test_what_was_loaded_by_request_is_not_noticed_again(folder: Path) -> None:
    """SIGHUP loads at once and tells the watcher what it read."""
    watcher = watching(folder)
    (folder / "a.yaml").write_text(SMALLEST + "# more\n")
    watcher.watch(examine(folder, KINDS).files)
    assert not any(watcher.changed() for _ in range(3))
