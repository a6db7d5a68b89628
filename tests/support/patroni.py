"""A cluster of two real PostgreSQL servers that Patroni manages, with a third Raft member so that one may be lost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PASSWORD, POSTGRES, as_owner, kill_server
from tests.support.processes import Program, fetch, free_port, run_program, wait_for

HOME = Path(__file__).parents[2] / ".tools" / "patroni"
START = 300.0  # seconds until a member runs, on a busy machine
TTL = 20  # seconds after which the lock of a lost primary expires; Patroni accepts no shorter time

needs_patroni = pytest.mark.skipif(
    not (HOME / "bin" / "patroni").exists() or not (POSTGRES / "postgres").exists(),
    reason="no Patroni in .tools/patroni, or no PostgreSQL: `make full` installs Patroni",
)


class PatroniMember:
    """One PostgreSQL server and the Patroni that manages it, on free ports of 127.0.0.1."""

    def __init__(self, name: str, folder: Path, raft_port: int, partners: list[int], *, synchronous: bool) -> None:
        self.name, self._folder = name, folder
        self.port, self._api = free_port(), free_port()
        self._options = as_owner("postgres", folder)
        self._config = folder / "patroni.json"  # YAML is a superset of JSON
        self._config.write_text(json.dumps(self._configuration(raft_port, partners, synchronous=synchronous)))

    @property
    def conninfo(self) -> str:
        """The connection string of the superuser."""
        return f"host=127.0.0.1 port={self.port} user=ninewatch dbname=postgres password={PASSWORD}"

    def _configuration(self, raft_port: int, partners: list[int], *, synchronous: bool) -> dict[str, Any]:
        account = {"username": "ninewatch", "password": PASSWORD}
        timing = {"ttl": TTL, "loop_wait": 2, "retry_timeout": 5, "synchronous_mode": synchronous}
        return {
            "scope": "records",
            "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self._api}", "connect_address": f"127.0.0.1:{self._api}"},
            "raft": raft_configuration(self._folder / "raft", raft_port, partners),
            "bootstrap": {"dcs": timing, "initdb": ["no-sync", {"auth": "scram-sha-256"}]},
            "postgresql": {
                "listen": f"127.0.0.1:{self.port}",
                "connect_address": f"127.0.0.1:{self.port}",
                "data_dir": str(self._folder / "data"),
                "bin_dir": str(POSTGRES),
                "pgpass": str(self._folder / "pgpass"),
                "authentication": {"superuser": account, "replication": account},
                "basebackup": [{"checkpoint": "fast"}],
                "pg_hba": [f"host {what} all 127.0.0.1/32 scram-sha-256" for what in ("all", "replication")],
                "parameters": {
                    "unix_socket_directories": "",  # the path of a socket in the test's folder may be too long
                    "fsync": "off",
                    "wal_receiver_timeout": 0,  # a suspended sender is not noticed
                },
            },
            "tags": {},
        }

    @contextlib.contextmanager
    def running(self, home: Path) -> Iterator[Program]:
        """Run Patroni from the folder `home` while the `with` block runs."""
        with run_patroni(home, "patroni", self._folder, self._config, self._options) as program:
            self._program = program
            try:
                yield program
            finally:
                self.kill()

    def is_primary(self) -> bool:
        """Return whether Patroni reports that its server is the primary and accepts writes. Fails if it has ended."""
        assert self._program.process.poll() is None, self._program.log.read_text(errors="replace")
        return fetch(f"http://127.0.0.1:{self._api}/primary")[0] == 200

    def is_replica(self) -> bool:
        """Return whether Patroni reports that its server is a running replica."""
        return fetch(f"http://127.0.0.1:{self._api}/replica")[0] == 200

    def kill(self) -> None:
        """Kill Patroni and its server, as a lost site does."""
        if self._program.process.poll() is None:
            self._program.process.send_signal(signal.SIGKILL)
            self._program.process.wait(timeout=30)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            kill_server(int((self._folder / "data" / "postmaster.pid").read_text().split()[0]))


def raft_configuration(folder: Path, port: int, partners: list[int]) -> dict[str, Any]:
    """Return the `raft` section of a configuration: the distributed store in which the lock of the primary is."""
    addresses = [f"127.0.0.1:{partner}" for partner in partners]
    return {"data_dir": str(folder), "self_addr": f"127.0.0.1:{port}", "partner_addrs": addresses}


@contextlib.contextmanager
def run_patroni(home: Path, program: str, folder: Path, config: Path, options: dict[str, Any]) -> Iterator[Program]:
    """Run one of Patroni's programs while the `with` block runs."""
    python = Path(sys.executable).resolve()  # not that of the virtual environment, which its user may not read
    command: list[str | Path] = [python, home / "bin" / program, config]
    variables = {**os.environ, "PYTHONPATH": str(home), "PYTHONWARNINGS": "ignore"}
    with run_program(folder / f"{program}.log", command, env=variables, cwd=folder, **options) as started:
        yield started


class PatroniCluster:
    """The members `gold` and `dr`, and a witness: a Raft member without a server."""

    def __init__(self, folder: Path, *, synchronous: bool) -> None:
        self._folder = folder
        as_owner("postgres", folder)  # its members may be one level too deep to open all parent folders
        self._ports = [free_port() for _ in range(3)]
        for name in ("gold", "dr", "witness", "home"):
            (folder / name).mkdir()
        self._witness = folder / "witness" / "raft.json"
        self._options = as_owner("postgres", folder / "witness")
        self._witness.write_text(json.dumps({"raft": raft_configuration(folder / "witness/raft", *self._raft(2))}))
        self.gold = PatroniMember("gold", folder / "gold", *self._raft(0), synchronous=synchronous)
        self.dr = PatroniMember("dr", folder / "dr", *self._raft(1), synchronous=synchronous)

    def _raft(self, index: int) -> tuple[int, list[int]]:
        return self._ports[index], [port for port in self._ports if port != self._ports[index]]

    @contextlib.contextmanager
    def running(self) -> Iterator[PatroniCluster]:
        """Run all members while the `with` block runs. Waits until `gold` is the primary and `dr` its replica."""
        home = self._folder / "home" / "patroni"
        shutil.copytree(HOME, home)  # a copy that the servers' user may read
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                run_patroni(home, "patroni_raft_controller", self._witness.parent, self._witness, self._options)
            )
            stack.enter_context(self.gold.running(home))
            wait_for("the primary", self.gold.is_primary, START)
            stack.enter_context(self.dr.running(home))
            wait_for("the replica", self.dr.is_replica, START)
            yield self
