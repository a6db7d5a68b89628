"""A real Redis server without persistence, optionally a replica of another one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import Program, free_port, run_program, wait_for


@dataclass(frozen=True)
class RedisServer:
    """A running server on a port of 127.0.0.1."""

    program: Program
    port: int


@contextlib.contextmanager
def redis_server(folder: Path, *options: str, port: int | None = None) -> Iterator[RedisServer]:
    """Run a server while the `with` block runs. Waits until it accepts connections."""
    port = port or free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    log = folder / f"redis-{len(list(folder.glob('redis-*.log')))}.log"
    with run_program(log, [*command, "--dir", str(folder), *options]) as program:
        wait_for("redis", lambda: program.find_in_log("(Ready to accept connections)"))
        yield RedisServer(program, port)
