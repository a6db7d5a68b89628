"""Detect that the record's file was removed or replaced, and handle a missing record."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain, count
from typing import TYPE_CHECKING, Final

import structlog

from monitor.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

# Files that remain next to a removed record. The lock file is handled separately, because only its content shows
# whether there was a record.
_TRACE_SUFFIXES: Final = ("-wal", "-journal", ".corrections.jsonl", ".journal.jsonl")
# A remaining log would be applied to the next file at the record's path.
_DATABASE_SUFFIXES: Final = ("", "-wal", "-journal", "-shm")
_MAGIC: Final = {"": b"SQLite format 3\0", "-wal": b"\x37\x7f\x06"}  # first bytes of every file with content


class RecordFiles:
    """Compare the files at the record's path with the opened files, by stat and first bytes."""

    def __init__(self, record: Path) -> None:
        self._files = {part: _CheckedFile(_with_suffix(record, part), magic) for part, magic in _MAGIC.items()}

    def remember_identity(self) -> None:
        """Store the identity of the current files. Call this method after opening them."""
        for file in self._files.values():
            file.remember_identity()

    def describe_change(self) -> str:
        """Return how the file or its write-ahead log was changed. Empty if both are unchanged."""
        return self._files[""].describe_change("the record's file") or self._files["-wal"].describe_change(
            "its write-ahead log"
        )


class _CheckedFile:
    def __init__(self, path: Path, magic: bytes) -> None:
        self._path, self._magic = path, magic
        self._identity: tuple[int, int] | None = None
        self._size = 0

    def remember_identity(self) -> None:
        self._identity, self._size = self._stat()

    def _stat(self) -> tuple[tuple[int, int] | None, int]:
        try:
            stat = self._path.stat()
        except OSError:
            return None, 0
        return (stat.st_dev, stat.st_ino), stat.st_size

    def describe_change(self, subject: str) -> str:
        identity, size = self._stat()
        previous_size, self._size = self._size, size
        if self._identity is None:  # not created yet
            self._identity = identity
        elif identity is None:
            return f"{subject} was deleted or moved"
        elif identity != self._identity:
            return f"{subject} was replaced by another file"
        elif size < previous_size and (size == 0 or not self._path.name.endswith("-wal")):
            # Without VACUUM and TRUNCATE checkpoints, SQLite never shrinks the database file, nor the WAL to 0 bytes.
            return f"{subject} was truncated"
        elif size and not self._has_magic():
            # It was truncated, then written at the old offset: the header is zeros.
            return f"{subject} was truncated"
        return ""

    def _has_magic(self) -> bool:
        try:
            with self._path.open("rb", buffering=0) as file:
                return file.read(len(self._magic)) in (self._magic, b"")
        except OSError:  # for example, no file descriptor is left: the next check decides
            return True


def refuse_missing(record: Path, *, lock_had_record: bool) -> None:
    """Check that the record exists or has never existed. `lock_had_record`: according to the lock file, it existed.

    Raises:
        StoreError: the record is missing or empty, and a file next to it shows that there was a record.
    """
    if record.exists() and record.stat().st_size:
        return
    traces = [
        part
        for part in (_with_suffix(record, trace) for trace in _TRACE_SUFFIXES)
        if part.exists() and part.stat().st_size
    ]
    if lock_had_record:
        traces.append(_with_suffix(record, ".lock"))
    if traces:
        raise StoreError(
            f"the record {record} is {'empty' if record.exists() else 'missing'}, but {traces[0].name} next to it shows"
            " that there was a record; restore a backup, or start an empty one with `ninewatch run --new-record`"
        )


def move_aside(record: Path, now: int) -> None:
    """Rename the file at the record's path and its logs, so that no data is lost. `now` is part of the new name.

    Existing files are not overwritten: a second file of the same name ends in `-2`.

    Raises:
        OSError: a file cannot be renamed.
    """
    aside_name = _free_name(record, datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ"))
    for part in _DATABASE_SUFFIXES:
        file = _with_suffix(record, part)
        if part == "-shm" or (file.exists() and not file.stat().st_size):
            file.unlink(missing_ok=True)
        elif file.exists():
            aside = _with_suffix(record, aside_name + part)
            file.replace(aside)
            log.warning("record_file_renamed", file=str(file), renamed_to=str(aside))


def _free_name(record: Path, stamp: str) -> str:
    names = chain([f".aside-{stamp}"], (f".aside-{stamp}-{number}" for number in count(2)))
    return next(
        name for name in names if not any(_with_suffix(record, name + part).exists() for part in _DATABASE_SUFFIXES)
    )


def _with_suffix(record: Path, suffix: str) -> Path:
    return record.with_name(record.name + suffix)
