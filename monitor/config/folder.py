"""Files as they lie on the disk: which of a folder's make a configuration, and by what a change of one is known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

_SUFFIXES = (".yaml", ".yml")
_MISSING = b""


def listed(folder: Path) -> Iterator[Path]:
    """Yield the folder's YAML files by name. What starts with a dot is skipped: a mounted ConfigMap swaps there."""
    for each in sorted(folder.iterdir(), key=lambda path: path.name):
        if each.suffix in _SUFFIXES and not each.name.startswith(".") and not each.is_dir():
            yield each


def digest(path: Path) -> bytes:
    """Return what differs when the file's content, or the names of a folder's YAML files, do; empty if unreadable."""
    try:
        content = "\n".join(each.name for each in listed(path)).encode() if path.is_dir() else path.read_bytes()
    except OSError:
        return _MISSING
    return hashlib.sha256(content).digest()
