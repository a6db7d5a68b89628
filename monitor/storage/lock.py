"""Lock the record for one daemon. The lock ends with the daemon's process. The lock file describes the holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog

from monitor.errors import StoreError, StoreHeldError

if TYPE_CHECKING:
    from types import TracebackType

log = structlog.get_logger()

# Locks and shared memory are not reliable on these file systems: two daemons may both get the lock, and the WAL may be
# damaged.
MOUNTS = Path("/proc/self/mounts")
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "fuse.sshfs")


class Lock:
    """A lock on `<record>.lock`, which is held until it is released or the process ends.

    The lock is a flock instead of a pid file, so that it also ends after kill -9, and a reused pid has no effect. The
    file describes the holder, for messages. `had_record`: an earlier holder had opened a record. The file is never
    deleted, because a lock on a deleted file has no effect.
    """

    def __init__(self, record: Path, since: int) -> None:
        """Acquire the lock. `since` is the current instant, for the error message of a second daemon.

        Raises:
            StoreHeldError: another process has the lock; the message contains its pid and host.
            StoreError: the lock file cannot be created.
        """
        self.path = record.with_name(record.name + ".lock")
        existed = self.path.exists()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"{self.path}: {error.strerror}; give the daemon write permission for the folder"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(self._descriptor)
            self.release()
            raise StoreHeldError(f"{record} is in use by {holder}; stop it, or set another `store:`") from error
        self._since = since
        self.had_record = existed and _had_record(self._descriptor)
        self.write_holder(record=self.had_record)
        warn_if_on_network(self.path.resolve(), MOUNTS)

    def write_holder(self, *, record: bool) -> None:
        """Write the holder into the lock file, and whether a record was opened, which must exist at the next start."""
        assert self._descriptor is not None  # noqa: S101 - for the type checker
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": self._since, "record": record}
        with contextlib.suppress(OSError):  # a full disk must not prevent the holder of the lock from starting
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(holder).encode(), 0)

    def release(self) -> None:
        """Release the lock. A second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def had_record(record: Path) -> bool:
    """Return whether a holder of the record's lock had opened a record. False without a lock file."""
    try:
        descriptor = os.open(record.with_name(record.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _had_record(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        since = datetime.fromtimestamp(int(holder["since"]) // 1_000_000, UTC)
        return f"process {int(holder['pid'])} on {holder['host']} since {since:%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, KeyError, TypeError, OSError, OverflowError):
        return "another process"


def _had_record(descriptor: int) -> bool:
    """Return whether an earlier holder had opened a record, according to the lock file."""
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return not isinstance(holder, dict) or holder.get("record") is not False
    except (ValueError, OSError):
        return True


def warn_if_on_network(path: Path, mounts: Path) -> None:
    """Log a warning if the absolute path is on a network file system, according to the kernel's list of mounts."""
    if kind := network_file_system(path, mounts):
        log.warning("record_on_network_file_system", path=str(path), kind=kind, advice="put it on a local disk")


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the kind of the network file system of the absolute path. Empty for a local or unknown file system."""
    try:
        fields = [line.split(" ") for line in mounts.read_text().splitlines()]
    except OSError:  # not Linux, or no /proc: the file system is unknown
        return ""
    kinds = {Path(re.sub(r"\\(\d{3})", _octal, place)): kind for _, place, kind, *_ in fields}
    kind = next((kinds[folder] for folder in path.parents if folder in kinds), "")
    return kind if kind.startswith(NETWORK_FILE_SYSTEMS) else ""


def _octal(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))
