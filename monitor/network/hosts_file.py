"""Look up names in /etc/hosts: exactly the addresses of each name, in file order.

c-ares merges entries that share a name or an address, so it is not used here: a probe could connect to another machine
and report a failed one as good.
"""

from __future__ import annotations

import socket
from pathlib import Path

HOSTS = Path("/etc/hosts")
_LOOPBACK = ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))  # RFC 6761, 6.3

HostAddresses = tuple[tuple[socket.AddressFamily, str], ...]


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
    """A hosts file, which is read again when it changes."""

    def __init__(self, path: Path = HOSTS) -> None:
        self._path = path
        self._stamp: tuple[int, ...] = ()
        self._entries: dict[str, HostAddresses] = {}

    def addresses(self, name: str) -> HostAddresses:
        """Return the name's addresses, none if it is not listed. `localhost` and `*.localhost` default to loopback."""
        name = name.rstrip(".").lower()
        addresses = self._current().get(name, ())
        return addresses or (_LOOPBACK if name == "localhost" or name.endswith(".localhost") else ())

    def _current(self) -> dict[str, HostAddresses]:
        try:
            stat = self._path.stat()
            stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
            if stamp != self._stamp:
                self._entries = _parse(self._path.read_text(errors="replace"))
                self._stamp = stamp
        except OSError:  # without a file there are no entries, as in other resolvers
            self._entries, self._stamp = {}, ()
        return self._entries


def _parse(text: str) -> dict[str, HostAddresses]:
    entries: dict[str, HostAddresses] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        family = family_of(address)
        if family is None:
            continue
        for name in {alias.rstrip(".").lower() for alias in names}:
            earlier = entries.get(name, ())
            if (family, address) not in earlier:
                entries[name] = (*earlier, (family, address))
    return entries
