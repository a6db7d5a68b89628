"""Files of a configuration folder, and how changes of a file are detected."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

_SUFFIXES = (".yaml", ".yml")
_MISSING = b""
_LARGEST = 4 << 20  # bytes of one file that are looked at; nothing that belongs to a configuration is as large


def listed(folder: Path) -> Iterator[Path]:
    """Yield the folder's YAML files by name. What starts with a dot is skipped: a mounted ConfigMap swaps there."""
    for each in sorted(folder.iterdir(), key=lambda path: path.name):
        if each.suffix in _SUFFIXES and not each.name.startswith(".") and not each.is_dir():
            yield each


def digest(path: Path) -> bytes:
    """Return what differs when the file's content, or the names of a folder's YAML files, do; empty if unreadable."""
    try:
        return hashlib.sha256(_content(path)).digest()
    except OSError:
        return _MISSING


def identity(source: Path, files: Mapping[Path, bytes]) -> str:
    """Return a digest of a configuration from the digests of its files: of the source and of each YAML file.

    Paths count as they lie from the source, so that a copy of the folder has the same digest.
    """
    start = os.path.abspath(source)  # noqa: PTH100 - resolve() would follow the symlinks of a mounted ConfigMap
    named = {
        os.path.relpath(os.path.abspath(path), start): found  # noqa: PTH100
        for path, found in files.items()
        if path == source or path.suffix in _SUFFIXES or path.is_dir()
    }
    return hashlib.sha256(b"".join(name.encode() + b"\0" + named[name] for name in sorted(named))).hexdigest()


def _content(path: Path) -> bytes:
    if path.is_dir():
        return "\n".join(each.name for each in listed(path)).encode()
    with opened(path) as file:
        return file.read(_LARGEST)


def opened(path: Path) -> BinaryIO:
    """Return the file, open for reading; a pipe or a device is refused, which could block or never end.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return file


def content(path: Path, most: int = 1 << 20) -> bytes:
    """Return what a file that the configuration names holds; `most` is in bytes.

    Raises:
        ValueError: it cannot be read, or holds more.
    """
    try:
        with opened(path) as file:
            data = file.read(most + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ValueError(f"cannot read {path}: {reason}; a relative path starts at this file") from None
    if len(data) > most:
        raise ValueError(f"{path} is larger than {most >> 20} MiB; name a smaller file")
    return data
