"""Read files of a configuration, and compute digests of files to detect changes."""

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
_MAX_DIGEST_BYTES = 4 << 20  # a digest covers the start of a file; configuration files are smaller


def yaml_files(folder: Path) -> Iterator[Path]:
    """Yield the folder's YAML files by name. Hidden files are skipped: a ConfigMap mount swaps its data there."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.suffix in _SUFFIXES and not path.name.startswith(".") and not path.is_dir():
            yield path


def digest(path: Path) -> bytes:
    """Return a digest of a file's content, or of the names of a folder's YAML files. Empty if unreadable."""
    try:
        return hashlib.sha256(_content(path)).digest()
    except OSError:
        return _MISSING


def identity(source: Path, files: Mapping[Path, bytes]) -> str:
    """Return a digest of a configuration, computed from the digests of the source and of each YAML file.

    Paths are included relative to the source, so that a copy of the folder has the same digest.
    """
    start = os.path.abspath(source)  # noqa: PTH100 - resolve() would follow the symlinks of a mounted ConfigMap
    digests = {
        os.path.relpath(os.path.abspath(path), start): file_digest  # noqa: PTH100
        for path, file_digest in files.items()
        if path == source or path.suffix in _SUFFIXES or path.is_dir()
    }
    return hashlib.sha256(b"".join(name.encode() + b"\0" + digests[name] for name in sorted(digests))).hexdigest()


def _content(path: Path) -> bytes:
    if path.is_dir():
        return "\n".join(file.name for file in yaml_files(path)).encode()
    with open_regular(path) as file:
        return file.read(_MAX_DIGEST_BYTES)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading. Pipes and devices are rejected, because reading them could block or never end.

    Raises:
        OSError: the file cannot be opened, or is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return file


def content(path: Path, max_bytes: int = 1 << 20) -> bytes:
    """Return the content of a file that the configuration refers to.

    Raises:
        ValueError: the file cannot be read, or is larger than `max_bytes`.
    """
    try:
        with open_regular(path) as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        remedy = "a relative path is relative to the configuration file that contains the key"
        raise ValueError(f"cannot read {path}: {reason}; {remedy}") from None
    if len(data) > max_bytes:
        raise ValueError(f"{path} is larger than {max_bytes >> 20} MiB; use a smaller file")
    return data
