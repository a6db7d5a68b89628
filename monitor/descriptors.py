"""Spare file descriptors, by which the daemon detects and can report that no descriptor is free."""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Final

SPARES: Final = 16  # enough to accept a few connections while probes use all others


class SpareDescriptors:
    """Open descriptors of /dev/null.

    Create this early: the limit applies to descriptor numbers, and early descriptors have low ones.
    """

    def __init__(self, count: int = SPARES) -> None:
        self._count = count
        self._descriptors: list[int] = []
        self.exhausted()

    def exhausted(self) -> bool:
        """Return whether the process or the machine has no free descriptors except the spare ones.

        If so, closes the spare ones, so that other code can use them. A later call opens them again.
        """
        try:
            while len(self._descriptors) <= self._count:
                self._descriptors.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            os.close(self._descriptors.pop())
        except OSError:
            self.release()
            return True
        return False

    def release(self) -> None:
        """Close the spare descriptors."""
        while self._descriptors:
            with contextlib.suppress(OSError):
                os.close(self._descriptors.pop())


def descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard limit, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20
