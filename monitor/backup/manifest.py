"""The manifest of a backup: files with digests, row counts by table, and figures of each product."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import NinewatchError
from sla.window import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMAT: Final = "ninewatch-backup"
VERSION: Final = 1
RECORD: Final = ""  # suffix of the record itself

COMPANIONS: Final = (
    ".journal.jsonl",
    ".corrections.jsonl",
    ".codes.json",
    ".journeys.jsonl",
    ".intents.jsonl",
    ".tokens.jsonl",
    ".audit.jsonl",
    ".link-key",
    ".subscriptions.jsonl",
)
"""Suffixes of the files next to the record that a backup contains; docs/record.md describes them."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file of a backup. `suffix` follows the record's name; `mode` are its permissions."""

    suffix: str
    size: int
    sha256: str
    mode: int

    @property
    def member(self) -> str:
        """Return the name in the archive."""
        return f"record{self.suffix}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of a backup.

    `made` is the instant of the backup, microseconds since the epoch. `schema` is the version of the record's tables,
    `rows` the number of rows by table, `figures` the result of `figures.recorded_figures`.
    """

    ninewatch: str
    made: int
    schema: int
    rows: dict[str, int]
    figures: list[dict[str, Any]]
    files: tuple[BackupFile, ...]

    def as_bytes(self) -> bytes:
        """Return the manifest as JSON."""
        head = {"format": FORMAT, "version": VERSION}
        return (json.dumps(head | asdict(self), ensure_ascii=False, indent=1) + "\n").encode()


def read_manifest(content: bytes, path: str) -> Manifest:
    """Return the manifest.

    Raises:
        NinewatchError: the manifest is unreadable, or of another or a newer format.
    """
    try:
        data = json.loads(content)
        kind, version = data.pop("format"), data.pop("version")
        if kind != FORMAT or not isinstance(version, int):
            raise ValueError(kind)
        if version > VERSION:
            raise NinewatchError(
                f"{path} is a backup of format version {version}, this ninewatch supports up to {VERSION};"
                f" restore it with the version that wrote it, {str(data.get('ninewatch'))[:40]}, or a newer one"
            )
        files = tuple(BackupFile(**file) for file in data.pop("files"))
        _check_files(files)
        manifest = Manifest(**data, files=files)
        format_instant(manifest.made)
        return manifest
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise NinewatchError(f"{path} is not a backup of ninewatch: its manifest cannot be read") from None


def _check_files(files: Sequence[BackupFile]) -> None:
    """Check that the record is first, that all others are distinct companion files, and the types of the fields.

    Raises:
        ValueError: a condition is violated.
    """
    record, *others = (file.suffix for file in files)
    if record != RECORD or len(set(others)) != len(others) or not {*others} <= {*COMPANIONS}:
        raise ValueError("files")
    if not all(type(number) is int and number >= 0 for file in files for number in (file.size, file.mode)):
        raise ValueError("numbers")
