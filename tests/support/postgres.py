"""A real PostgreSQL server for one test, which can be started, stopped, restarted and suspended."""

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
    """Return process options that run a server as its own user, because it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for path in (folder, *folder.parents[:3]):  # folders of pytest and its workers, which only the owner may read
        path.chmod(path.stat().st_mode | 0o055)  # never remove permissions: with --basetemp, one folder may be /tmp
    shutil.chown(folder, user)
    return {"user": user}


class Postgres:
    """A database cluster in its own folder, on a free port of 127.0.0.1, with the user `ninewatch`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder, self._more, self.port = folder, options, free_port()
        self._options = as_owner("postgres", folder)
        (folder / "password").write_text(PASSWORD)
        if self._options:
            shutil.chown(folder / "password", "postgres")
        make = [POSTGRES / "initdb", "-D", folder / "data", "-U", "ninewatch", "-A", "scram-sha-256"]
        make += [f"--pwfile={folder}/password", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, **self._options)

    @contextlib.contextmanager
    def running(self) -> Iterator[Program]:
        """Run the server while the `with` block runs. Waits until it accepts connections."""
        command = [POSTGRES / "postgres", "-D", self._folder / "data", "-p", str(self.port), "-k", self._folder]
        command += ["-F", "-h", "127.0.0.1", *self._more]
        with running(self._folder / "postgres.log", command, **self._options) as program:
            wait_for("postgres", lambda: program.find_in_log("(ready to accept connections)"))
            try:
                yield program
            finally:
                if program.process.poll() is None:
                    program.process.send_signal(signal.SIGINT)  # fast shutdown: does not wait for clients to disconnect
                    program.process.wait(timeout=30)

    @contextlib.contextmanager
    def frozen(self, program: Program) -> Iterator[None]:
        """Suspend all server processes while the `with` block runs, so that connections stay open without responses."""
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
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, stat_fields = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
            if int(stat_fields[1]) == parent:
                pids.append(pid)
    return pids
