"""Create a backup: an archive with a consistent copy of the record and the files next to it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sqlite3
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from monitor.append_only_file import sync_directory
from monitor.backup.figures import recorded_figures
from monitor.backup.manifest import COMPANIONS, RECORD, BackupFile, Manifest
from monitor.errors import NinewatchError, StoreError
from monitor.package_files import version
from monitor.storage.backup import copy_verified, row_counts
from monitor.storage.connection import open_connection, remedy
from monitor.storage.schema import check_owner_and_version, pragma
from monitor.storage.validation import refuse_damage

if TYPE_CHECKING:
    from monitor.config.model import Portfolio

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup: its file, and its manifest."""

    path: Path
    size: int
    manifest: Manifest


def create_backup(portfolio: Portfolio, target: Path, now: int) -> Backup:
    """Write a backup of the portfolio's record, as of `now`. A daemon may be running.

    The target appears only after the copy is verified: the database is intact, has all rows of the record, and only
    possible values. The file is readable by its owner only, because it contains the key of links and hashes of tokens.
    It is compressed if the name ends in `.gz`.

    Raises:
        NinewatchError: the target exists, or the backup could not be written. Nothing remains of it.
    """
    if target.exists():
        raise _exists_error(target)
    record = portfolio.store
    if not record.exists():
        raise StoreError(f"no record at {record}; specify the daemon's configuration with -c")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            copy = Path(folder) / "record"
            files = [*_copy_companions(record, copy), _copy_record(record, copy)]
            manifest = _manifest(portfolio, copy, now, files[-1:] + files[:-1])
            draft = Path(folder) / target.name
            _write_archive(draft, copy, manifest)
            _publish(draft, target)
        sync_directory(target.parent)
    except OSError as error:
        raise NinewatchError(f"cannot write {target}: {(error.strerror or 'unwritable').lower()}") from None
    return Backup(target, target.stat().st_size, manifest)


def _publish(draft: Path, target: Path) -> None:
    """Move the file to its final name. Unlike with a rename, an existing file is an error."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise _exists_error(target) from None


def _exists_error(target: Path) -> NinewatchError:
    return NinewatchError(f"{target} exists and was not changed; name a new file")


def _copy_companions(record: Path, copy: Path) -> list[BackupFile]:
    """Copy the files next to the record first, so that the record already contains what was imported from them."""
    files = []
    for suffix in COMPANIONS:
        source = record.with_name(record.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            content, mode = source.read_bytes(), source.stat().st_mode & 0o777
            copy.with_name(copy.name + suffix).write_bytes(content)
            files.append(BackupFile(suffix, len(content), hashlib.sha256(content).hexdigest(), mode))
    return files


def _copy_record(record: Path, copy: Path) -> BackupFile:
    try:
        with contextlib.closing(open_connection(record, "ro")) as connection:
            connection.execute("BEGIN")  # one snapshot for the copy and the comparison of rows
            check_owner_and_version(connection, record)
            copy_verified(connection, copy)
        with contextlib.closing(open_connection(copy, "ro")) as connection:
            refuse_damage(connection, record)
    except sqlite3.Error as error:
        raise StoreError(f"the record {record} could not be copied: {error}{remedy(error)}") from error
    return BackupFile(RECORD, copy.stat().st_size, _file_digest(copy), record.stat().st_mode & 0o777)


def _file_digest(path: Path) -> str:
    """Return the SHA-256 digest of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(portfolio: Portfolio, copy: Path, now: int, files: list[BackupFile]) -> Manifest:
    with contextlib.closing(open_connection(copy, "ro")) as connection:
        schema, rows = pragma(connection, "user_version"), row_counts(connection)
    return Manifest(version(), now, schema, rows, recorded_figures(portfolio, copy, now), tuple(files))


def _write_archive(target: Path, copy: Path, manifest: Manifest) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with _open_archive(file, compress=target.suffix == ".gz") as archive:
            content = manifest.as_bytes()
            archive.addfile(_entry(MANIFEST, len(content), manifest.made), io.BytesIO(content))
            for part in manifest.files:
                with copy.with_name(part.member).open("rb") as source:
                    archive.addfile(_entry(part.member, part.size, manifest.made), source)
        file.flush()
        os.fsync(file.fileno())


def _open_archive(file: BinaryIO, *, compress: bool) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w:gz") if compress else tarfile.open(fileobj=file, mode="w")


def _entry(name: str, size: int, made: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, made // 1_000_000
    return entry
