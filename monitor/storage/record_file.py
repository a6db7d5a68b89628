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

# What lies next to a record that there was: its lock apart, which says itself whether there was one.
_TRACES: Final = ("-wal", "-journal", ".corrections.jsonl", ".journal.jsonl")
_PARTS: Final = ("", "-wal", "-shm")
_BEGINS: Final = {"": b"SQLite format 3\0", "-wal": b"\x37\x7f\x06"}  # as every such file does once it has content


class RecordFiles:
    """Compares the files at the record's path with those that were opened, by stat and their first bytes."""

    def __init__(self, record: Path) -> None:
        self._files = {part: _Watched(_part(record, part), begins) for part, begins in _BEGINS.items()}

    def note(self) -> None:
        """Note the identity of the present files. Call it when they were opened."""
        for file in self._files.values():
            file.note()

    def lost(self) -> str:
        """Return what happened to the record's file or its write-ahead log; empty while both are in place."""
        return self._files[""].lost("the record's file") or self._files["-wal"].lost("its write-ahead log")


class _Watched:
    def __init__(self, path: Path, begins: bytes) -> None:
        self._path, self._begins = path, begins
        self._identity: tuple[int, int] | None = None
        self._size = 0

    def note(self) -> None:
        self._identity, self._size = self._look()

    def _look(self) -> tuple[tuple[int, int] | None, int]:
        try:
            stat = self._path.stat()
        except OSError:
            return None, 0
        return (stat.st_dev, stat.st_ino), stat.st_size

    def lost(self, what: str) -> str:
        identity, size = self._look()
        before, self._size = self._size, size
        if self._identity is None:  # not made yet
            self._identity = identity
        elif identity is None:
            return f"{what} was deleted or moved"
        elif identity != self._identity:
            return f"{what} was replaced by another file"
        elif size < before and (size == 0 or not self._path.name.endswith("-wal")):
            return f"{what} was cut short"  # SQLite never does that to the file, and never takes all of a log
        elif size and not self._begins_right():
            return f"{what} was cut short"  # and then written to behind the end that it had
        return ""

    def _begins_right(self) -> bool:
        try:
            with self._path.open("rb", buffering=0) as file:
                return file.read(len(self._begins)) in (self._begins, b"")
        except OSError:  # no file descriptor is left, say: the next look sees
            return True


def refuse_missing(record: Path, *, locked_before: bool) -> None:
    """Check that the record exists, or never existed.

    Raises:
        StoreError: it is missing or empty, and what lies next to it shows that there was one.
    """
    if record.exists() and record.stat().st_size:
        return
    traces = [each for each in (_part(record, trace) for trace in _TRACES) if each.exists() and each.stat().st_size]
    if locked_before:
        traces.append(_part(record, ".lock"))
    if traces:
        raise StoreError(
            f"the record {record} is {'empty' if record.exists() else 'missing'}, but {traces[0].name} next to it shows"
            " that there was one; restore a copy, or start an empty one with `ninewatch run --new-record`"
        )


def put_aside(record: Path, now: int) -> None:
    """Rename the file at the record's path and its log, so that nothing is lost. `now` is part of the name.

    What was put aside before keeps its name: the second of one name ends in `-2`.

    Raises:
        OSError: it cannot be renamed.
    """
    aside_name = _free_name(record, datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ"))
    for part in _PARTS:
        file = _part(record, part)
        if part == "-shm" or (file.exists() and not file.stat().st_size):
            file.unlink(missing_ok=True)
        elif file.exists():
            aside = _part(record, aside_name + part)
            file.replace(aside)
            log.warning("record_put_aside", file=str(aside))


def _free_name(record: Path, stamp: str) -> str:
    names = chain([f".aside-{stamp}"], (f".aside-{stamp}-{number}" for number in count(2)))
    return next(name for name in names if not any(_part(record, name + part).exists() for part in _PARTS))


def _part(record: Path, part: str) -> Path:
    return record.with_name(record.name + part)
