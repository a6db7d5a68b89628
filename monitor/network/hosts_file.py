"""Look up names in /etc/hosts: exactly the addresses of each name, in file order.

c-ares is not used for this, because it merges entries that share a name or an address: a probe would then connect to
another machine and report a dead one as good.
"""

from __future__ import annotations

import socket
from pathlib import Path

HOSTS = Path("/etc/hosts")
_LOOPBACK = ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))  # RFC 6761, 6.3

Known = tuple[tuple[socket.AddressFamily, str], ...]


def family_of(host: str) -> socket.AddressFamily | None:
    """Return the address family of a literal address, None for a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None


class HostsFile:
    """A hosts file, read again when it changes."""

    def __init__(self, path: Path = HOSTS) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._known: dict[str, Known] = {}

    def addresses(self, name: str) -> Known:
        """Return the name's addresses, none if it is not listed. `localhost` and `*.localhost` default to loopback."""
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
        except OSError:  # without a file there are no entries, as in other resolvers
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
