"""Watch the files of a configuration for changes, about once per second."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monitor.config.file_access import digest

_CERTAIN = 30  # every so many looks the files are read even if nothing about them seems new


class Watcher:
    """Says when the files of a configuration are no longer what was loaded.

    Polled rather than notified: inotify sees neither a network file system nor the swap of a ConfigMap's symlink for
    sure. A look costs one stat a file; contents are read when a stat differs (time stamps, size, inode, so that an
    atomic rename and a symlink swap show), and at every thirtieth look, for file systems whose time stamps are coarse.
    """

    def __init__(self, source: Path, files: Mapping[Path, bytes] | None = None) -> None:
        """Watch the source, a file or a folder, and what `examine` read of it (`Examined.files`)."""
        self._looks = 0
        self._known: dict[Path, tuple[tuple[int, ...], bytes]] = {}
        self.watch({source: digest(source)} | dict(files or {}))

    def watch(self, files: Mapping[Path, bytes]) -> None:
        """Take what was read just now as the state from which to notice a change. Call it after every load."""
        self._loaded = dict(files)
        self._seen = self._loaded

    def changed(self) -> bool:
        """Return whether the files differ from what was loaded and hold still since the last look.

        A file that is being written differs at every look, so a half of it is rarely loaded. A change is reported once,
        also if it is then refused. Reads files: call it in a thread, not on the event loop.
        """
        self._looks += 1
        now = {path: self._digest(path) for path in self._loaded}
        still, self._seen = now == self._seen, now
        if now == self._loaded or not still:
            return False
        self._loaded = now
        return True

    def _digest(self, path: Path) -> bytes:
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is not None and known[0] == stamp and self._looks % _CERTAIN:
            return known[1]
        found = digest(path)
        self._known[path] = (stamp, found)
        return found


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)
