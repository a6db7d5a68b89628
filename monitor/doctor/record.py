"""Examine the record: values, files, disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
from typing import TYPE_CHECKING, Final

from monitor.access.audit_log import AuditLog
from monitor.access.link import key_path
from monitor.access.subscriptions import subscriptions_path
from monitor.access.tokens import TokenFile
from monitor.doctor.finding import Finding, error, good, warning
from monitor.errors import NinewatchError
from monitor.storage.connection import open_connection
from monitor.storage.lock import had_record, network_file_system
from monitor.storage.reader import reading
from monitor.storage.record_file import refuse_missing
from sla.duration import format_duration
from sla.interval import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIN_FREE: Final = 200 << 20  # bytes
_MAX_AHEAD: Final = MINUTE  # tolerated lead of the record over the clock; see storage/clock_marks.py


def record_findings(record: Path, now: int) -> Iterator[Finding]:
    """Yield the findings about the record at the path."""
    yield from _folder(record)
    yield from _disk(record)
    try:
        refuse_missing(record, lock_had_record=had_record(record))
        if not record.exists():
            yield good("record", f"{record} does not exist yet; the first start creates it")
            return
        with reading(record) as reader:
            last = max(reader.last_observed().values(), default=None)
        with contextlib.closing(open_connection(record, "ro")) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except (NinewatchError, sqlite3.Error) as problem:
        yield error("record", str(problem), "restore a backup with `ninewatch restore`, or see docs/record.md")
        return
    if verdict != "ok":
        yield error("record", f"{record} is damaged: {verdict}", "restore a backup with `ninewatch restore`")
    else:
        yield good("record", f"{record} is sound; {_age(last, now)}")
    if last is not None and last > now + _MAX_AHEAD:
        yield error(
            "clock",
            f"the record is {format_duration(last - now)} ahead of the clock",
            "correct the clock (docs/runbook.md, NinewatchClockWrong)",
        )
    yield from _private_files(record)


def _age(last: int | None, now: int) -> str:
    if last is None:
        return "no closed runs yet"
    return f"its last closed run ended {format_duration(max(0, now - last))} ago"


def _folder(record: Path) -> Iterator[Finding]:
    folder = next((parent for parent in record.absolute().parents if parent.exists()), record.absolute().parent)
    kind = network_file_system(record.absolute())
    if not os.access(folder, os.W_OK | os.X_OK):
        yield error(
            "permissions", f"{folder} is not writable", "give the daemon's user write permission for the folder"
        )
    elif record.exists() and not os.access(record, os.W_OK):
        yield error("permissions", f"{record} is not writable", "give the daemon's user write permission for the file")
    elif kind:
        yield warning("disk", f"{record} is on a network file system ({kind})", "put the record on a local disk")


def _disk(record: Path) -> Iterator[Finding]:
    folder = next(parent for parent in record.absolute().parents if parent.exists())
    free, size = shutil.disk_usage(folder).free, record.stat().st_size if record.exists() else 0
    text = f"{free >> 20:,} MiB free for {folder}, the record has {size >> 20:,} MiB"
    if free < MIN_FREE:
        yield error("disk", text, "free space; without it, observations cannot be written")
    elif free < size + MIN_FREE:
        yield warning("disk", text, "free space; an upgrade of the record needs as much space as the record has")
    else:
        yield good("disk", text)


def _private_files(record: Path) -> Iterator[Finding]:
    tokens, audit = TokenFile.of(record).path, AuditLog.of(record).path
    for file in (key_path(record), tokens, audit, subscriptions_path(record)):
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
            yield warning("permissions", f"{file} is readable by other users", f"chmod 600 {file}")
