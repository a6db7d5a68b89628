"""The audit log: entries are read back as they were appended, and only once; damaged lines are skipped."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from monitor.access.audit_log import AuditEntry, AuditLog, ChangeOrigin, Event, Means
from monitor.errors import NinewatchError
from tests.support.ledgers import NOW

ORIGIN = ChangeOrigin(Means.SESSION, "Ana Ng", "subject-1", "192.0.2.7")


def entry(number: int) -> AuditEntry:
    return AuditEntry(NOW + number, Event.SIGN_IN, ORIGIN, detail={"role": "operator"})


def change(number: int) -> AuditEntry:
    return AuditEntry(NOW + number, Event.CHANGE, ORIGIN, f"{number:012x}", "silence", "forms")


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog.of(tmp_path / "r.db")


def test_entries_are_returned_as_appended_also_to_another_reader(log: AuditLog) -> None:
    assert list(log.entries()) == []
    log.append(entry(1))
    assert list(log.entries()) == [entry(1)]
    log.append(change(2))
    AuditLog(log.path).append(entry(3))
    assert list(log.entries()) == list(AuditLog(log.path).entries()) == [entry(1), change(2), entry(3)]
    assert list(log.entries()) == list(log.entries())


def test_file_is_readable_by_its_owner_only(log: AuditLog) -> None:
    log.append(entry(1))
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_line_that_is_being_written_is_read_once_it_is_complete(log: AuditLog) -> None:
    log.append(entry(1))
    log.append(entry(2))
    complete = log.path.read_bytes()
    log.path.write_bytes(complete[:-20])
    assert list(log.entries()) == [entry(1)]
    with log.path.open("ab") as file:
        file.write(complete[-20:])
    assert list(log.entries()) == [entry(1), entry(2)]


@pytest.mark.parametrize("line", ["{", "[]", '{"at": "x"}', '{"event": "change"}'])
def test_damaged_lines_are_skipped(log: AuditLog, line: str) -> None:
    log.append(entry(1))
    with log.path.open("a") as file:
        file.write(line + "\n")
    log.append(entry(2))
    assert list(log.entries()) == [entry(1), entry(2)]


def test_entries_of_another_file_replace_those_of_the_former_one(log: AuditLog) -> None:
    log.append(entry(1))
    assert list(log.entries()) == [entry(1)]
    log.path.rename(log.path.with_suffix(".old"))
    assert list(log.entries()) == []
    log.append(entry(2))
    assert list(log.entries()) == [entry(2)]


def test_file_that_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    with pytest.raises(NinewatchError, match="cannot read"):
        log.entries()
    with pytest.raises(NinewatchError, match="cannot write"):
        log.append(entry(1))


def test_file_that_became_shorter_is_read_again(log: AuditLog) -> None:
    log.append(entry(1))
    first = log.path.read_bytes()
    log.append(entry(2))
    assert list(log.entries()) == [entry(1), entry(2)]
    log.path.write_bytes(first)  # for example from a backup, into the same file
    assert list(log.entries()) == [entry(1)]


def test_text_that_is_not_valid_unicode_is_kept(log: AuditLog) -> None:
    refused = AuditEntry(1, Event.SIGN_IN_REFUSED, ChangeOrigin(Means.SESSION, "", "\ud800 \\ud800", "127.0.0.1"))
    log.append(refused)
    assert list(log.entries()) == [refused]
