"""Files of JSON lines that several processes append to: append a line, read the lines, or replace the file atomically.

The functions return when the data is on disk.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from monitor.errors import NinewatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

log = structlog.get_logger(__name__)

T = TypeVar("T")

OWNER_ONLY: Final = 0o600  # the mode of private files


def append_json(path: Path, value: Mapping[str, Any], *, mode: int = 0o666) -> None:
    """Append the object as a line, and return once it is on disk. `mode` is that of a new file.

    Raises:
        NinewatchError: it could not be written.
    """
    append_line(path, json.dumps(value, ensure_ascii=False), mode=mode)


def read_json_lines(path: Path, parse: Callable[[Any], T], event: str) -> Iterator[T]:
    """Yield the parsed lines of the file; none if it does not exist.

    A last line without a line break is still being written and is skipped. An invalid line is logged as `event` and
    skipped.

    Raises:
        NinewatchError: the file cannot be read.
    """
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise unreadable(path, error) from None
    yield from parse_json_lines(text.split("\n")[:-1], parse, event, path)


def parse_json_lines(
    lines: list[str], parse: Callable[[Any], T], event: str, path: Path, *, first: int = 1
) -> Iterator[T]:
    """Yield the parsed lines that are not blank. `first` is the number of the first line in the file."""
    for number, line in enumerate(lines, first):
        if line.strip():
            try:
                yield parse(json.loads(line))
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
                log.warning(event, file=str(path), line=number, error=repr(error)[:200])


def unreadable(path: Path, error: OSError) -> NinewatchError:
    """Return the error of a file that cannot be read."""
    return NinewatchError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}")


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
            fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed
            # A lone surrogate, which JSON text may contain, is written as an escape.
            file.write(_with_leading_break(file.fileno(), line + "\n").encode(errors="backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_directory(path.parent)
    except OSError as error:
        raise NinewatchError(f"cannot write {path}: {(error.strerror or 'unwritable').lower()}") from None


def replace_file(path: Path, text: str, *, mode: int) -> None:
    """Replace the file atomically, and return once it is on disk.

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
    """Wait until the directory entries of created or replaced files are on disk."""
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
