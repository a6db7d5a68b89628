"""A real PostgreSQL server for one test, which can be started, stopped, restarted and suspended."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Program, alive, free_port, run_program, wait_for

POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), Path("/usr/lib/postgresql/15/bin"))
PASSWORD = "right-canary"
_NUMBERS = itertools.count()

needs_postgres = pytest.mark.skipif(not (POSTGRES / "postgres").exists(), reason="not installed: postgres")

needs_postgres_driver = pytest.mark.skipif(
    not (POSTGRES / "postgres").exists() or find_spec("psycopg") is None, reason="not installed: postgres, psycopg"
)


def as_owner(user: str, folder: Path) -> dict[str, Any]:
    """Return process options that run a server as its own user, because it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for path in (folder, *folder.parents[:4]):  # folders of pytest and its workers, which only the owner may read
        path.chmod(path.stat().st_mode | 0o055)  # never remove permissions: with --basetemp, one folder may be /tmp
    shutil.chown(folder, user)
    return {"user": user}


class Postgres:
    """A database cluster in its own folder, on a free port of 127.0.0.1, with the superuser `ninewatch`.

    With `copy_of`, it is a copy of a cluster that is stopped.
    """

    def __init__(self, folder: Path, *options: str, copy_of: Postgres | None = None) -> None:
        self._folder, self._more, self.port = folder, options, free_port()
        self._options = as_owner("postgres", folder)
        if copy_of is not None:
            copy = ["cp", "-a", copy_of._folder / "data", folder]
            subprocess.run(copy, check=True, capture_output=True, **self._options)
            return
        (folder / "password").write_text(PASSWORD)
        if self._options:
            shutil.chown(folder / "password", "postgres")
        make = [POSTGRES / "initdb", "-D", folder / "data", "-U", "ninewatch", "-A", "scram-sha-256"]
        make += [f"--pwfile={folder}/password", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, **self._options)

    @property
    def conninfo(self) -> str:
        """The connection string of the superuser."""
        return f"host=127.0.0.1 port={self.port} user=ninewatch dbname=postgres password={PASSWORD}"

    def follow(self, primary: Postgres) -> None:
        """Become a standby of the other server at the next start, by streaming replication."""
        (self._folder / "data" / "standby.signal").touch()
        self._more += ("-c", f"primary_conninfo={primary.conninfo}", "-c", "wal_receiver_timeout=0")

    @contextlib.contextmanager
    def running(self) -> Iterator[Program]:
        """Run the server while the `with` block runs. Waits until it accepts connections."""
        command = [POSTGRES / "postgres", "-D", self._folder / "data", "-p", str(self.port), "-k", self._folder]
        command += ["-F", "-h", "127.0.0.1", *self._more]
        with run_program(self._folder / "postgres.log", command, **self._options) as program:
            wait_for("postgres", lambda: program.find_in_log("(ready to accept (?:read-only )?connections)"))
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


def kill_server(server: int) -> None:
    """Kill all processes of a server, also suspended ones, as a lost site does. It does not write or send anything."""
    _send(server, signal.SIGSTOP)  # it starts no further process
    wait_for("the suspended server", lambda: not alive(server) or _is_stopped(server))
    for pid in [*_children(server), server]:
        _send(pid, signal.SIGKILL)
    wait_for("the end of the server", lambda: not alive(server))


def suspend(pid: int) -> None:
    """Suspend one process of a server, and wait until it is suspended."""
    _send(pid, signal.SIGSTOP)
    wait_for("the suspended process", lambda: _is_stopped(pid))


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


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


@contextlib.contextmanager
def running_postgres(folder: Path, *options: str) -> Iterator[Postgres]:
    """Run a new server in the folder while the `with` block runs."""
    folder.mkdir()
    server = Postgres(folder, *options)
    with server.running():
        yield server


def create_schema(server: Postgres) -> str:
    """Create an empty schema, and return the connection string of a session that uses it."""
    import psycopg

    name = f"record_{next(_NUMBERS)}"
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
    return f"{server.conninfo} options=-csearch_path={name}"
