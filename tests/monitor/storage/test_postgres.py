"""The record in PostgreSQL: tables, errors, and what another program or a lost server does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.errors import NinewatchError, StoreError
from monitor.storage import postgres_connection
from monitor.storage.frames import Cursor, NewFrame, Position
from monitor.storage.postgres import PostgresStore, reading_postgres
from monitor.storage.postgres_schema import FIRST_SCHEMA, LATER_SCHEMAS, tables
from monitor.storage.schema import MIGRATIONS
from monitor.storage.store import Batch
from sla.fact import Fact
from sla.interval import DAY, SECOND, Interval
from sla.observation import Observation, Outcome, Run
from tests.support.addresses import closed_port
from tests.support.postgres import PASSWORD, create_schema, needs_postgres_driver, running_postgres

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Postgres

pytestmark = needs_postgres_driver

FACT = Fact.of(50, "Ana", "note", "forms", {"text": "n"})


def observation(at: int) -> Observation:
    return Observation("p/a", at, Outcome.GOOD)


def execute(conninfo: str, *statements: str) -> list[tuple[object, ...]]:
    """Execute statements as another program, and return the rows of the last one."""
    import psycopg

    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            result = connection.execute(statement.encode())
        return result.fetchall() if result.description else []


def refusal(conninfo: str) -> str:
    with pytest.raises(StoreError) as caught:
        PostgresStore(conninfo)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_every_later_schema_has_statements_for_postgres() -> None:
    """A new migration of SQLite needs one for the records that exist in PostgreSQL."""
    assert sorted(LATER_SCHEMAS) == list(range(FIRST_SCHEMA + 1, len(MIGRATIONS) + 1))


def test_every_table_of_sqlite_exists_with_the_same_columns_and_key(empty_schema: str) -> None:
    PostgresStore(empty_schema).close()
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum"
    key = (
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
        " WHERE indrelid = '{}'::regclass AND indisprimary ORDER BY array_position(indkey, attnum)"
    )
    assert len(tables()) >= 20
    for table in tables():
        assert tuple(name for (name,) in execute(empty_schema, columns.format(table.name))) == table.columns
        assert tuple(name for (name,) in execute(empty_schema, key.format(table.name))) == table.key


def test_record_of_schema_10_gets_the_tables_of_frames(empty_schema: str) -> None:
    PostgresStore(empty_schema).close()
    execute(empty_schema, "DROP TABLE frames_out, cursors", "UPDATE ninewatch_record SET schema = 10")
    store = PostgresStore(empty_schema)
    store.write(Batch([observation(1)], frame=NewFrame(7, 1, b"body"), cursors=[Cursor("east", Position(7, 1))]))
    assert store.load_cursors() == {"east": Position(7, 1)}
    store.close()
    assert execute(empty_schema, "SELECT schema FROM ninewatch_record") == [(len(MIGRATIONS),)]
    assert execute(empty_schema, "SELECT incarnation, seq, at, body FROM frames_out") == [(7, 1, 1, b"body")]


def test_observations_are_in_a_partition_for_each_day_and_runs_in_one_for_each_year(empty_schema: str) -> None:
    store = PostgresStore(empty_schema)
    store.write(Batch([observation(3 * DAY), observation(4 * DAY - 1), observation(4 * DAY)]))
    store.write(
        Batch(runs=[Run("p/a", Outcome.GOOD, "", first * DAY, first * DAY + 9, 2, 90) for first in (3, 364, 365)])
    )
    query = "SELECT tableoid::regclass::text, count(*) FROM {} GROUP BY 1 ORDER BY 1"
    named = [
        (str(name).rpartition(".")[2], count) for name, count in execute(empty_schema, query.format("observations"))
    ]
    assert named == [("observations_19700104", 2), ("observations_19700105", 1)]
    assert [count for _, count in execute(empty_schema, query.format("runs"))] == [2, 1]
    store.close()


def test_pruning_drops_days_and_waits_until_a_day_is_over(empty_schema: str) -> None:
    store = PostgresStore(empty_schema)
    store.write(Batch([observation(at * DAY // 2) for at in range(6)], folded_until=9 * DAY))
    assert store.prune(2 * DAY - 1) == 2
    assert store.prune(2 * DAY - 1) == 0
    assert [o.at for o in store.observations("p/a", Interval(0, 9 * DAY))] == [at * DAY // 2 for at in range(2, 6)]
    store.write(Batch([observation(5)]))  # a dropped day is created again
    assert store.observations("p/a", Interval(0, DAY)) == [observation(5)]
    store.close()


def test_facts_cannot_be_changed_or_removed_by_other_programs(empty_schema: str) -> None:
    import psycopg

    store = PostgresStore(empty_schema)
    store.write(Batch(facts=[FACT]))
    for statement in ("UPDATE facts SET author = 'Eve'", "DELETE FROM facts", "TRUNCATE facts"):
        with pytest.raises(psycopg.errors.RaiseException, match="facts are only ever added"):
            execute(empty_schema, statement)
    assert store.load_facts() == [FACT]
    store.close()


def test_tables_of_another_program_are_refused_and_unchanged(empty_schema: str) -> None:
    execute(empty_schema, "CREATE TABLE runs (id integer)")
    message = refusal(empty_schema)
    assert "has a table runs of another program and was not changed; name an empty database" in message
    assert execute(empty_schema, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()") == [(1,)]


def test_record_of_a_newer_version_is_refused(empty_schema: str) -> None:
    PostgresStore(empty_schema).close()
    execute(empty_schema, "UPDATE ninewatch_record SET schema = schema + 1")
    assert f"supports up to {len(MIGRATIONS)} and did not change it; run the newer ninewatch" in refusal(empty_schema)


def test_unreachable_server_is_reported_with_a_remedy_and_without_the_password() -> None:
    port = closed_port()
    message = refusal(f"postgresql://ninewatch:{PASSWORD}@127.0.0.1:{port}/figures")
    assert f"the record in the database figures of 127.0.0.1:{port} cannot be opened: " in message
    assert message.endswith("; check that the server runs and is reachable")


def test_wrong_password_and_missing_database_are_reported(postgres_server: Postgres) -> None:
    wrong = postgres_server.conninfo.replace(f"password={PASSWORD}", "password=wrong")
    assert "password authentication failed" in refusal(wrong)
    assert 'database "other" does not exist' in refusal(
        postgres_server.conninfo.replace("dbname=postgres", "dbname=other")
    )


@pytest.mark.parametrize("conninfo", ["host=h port", "postgresql://[::1", "host=h nonsense=1"])
def test_invalid_connection_string_is_reported(conninfo: str) -> None:
    with pytest.raises(NinewatchError, match="the connection string is invalid: "):
        PostgresStore(conninfo)


def test_lost_server_fails_writes_until_it_is_back(tmp_path: Path) -> None:
    """Neither the batch before the loss nor the repeated one is lost or written twice."""
    with running_postgres(tmp_path / "server") as server:
        conninfo = create_schema(server)
        store = PostgresStore(conninfo)
        store.write(Batch([observation(1)], facts=[FACT]))
    with pytest.raises(StoreError, match=r"could not be written: .*; check that the server runs and is reachable"):
        store.write(Batch([observation(2)]))
    with server.running():
        store.write(Batch([observation(2)]))
        store.write(Batch([observation(2)]))
        assert list(store.load_tail()) == [observation(1), observation(2)]
        assert store.load_facts() == [FACT]
        store.close()


def test_failed_batch_leaves_nothing_and_the_next_one_is_written(empty_schema: str) -> None:
    """The failed transaction has created ids and partitions, which do not exist after it."""
    store = PostgresStore(empty_schema)
    impossible = Run("p/new", Outcome.GOOD, "", 0, 1, 2**70, 90)
    with pytest.raises(StoreError, match="could not be written"):
        store.write(Batch([observation(SECOND)], [impossible]))
    assert not list(store.load_tail())
    store.write(Batch([observation(SECOND)], [Run("p/new", Outcome.GOOD, "", 0, 1, 2, 90)]))
    assert list(store.load_tail()) == [observation(SECOND)]
    assert [run.check for run in store.load_runs()] == ["p/new"]
    store.close()


def test_table_locked_by_another_program_fails_the_write_with_a_remedy(empty_schema: str) -> None:
    import psycopg

    store = PostgresStore(empty_schema)
    with psycopg.connect(empty_schema) as other:
        other.execute("LOCK TABLE incidents, progress IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="end the transaction of the other program that has locked the tables"):
            store.write(Batch(folded_until=3))
    store.write(Batch(folded_until=3))
    store.close()


def test_reader_has_the_data_of_one_commit(empty_schema: str) -> None:
    store = PostgresStore(empty_schema)
    store.write(Batch([observation(1)]))
    with reading_postgres(empty_schema) as reader:
        assert reader.load_facts() == []
        store.write(Batch([observation(2)], facts=[FACT]))
        assert list(reader.load_tail()) == [observation(1)]
        assert reader.load_facts() == []
    store.close()


def test_damaged_row_is_reported(empty_schema: str) -> None:
    store = PostgresStore(empty_schema)
    store.write(Batch([observation(1)]))
    execute(empty_schema, "UPDATE observations SET outcome = 9")
    with pytest.raises(StoreError, match="is damaged: observation at 1: unknown outcome 9"):
        list(store.load_tail())
    store.close()


@pytest.mark.parametrize(
    ("conninfo", "expected"),
    [
        ("postgresql://db.example.org/n", "verify-full"),
        ("host=/run/postgresql,db.example.org dbname=n", "verify-full"),
        ("host=db.example.org sslmode=require", None),
        ("host=127.0.0.1 dbname=n", None),
        ("dbname=n", None),
        ("host=localhost", None),
    ],
)
def test_other_machines_are_verified_unless_specified(
    conninfo: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert postgres_connection.tls_options(conninfo).get("sslmode") == expected
