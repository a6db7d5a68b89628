"""The intent log keeps every write before it is sent, through a kill, a torn line and a compaction."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from monitor.errors import NinewatchError
from monitor.facts.intent_log import IntentLog
from sla.intent import Answer, Closing, Intent, WriteOutcome

if TYPE_CHECKING:
    from pathlib import Path


def intent(run: str, at: int = 1) -> Intent:
    return Intent(run, "forms/row", "begin", at, "INSERT", ("env KEY",))


def test_intents_are_read_again_by_another_process(tmp_path: Path) -> None:
    log = IntentLog.of(tmp_path / "n.db")
    assert log.read() == {}
    for entry in (intent("a"), Answer("a", "begin", 2, WriteOutcome.ACKNOWLEDGED), intent("b")):
        log.add(entry)
    runs = IntentLog(tmp_path / "n.db.intents.jsonl").read()
    assert [run.outcome("begin") for run in runs.values()] == ["acknowledged", "indeterminate"]
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_torn_and_damaged_lines_do_not_hide_the_others(tmp_path: Path) -> None:
    log = IntentLog(tmp_path / "i")
    log.add(intent("a"))
    with log.path.open("a") as file:
        file.write('{"entry": "closing"}\n{"entry": "inte')
    assert list(log.read()) == ["a"]
    log.add(intent("b"))
    assert list(log.read()) == ["a", "b"]


def test_compaction_keeps_open_and_selected_runs(tmp_path: Path) -> None:
    log = IntentLog(tmp_path / "i")
    for name in ("open", "old", "kept"):
        log.add(intent(name))
    for name in ("old", "kept"):
        log.add(Closing(name, 9))
    before = log.read()
    log.compact(lambda run: run.id == "kept")
    assert log.read() == {name: before[name] for name in ("open", "kept")}
    assert log.lines == 0
    assert log.path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["i"]


def test_compaction_without_superfluous_runs_leaves_the_file(tmp_path: Path) -> None:
    log = IntentLog(tmp_path / "i")
    log.compact(lambda _: False)
    assert not log.path.exists()
    log.add(intent("open"))
    inode = log.path.stat().st_ino
    log.compact(lambda _: False)
    assert log.path.stat().st_ino == inode


def test_log_that_cannot_be_written_or_read_is_an_error(tmp_path: Path) -> None:
    log = IntentLog(tmp_path)
    with pytest.raises(NinewatchError, match="cannot write"):
        log.add(intent("a"))
    with pytest.raises(NinewatchError, match="cannot read"):
        log.read()


def test_names_of_new_and_replaced_files_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, fsync = [], os.fsync

    def recorded(descriptor: int) -> None:
        synced.append(os.path.realpath(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    log, folder = IntentLog(tmp_path / "i"), os.path.realpath(tmp_path)
    log.add(intent("a"))
    log.add(Closing("a", 2))
    assert synced == [f"{folder}/i", folder, f"{folder}/i"]
    synced.clear()
    log.compact(lambda _: False)
    assert synced == [f"{folder}/i.new", folder]


def test_log_that_cannot_be_replaced_is_unchanged(tmp_path: Path) -> None:
    log = IntentLog(tmp_path / "i")
    for entry in (intent("a"), Closing("a", 2)):
        log.add(entry)
    (tmp_path / "i.new").mkdir()
    with pytest.raises(NinewatchError, match="cannot write"):
        log.compact(lambda _: False)
    assert list(log.read()) == ["a"]
