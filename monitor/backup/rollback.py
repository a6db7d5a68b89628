"""Roll back to the copy of the record from before an upgrade of its tables (`monitor.storage.backup`)."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.append_only_file import sync_directory
from monitor.errors import NinewatchError, StoreError
from monitor.storage.backup import copy_verified, integrity_problem, row_counts
from monitor.storage.connection import open_connection
from monitor.storage.lock import Lock
from monitor.storage.record_file import move_aside
from monitor.storage.schema import check_owner_and_version, pragma
from monitor.storage.validation import refuse_damage

_MAGIC: Final = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class VerifiedCopy:
    """A verified copy of a record: its schema version and its number of rows."""

    schema: int
    rows: int


def is_copy(source: Path) -> bool:
    """Return whether the file is a database rather than an archive of `ninewatch backup`. False if unreadable."""
    try:
        with source.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def restore_copy(record: Path, source: Path, now: int, *, replace: bool, only_verify: bool) -> VerifiedCopy:
    """Verify the copy, then replace the record with it. Files next to the record are kept. No daemon may be running.

    `replace` renames an existing record to `.aside-TIME`, `only_verify` changes nothing. The copy is kept.

    Raises:
        StoreHeldError: a daemon has the record open.
        NinewatchError: the copy is damaged or of a newer version, the record exists, or a file cannot be written.
    """
    verified = _verified(source)
    if only_verify:
        return verified
    try:
        with Lock(record, now), tempfile.TemporaryDirectory(prefix=".ninewatch-restore-", dir=record.parent) as folder:
            if not replace and record.exists() and record.stat().st_size:
                raise StoreError(f"{record} exists, nothing was changed; `--replace` renames it and restores the copy")
            draft = Path(folder) / "record"
            _copy(source, draft)
            move_aside(record, now)
            draft.replace(record)
            sync_directory(record.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NinewatchError(f"cannot restore to {record.parent}: {error.filename or source}: {reason}") from None
    return verified


def _copy(source: Path, draft: Path) -> None:
    """Copy the database with the content of its write-ahead log, and wait until the copy is on disk."""
    try:
        with contextlib.closing(open_connection(source, "ro")) as connection:
            copy_verified(connection, draft)
    except sqlite3.Error as error:
        raise NinewatchError(f"{source} could not be copied, nothing was changed: {error}") from None
    shutil.copymode(source, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def _verified(source: Path) -> VerifiedCopy:
    """Check that the copy is an intact record of this or an earlier version."""
    try:
        with contextlib.closing(open_connection(source, "ro")) as connection:
            check_owner_and_version(connection, source)
            if problem := integrity_problem(connection):
                raise StoreError(f"{source} is damaged ({problem}); restore a backup")
            refuse_damage(connection, source)
            return VerifiedCopy(pragma(connection, "user_version"), sum(row_counts(connection).values()))
    except sqlite3.Error as error:
        raise NinewatchError(f"{source} cannot be verified: {error}; restore a backup") from None
