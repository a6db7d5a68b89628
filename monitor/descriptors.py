"""Spare file descriptors: with them the daemon notices that it has run out, and can still answer that it has."""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Final

SPARES: Final = 16  # enough to accept a few connections, while probes compete for the same


class SpareDescriptors:
    """Holds descriptors on /dev/null.

    Make it early: the limit is on a descriptor's number, and what is opened early has a low one.
    """

    def __init__(self, count: int = SPARES) -> None:
        self._count = count
        self._held: list[int] = []
        self.exhausted()

    def exhausted(self) -> bool:
        """Return whether the process, or the machine, has no descriptor left but the spare ones.

        While it has none, the spares are released for others; afterwards they are taken again.
        """
        try:
            while len(self._held) <= self._count:
                self._held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            os.close(self._held.pop())
        except OSError:
            self.release()
            return True
        return False

    def release(self) -> None:
        """Close the spare descriptors."""
        while self._held:
            with contextlib.suppress(OSError):
                os.close(self._held.pop())


def descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20
