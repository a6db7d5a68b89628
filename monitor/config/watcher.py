"""Detect changes of configuration files by polling, about once per second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitor.config.file_access import digest

_POLLS_BETWEEN_READS = 30  # polls after which files are read even if their stat is unchanged


class Watcher:
    """Detects whether the configuration files differ from the loaded ones.

    It polls, because inotify misses changes on network file systems and swaps of a ConfigMap's symlink. A poll needs
    one stat per file. Contents are read if the stat differs (timestamps, size, or inode after atomic renames and
    symlink swaps), and at every thirtieth poll, for file systems with coarse timestamps.
    """

    def __init__(self, source: Path, files: Mapping[Path, bytes] | None = None) -> None:
        """Watch the source, a file or a folder, and the files that `examine` read (`LoadResult.files`)."""
        self._polls = 0
        self._known: dict[Path, tuple[tuple[int, ...], bytes]] = {}
        self.watch({source: digest(source)} | dict(files or {}))

    def watch(self, files: Mapping[Path, bytes]) -> None:
        """Set the state that `changed` compares with. Call this method after every load."""
        self._loaded = dict(files)
        self._last_poll = self._loaded

    def changed(self) -> bool:
        """Return whether the files differ from the loaded ones and are unchanged since the last poll.

        So a file that is still being written is rarely loaded. A change is reported once, even if the new configuration
        is rejected. This reads files: call it in a thread.
        """
        self._polls += 1
        now = {path: self._digest(path) for path in self._loaded}
        unchanged, self._last_poll = now == self._last_poll, now
        if now == self._loaded or not unchanged:
            return False
        self._loaded = now
        return True

    def _digest(self, path: Path) -> bytes:
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is not None and known[0] == stamp and self._polls % _POLLS_BETWEEN_READS:
            return known[1]
        file_digest = digest(path)
        self._known[path] = (stamp, file_digest)
        return file_digest


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)
