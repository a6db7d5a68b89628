"""Append a line to a file that several processes append to, or replace a file, and wait until it is on disk."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from pathlib import Path


def append_line(path: Path, line: str, *, mode: int = 0o666) -> None:
    """Append the line, which has no line break, and return once it is on disk. `mode` is that of a new file.

    Raises:
        NinewatchError: it could not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released with the file when it is closed
            file.write(_with_leading_break(file.fileno(), line + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_directory(path.parent)
    except OSError as error:
        raise NinewatchError(f"cannot write {path}: {(error.strerror or 'unwritable').lower()}") from None


def replace_file(path: Path, text: str, *, mode: int) -> None:
    """Replace the file as a whole, and return once it is on disk.

    Raises:
        NinewatchError: it could not be replaced; the existing file is unchanged.
    """
    new = path.with_name(path.name + ".new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise NinewatchError(f"cannot write {new}: {(error.strerror or 'unwritable').lower()}") from None


def sync_directory(path: Path) -> None:
    """Wait until the names in the directory are on disk: those of files that were created or replaced."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with_leading_break(descriptor: int, line: str) -> str:
    """Return the line, preceded by a line break if the last line of the file is incomplete after a crash."""
    size = os.fstat(descriptor).st_size
    torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    return "\n" + line if torn else line
