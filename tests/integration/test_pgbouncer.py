"""The record in PostgreSQL behind pgbouncer in transaction mode, where each transaction may have another session."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from monitor.storage.postgres import PostgresStore
from monitor.storage.store import Batch
from sla.fact import Fact
from sla.interval import DAY, Interval
from sla.observation import Observation, Outcome, Run
from tests.support.postgres import PASSWORD, as_owner, needs_postgres_driver
from tests.support.processes import free_port, run_program, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Postgres

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
CONFIG = """\
[databases]
record = host=127.0.0.1 port={server} dbname=postgres user=ninewatch password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = 2
auth_type = plain
auth_file = {users}
"""


@pytest.fixture
def conninfo(postgres_server: Postgres, tmp_path: Path) -> Iterator[str]:
    """Run pgbouncer with two sessions for a new database, and return its connection string."""
    import psycopg

    with psycopg.connect(postgres_server.conninfo, autocommit=True) as connection:
        connection.execute("CREATE DATABASE record")
    folder, port = tmp_path / "pgbouncer", free_port()
    folder.mkdir()
    (folder / "users").write_text(f'"ninewatch" "{PASSWORD}"\n')
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(server=postgres_server.port, password=PASSWORD, port=port, users=folder / "users"))
    options = as_owner("postgres", folder)
    with run_program(folder / "log", [str(PGBOUNCER), config], **options) as program:
        wait_for("pgbouncer", lambda: program.find_in_log(r"(process up)"))
        yield f"postgresql://ninewatch:{PASSWORD}@127.0.0.1:{port}/record"


@needs_postgres_driver
@pytest.mark.skipif(PGBOUNCER is None, reason="not installed: pgbouncer")
def test_two_stores_share_sessions_without_effects_on_each_other(conninfo: str) -> None:
    """Settings of one transaction do not reach another, and no statement is prepared for a session."""
    import psycopg

    first, second = PostgresStore(conninfo), PostgresStore(conninfo)
    expected = []
    for turn in range(20):
        store, other = (first, second) if turn % 3 else (second, first)
        observation, fact = Observation("p/a", turn * DAY, Outcome.GOOD), Fact.of(turn, "Ana", "note", "p", {})
        store.write(Batch([observation], facts=[fact] if turn % 2 else []))
        other.write(Batch([observation], [Run("p/b", Outcome.GOOD, "", turn * DAY, turn * DAY + 9, 2, 90)]))
        expected.append(observation)
    assert first.observations("p/a", Interval(0, 30 * DAY)) == expected
    assert len(list(second.load_runs())) == 20
    assert len(first.load_facts()) == 10
    with psycopg.connect(conninfo, prepare_threshold=None) as connection:
        names = (b"synchronous_commit", b"lock_timeout")
        settings = [connection.execute(b"SHOW " + name).fetchone() for name in names]
    assert settings == [("on",), ("0",)]
    for opened in (first, second):
        opened.close()
