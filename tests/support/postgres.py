"""A real PostgreSQL server of a test's own: started, stopped, started again, frozen."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.processes import Program, free_port, running, wait_for

POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), Path("/usr/lib/postgresql/15/bin"))
PASSWORD = "right-canary"


def as_owner(user: str, folder: Path) -> dict[str, Any]:
    """Let a server that refuses to be root run as its own user."""
    if os.geteuid() != 0:
        return {}
    for each in (folder, *folder.parents[:2]):  # pytest's own folders, which only the owner may enter
        each.chmod(each.stat().st_mode | 0o055)  # only more than before: with --basetemp, one of them may be /tmp
    shutil.chown(folder, user)
    return {"user": user}


class Postgres:
    """A cluster in a folder of its own, on a free port of 127.0.0.1, with the user `ninewatch`."""

    def __init__(self, folder: Path, *more: str) -> None:
        self._folder, self._more, self.port = folder, more, free_port()
        self._options = as_owner("postgres", folder)
        (folder / "password").write_text(PASSWORD)
        if self._options:
            shutil.chown(folder / "password", "postgres")
        make = [POSTGRES / "initdb", "-D", folder / "data", "-U", "ninewatch", "-A", "scram-sha-256"]
        make += [f"--pwfile={folder}/password", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, **self._options)

    @contextlib.contextmanager
    def running(self) -> Iterator[Program]:
        """Run the server while the block lasts, from the moment at which it takes connections."""
        command = [POSTGRES / "postgres", "-D", self._folder / "data", "-p", str(self.port), "-k", self._folder]
        command += ["-F", "-h", "127.0.0.1", *self._more]
        with running(self._folder / "postgres.log", command, **self._options) as program:
            wait_for("postgres", lambda: program.find_in_log("(ready to accept connections)"))
            try:
                yield program
            finally:
                if program.process.poll() is None:
                    program.process.send_signal(signal.SIGINT)  # fast: does not wait for clients to leave
                    program.process.wait(timeout=30)

    @contextlib.contextmanager
    def frozen(self, program: Program) -> Iterator[None]:
        """Stop every process of the running server while the block lasts: connections stay open without an answer."""
        every = [program.process.pid, *_children(program.process.pid)]
        for pid in every:
            _send(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in every:
                _send(pid, signal.SIGCONT)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
            if int(rest[1]) == parent:
                found.append(pid)
    return found
