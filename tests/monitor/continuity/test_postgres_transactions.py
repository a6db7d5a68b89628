"""Transactions of two rows with a real PostgreSQL: preserved by a restart, lost with rows that the server forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sla.continuity import TransactionState
from tests.support.continuity import continuity_probe
from tests.support.postgres import PASSWORD, Postgres, needs_postgres

if TYPE_CHECKING:
    from pathlib import Path

psycopg = pytest.importorskip("psycopg")
PRESERVED, LOST, DUPLICATED, NEVER, OPEN, UNVERIFIED = TransactionState
TABLE = "CREATE TABLE ninewatch_continuity (run text NOT NULL, step text NOT NULL)"


def execute(port: int, statement: str) -> list[tuple[Any, ...]]:
    address = f"host=127.0.0.1 port={port} user=ninewatch dbname=postgres password={PASSWORD}"
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return [] if cursor.description is None else cursor.fetchall()


@needs_postgres
async def test_rows_are_preserved_by_a_crash_and_lost_with_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTINUITY_PASSWORD", PASSWORD)
    server = Postgres(tmp_path)
    pair = {
        "address": f"127.0.0.1:{server.port}",
        "user": "ninewatch",
        "password": {"env": "CONTINUITY_PASSWORD"},
        "database": "postgres",
    }
    async with continuity_probe(tmp_path, postgres=pair) as probe:
        with server.running():
            execute(server.port, TABLE)
            await probe.advance(35)
            assert probe.states == {PRESERVED: 1, OPEN: 3}
        await probe.advance(20)
        with server.running():
            await probe.advance(30)
            assert probe.states[PRESERVED] >= 4
            assert LOST not in probe.states
            open_runs = [run for run in probe.runs if run.closing is None]
            assert {run for (run,) in execute(server.port, "SELECT run FROM ninewatch_continuity")} == {
                run.id for run in open_runs
            }
            delete = f"DELETE FROM ninewatch_continuity WHERE run = '{open_runs[0].id}'"  # noqa: S608 - a test
            execute(server.port, delete)
            execute(server.port, "INSERT INTO ninewatch_continuity SELECT * FROM ninewatch_continuity")
            await probe.advance(60)
            assert probe.states[LOST] == 1
            assert probe.states[DUPLICATED] == len(open_runs) - 1
        assert PASSWORD not in probe.log.path.read_text()


@needs_postgres
async def test_missing_table_refuses_and_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTINUITY_PASSWORD", PASSWORD)
    server = Postgres(tmp_path)
    address, password = f"127.0.0.1:{server.port}", {"env": "CONTINUITY_PASSWORD"}
    pair = {"address": address, "user": "ninewatch", "password": password, "database": "postgres"}
    with server.running():
        async with continuity_probe(tmp_path, postgres=pair) as probe:
            await probe.advance(12)
            assert set(probe.states) == {NEVER}
            assert "does not exist" in probe.runs[0].answers[0].detail
