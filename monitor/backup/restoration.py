"""Restore a backup: verify it, and put its files where the configuration expects the record."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from monitor.append_only_file import sync_directory
from monitor.backup.creation import MANIFEST
from monitor.backup.figures import differing_figures
from monitor.backup.manifest import COMPANIONS, BackupFile, Manifest, read_manifest
from monitor.errors import NinewatchError, StoreError
from monitor.storage.backup import integrity_problem, row_counts
from monitor.storage.connection import open_connection
from monitor.storage.lock import Lock
from monitor.storage.schema import check_owner_and_version, pragma

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.config.model import Portfolio

_CHUNK: Final = 1 << 20  # bytes
_MAX_MANIFEST: Final = 64 << 20  # bytes
_DATABASE: Final = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored or verified backup.

    `unconfigured` are products of the backup that are not configured, so that their figures were not compared.
    `differing` are products whose figures differ from those at the backup. `renamed` are existing files that were
    moved, as (old name, new name).
    """

    manifest: Manifest
    unconfigured: list[str]
    differing: list[str]
    renamed: list[tuple[Path, Path]]


def restore_backup(
    portfolio: Portfolio,
    source: Path,
    now: int,
    *,
    replace: bool = False,
    only_verify: bool = False,
    ignore_figures: bool = False,
) -> Restored:
    """Verify a backup, then put its files at the portfolio's `store:`. No daemon may be running there.

    Before any file is changed, verifies the digest of each file, the integrity of the database, the rows of each table,
    and the figures of each configured product. `replace` renames existing files to `.aside-TIME`, `only_verify` changes
    nothing, `ignore_figures` restores the record even if figures differ.

    Raises:
        StoreHeldError: a daemon has the record open.
        NinewatchError: the backup is damaged or of a newer version, a file exists, or a file cannot be written.
    """
    record = portfolio.store
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.gettempdir()) if only_verify else record.parent
        try:
            if not only_verify:
                stack.enter_context(Lock(record, now))
                _refuse_existing(record, replace=replace)
            draft = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".ninewatch-restore-", dir=folder)))
            manifest = _extract(source, draft)
            differing, unconfigured = _verify(portfolio, source, draft / "record", manifest)
            if differing and not ignore_figures:
                raise _figures_differ(source, differing)
            renamed = [] if only_verify else _install(draft, record, manifest, now)
        except OSError as error:
            name = error.filename or source
            raise NinewatchError(
                f"cannot restore to {folder}: {name}: {(error.strerror or str(error)).lower()}"
            ) from None
    return Restored(manifest, unconfigured, differing, renamed)


def _existing(record: Path) -> Iterator[Path]:
    """Yield the existing, non-empty files with the names of the record and its companions."""
    for suffix in (*_DATABASE, *COMPANIONS):
        file = record.with_name(record.name + suffix)
        if file.exists() and file.stat().st_size:
            yield file


def _refuse_existing(record: Path, *, replace: bool) -> None:
    if not replace and (existing := list(_existing(record))):
        raise StoreError(
            f"{existing[0]} exists, nothing was changed; `--replace` renames the existing files and restores the backup"
        )


def _extract(source: Path, folder: Path) -> Manifest:
    """Write the files of the archive into the folder, and compare their digests."""
    try:
        with tarfile.open(source, "r|*") as archive:  # as a stream: members in the order of the manifest
            members = iter(archive)
            manifest = read_manifest(_manifest_bytes(archive, members, source), str(source))
            _refuse_full_disk(source, folder, sum(file.size for file in manifest.files))
            for file in manifest.files:
                _extract_file(archive, members, file, folder / file.member, source)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise NinewatchError(f"{source} is not a complete backup: it is damaged or truncated ({error})") from None
    except FileNotFoundError as error:
        raise NinewatchError(f"cannot read {error.filename}: no such file") from None
    return manifest


def _refuse_full_disk(source: Path, folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise NinewatchError(f"{source} needs {size >> 20:,} MiB in {folder}, {free >> 20:,} MiB are free; free space")


def _manifest_bytes(archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo], source: Path) -> bytes:
    entry = next(members, None)
    content = None if entry is None or entry.name != MANIFEST else archive.extractfile(entry)
    if entry is None or content is None or entry.size > _MAX_MANIFEST:
        raise NinewatchError(f"{source} is not a backup of ninewatch: it does not begin with {MANIFEST}")
    return content.read()


def _extract_file(
    archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo], file: BackupFile, target: Path, source: Path
) -> None:
    entry = next(members, None)
    content = None if entry is None or entry.name != file.member else archive.extractfile(entry)
    if content is None:
        raise NinewatchError(f"{source} does not contain {file.member}; the backup is incomplete")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, file.mode & 0o777)
    with os.fdopen(descriptor, "wb") as output:
        if _copy(content, output.write, file.size) != file.sha256:
            raise NinewatchError(f"{source}: {file.member} was changed after the backup; restore another backup")
        output.flush()
        os.fsync(output.fileno())


def _copy(source: IO[bytes], write: Callable[[bytes], int], size: int) -> str:
    """Copy at most `size` bytes plus one chunk, and return their SHA-256 digest in hexadecimal."""
    digest, copied = hashlib.sha256(), 0
    while copied <= size and (chunk := source.read(_CHUNK)):
        copied += len(chunk)
        digest.update(chunk)
        write(chunk)
    return digest.hexdigest()


def _verify(portfolio: Portfolio, source: Path, copy: Path, manifest: Manifest) -> tuple[list[str], list[str]]:
    """Compare the extracted record with the manifest. Return `differing` and `unconfigured` of `Restored`."""
    try:
        with contextlib.closing(open_connection(copy, "ro")) as connection:
            check_owner_and_version(connection, source)
            if problem := integrity_problem(connection):
                raise StoreError(f"{source}: its record is damaged ({problem}); restore another backup")
            schema, rows = pragma(connection, "user_version"), row_counts(connection)
        if (manifest.schema, manifest.rows) != (schema, rows):
            raise StoreError(f"{source}: its record has other rows than the backup states; restore another backup")
        return differing_figures(portfolio, copy, manifest.figures)
    except (KeyError, TypeError, ValueError, sqlite3.Error) as error:
        raise NinewatchError(f"{source} cannot be verified: {error}; restore another backup") from None


def _figures_differ(source: Path, products: list[str]) -> NinewatchError:
    return NinewatchError(
        f"{source}: the figures of {', '.join(products)} differ from those at the backup, nothing was changed; use the"
        " configuration of that time, or restore with `--ignore-figures`"
    )


def _install(draft: Path, record: Path, manifest: Manifest, now: int) -> list[tuple[Path, Path]]:
    """Rename existing files, then move the restored files into place, the record last."""
    stamp = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    renamed = []
    for file in list(_existing(record)):
        aside = record.with_name(f"{record.name}.aside-{stamp}{file.name.removeprefix(record.name)}")
        file.replace(aside)
        renamed.append((file, aside))
    for suffix in _DATABASE:  # empty files, and shared memory of the previous record
        record.with_name(record.name + suffix).unlink(missing_ok=True)
    for part in reversed(manifest.files):
        (draft / part.member).replace(record.with_name(record.name + part.suffix))
    sync_directory(record.parent)
    return renamed
