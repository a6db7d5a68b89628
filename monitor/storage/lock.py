"""Lock the record for one daemon; the lock ends with its process and names its holder."""

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

# Locks and shared memory cannot be relied on over these: two daemons may both get in, a WAL may tear.
MOUNTS = Path("/proc/self/mounts")
NETWORKED = ("nfs", "cifs", "smb", "9p", "ceph", "glusterfs", "fuse.sshfs")


class Lock:
    """Holds `<record>.lock` until released, or until the process ends in whatever way.

    flock and not a pid file: a kill -9 leaves nothing to clean up and a reused pid has no effect. The file's text
    only names the holder, and `had_record` whether an earlier holder had opened a record. It is never deleted:
    a lock on a deleted file protects nothing.
    """

    def __init__(self, record: Path, since: int) -> None:
        """Take the lock. `since` is the present instant, for the message to the one who is refused.

        Raises:
            StoreHeldError: another process holds it; the message says which.
            StoreError: the lock file cannot be made.
        """
        self.path = record.with_name(record.name + ".lock")
        before = self.path.exists()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor: int | None = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}; give the daemon a folder it may write to") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(self._descriptor)
            self.release()
            raise StoreHeldError(f"{record} is in use by {holder}; stop it, or set another `store:`") from error
        self._since = since
        self.had_record = before and _had_record(self._descriptor)
        self.sign(record=self.had_record)
        warn_of_network(self.path.resolve(), MOUNTS)

    def sign(self, *, record: bool) -> None:
        """Write the holder into the lock, and whether it has opened a record: a missing one is then not replaced."""
        assert self._descriptor is not None  # noqa: S101 - for the type checker: it is held
        name = {"pid": os.getpid(), "host": socket.gethostname(), "since": self._since, "record": record}
        with contextlib.suppress(OSError):  # a full disk must not keep the one who holds the lock from starting
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(name).encode(), 0)

    def release(self) -> None:
        """Release the lock. A second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def _holder(descriptor: int) -> str:
    try:
        name = json.loads(os.pread(descriptor, 4096, 0))
        since = datetime.fromtimestamp(int(name["since"]) // 1_000_000, UTC)
        return f"process {int(name['pid'])} on {name['host']} since {since:%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, KeyError, TypeError, OSError, OverflowError):
        return "another process"


def _had_record(descriptor: int) -> bool:
    """Return whether an earlier holder had opened a record, by the text of the lock."""
    try:
        name = json.loads(os.pread(descriptor, 4096, 0))
        return not isinstance(name, dict) or name.get("record") is not False
    except (ValueError, OSError):
        return True


def warn_of_network(path: Path, mounts: Path) -> None:
    """Log a warning if the absolute path lies on a network file system, by the kernel's list of mounts."""
    try:
        fields = [line.split(" ") for line in mounts.read_text().splitlines()]
    except OSError:  # not Linux, or no /proc: the file system is unknown; no warning
        return
    kinds = {Path(re.sub(r"\\(\d{3})", _octal, place)): kind for _, place, kind, *_ in fields}
    kind = next((kinds[folder] for folder in path.parents if folder in kinds), "")
    if kind.startswith(NETWORKED):
        log.warning("record_on_network_file_system", path=str(path), kind=kind, advice="put it on a local disk")


def _octal(match: re.Match[str]) -> str:
    return chr(int(match[1], 8))
