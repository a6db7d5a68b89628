"""What /etc/hosts says of names: for each exactly its own addresses, in the order of its lines.

c-ares is not asked for it: it merges entries that share a name or an address, so that one machine would stand in for
another, and a dead one be called good.
"""

from __future__ import annotations

import socket
from pathlib import Path

HOSTS = Path("/etc/hosts")
_LOOPBACK = ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))  # RFC 6761, 6.3

Known = tuple[tuple[socket.AddressFamily, str], ...]


def family_of(host: str) -> socket.AddressFamily | None:
    """Return the family of the address that the host spells out, None when it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None


class Hosts:
    """A hosts file, read anew when it has changed."""

    def __init__(self, path: Path = HOSTS) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._known: dict[str, Known] = {}

    def addresses(self, name: str) -> Known:
        """Return the name's addresses, none when the file does not know it. `localhost` and what ends in it is us."""
        name = name.rstrip(".").lower()
        found = self._current().get(name, ())
        return found or (_LOOPBACK if name == "localhost" or name.endswith(".localhost") else ())

    def _current(self) -> dict[str, Known]:
        try:
            stat = self._path.stat()
            seen = stat.st_mtime_ns, stat.st_size, stat.st_ino
            if seen != self._seen:
                self._known = _read(self._path.read_text(errors="replace"))
                self._seen = seen
        except OSError:  # without a file nothing is known by it, as everywhere
            self._known, self._seen = {}, ()
        return self._known


def _read(text: str) -> dict[str, Known]:
    known: dict[str, Known] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        family = family_of(address)
        if family is None:
            continue
        for name in {each.rstrip(".").lower() for each in names}:
            before = known.get(name, ())
            if (family, address) not in before:
                known[name] = (*before, (family, address))
    return known
