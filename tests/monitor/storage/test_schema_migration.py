"""Migration of records of earlier schemas, which are copied and verified before."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import sqlite3
from typing import TYPE_CHECKING

import pytest

from monitor.errors import StoreError
from monitor.storage import schema, sqlite
from monitor.storage.backup import backup_path
from monitor.storage.reader import facts_of, reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.correction import Revocation
from sla.interval import Interval
from sla.latency_day import LatencyDay
from sla.latency_histogram import LatencyHistogram
from sla.observation import Observation, Outcome, Run
from sla.page_response import Response
from sla.product_incident import Severity

if TYPE_CHECKING:
    from pathlib import Path
from tests.support.sqlite_records import CORRECTION, many, raw


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "record with space?.db"


@pytest.mark.fault(8)
def test_failed_migration_leaves_the_record_unchanged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version is one transaction. The next start completes the migration after the error is fixed."""
    store = SqliteStore(path, 0)
    store.write(many(0, 3))
    store.close()
    first = schema.MIGRATIONS
    broken = ("CREATE TABLE notes (text TEXT)", "CREATE TABLE notes (text TEXT)")
    monkeypatch.setattr(schema, "MIGRATIONS", (*first, broken))
    with pytest.raises(StoreError, match="already exists"):
        SqliteStore(path, 0)
    monkeypatch.setattr(schema, "MIGRATIONS", (*first, broken[:1]))
    store = SqliteStore(path, 0)
    assert len(store.observations("p/a", Interval(0, 9))) == 3
    store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(first) + 1,)


def test_record_without_a_facts_table_is_migrated(path: Path) -> None:
    """A reader gets no facts until then. The existing rows stay."""
    assert facts_of(path) == []
    path.parent.mkdir()
    raw(path, *schema.MIGRATIONS[0], "PRAGMA user_version = 1", "INSERT INTO reasons (word) VALUES ('old')")
    assert facts_of(path) == []
    with contextlib.closing(SqliteStore(path, 0)) as store:
        assert store.load_facts() == []
        store.write(Batch(facts=[CORRECTION]))
        assert facts_of(path) == [CORRECTION]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT word FROM reasons").fetchall() == [("old",)]


def test_corrections_of_an_earlier_schema_become_facts_with_their_ids(path: Path) -> None:
    """The former table is dropped; a copy of the earlier record is next to it."""
    back = Revocation(CORRECTION.id, "Ben", "it was the service", 40_000_001).fact()
    path.parent.mkdir()
    old = schema.MIGRATIONS[:4]
    raw(path, *(statement for step in old for statement in step), "PRAGMA user_version = 4")
    insert = "INSERT INTO corrections (id, made, author, reason, product, start, end, revokes) VALUES"
    raw(path, f"{insert} ('{CORRECTION.id}', 30, 'Ana', 'account locked', 'p', 10, 20, NULL)")
    raw(path, f"{insert} ('{back.id}', 40000001, 'Ben', 'it was the service', NULL, NULL, NULL, '{CORRECTION.id}')")
    assert facts_of(path) == [CORRECTION, back]
    for _ in range(2):
        with contextlib.closing(SqliteStore(path, 0)) as store:
            assert store.load_facts() == [CORRECTION, back]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'corrections'").fetchone()
    with contextlib.closing(sqlite3.connect(backup_path(path, 4))) as connection:
        assert connection.execute("SELECT count(*) FROM corrections").fetchone() == (2,)


def test_damaged_corrections_of_an_earlier_schema_are_rejected_without_changes(path: Path) -> None:
    path.parent.mkdir()
    raw(path, *(statement for step in schema.MIGRATIONS[:4] for statement in step), "PRAGMA user_version = 4")
    raw(path, "INSERT INTO corrections VALUES ('abc', 'yesterday', 'Ana', 'x', 'p', 1, 2, NULL)")
    with pytest.raises(StoreError, match=r"damaged: in the table corrections, .*made is not a number"):
        SqliteStore(path, 0)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)


WITHOUT_FRAMES = ["DROP TABLE frames_out", "DROP TABLE cursors"]
WITHOUT_LATENCIES = [*WITHOUT_FRAMES, "DROP TABLE latency_days", "DROP TABLE aside_latency_days"]
WITHOUT_RECHECKS = [
    *WITHOUT_LATENCIES,
    *(
        f"ALTER TABLE {table} DROP COLUMN recheck"
        for table in ("observations", "runs", "aside_observations", "aside_runs")
    ),
]


def test_record_of_schema_9_is_copied_and_gets_the_tables_of_latencies(path: Path) -> None:
    """It is read as it is. The latencies after its mark count in the first day."""
    observations = [Observation("p/a", at, Outcome.GOOD, "", 300) for at in (10, 20)]
    with contextlib.closing(SqliteStore(path, 0)) as store:
        store.write(Batch(observations, [Run("p/a", Outcome.GOOD, "", 10, 20, 2, 130)], folded_until=15))
    raw(path, *WITHOUT_LATENCIES, "PRAGMA user_version = 9")
    with reading(path) as record:
        assert (list(record.load_latency_days()), list(record.recent_latencies())) == ([], [])
        assert record.observations("p/a", Interval(0, 100)) == observations
    day = LatencyDay("p/a", 0, 20, LatencyHistogram.of([300]).pack())
    with contextlib.closing(SqliteStore(path, 0)) as store:
        assert list(store.recent_latencies()) == [("p/a", 20, 300)]
        store.write(Batch(latency_days=[day]))
    with reading(path) as record:
        assert list(record.load_latency_days()) == [day]
    with contextlib.closing(sqlite3.connect(backup_path(path, 9))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (9,)
        assert connection.execute("SELECT at FROM observations").fetchall() == [(10,), (20,)]


def test_record_of_schema_8_is_copied_and_gets_a_column_for_rechecks(path: Path) -> None:
    """It is read as it is, before and after the migration. Then re-checks can be added."""
    old = Observation("p/a", 10, Outcome.BAD, "deadline"), Run("p/b", Outcome.GOOD, "", 1, 9, 2, 130)
    with contextlib.closing(SqliteStore(path, 0)) as store:
        store.write(Batch([old[0]], [old[1]]))
    raw(path, *WITHOUT_RECHECKS, "PRAGMA user_version = 8")
    with reading(path) as record:
        assert (list(record.load_tail()), list(record.load_runs())) == ([old[0]], [old[1]])
        assert list(record.load_runs(["p/b"])) == [old[1]]
        assert record.observations("p/a", Interval(0, 100)) == [old[0]]
    new = Observation("p/a", 11, Outcome.BAD, "deadline", recheck=True)
    with contextlib.closing(SqliteStore(path, 0)) as store:
        assert (list(store.load_tail()), list(store.load_runs())) == ([old[0]], [old[1]])
        store.write(Batch([new]))
    with reading(path) as record:
        assert list(record.load_tail()) == [old[0], new]
    with contextlib.closing(sqlite3.connect(backup_path(path, 8))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (8,)
        assert connection.execute("SELECT at FROM observations").fetchall() == [(10,)]


def test_record_of_schema_7_is_copied_and_gets_the_table_of_responses(path: Path) -> None:
    SqliteStore(path, 0).close()
    raw(
        path,
        "DROP TABLE responses",
        *WITHOUT_RECHECKS,
        "PRAGMA user_version = 7",
        "INSERT INTO notifications VALUES ('k', 'ops', 0, 'opened', 1, 5, 5, 'page', 'p', '{}', 1, 0, '', 6, '')",
    )
    with reading(path) as record:
        assert record.load_responses() == record.responses(Interval(0, 100)) == [], "it is read as it is"
    response = Response("k", 5, "p", Severity.PAGE)
    with contextlib.closing(SqliteStore(path, 0)) as store:
        assert [row.key for row in store.load_notifications()] == ["k"]
        store.write(Batch(responses=[response]))
    with contextlib.closing(sqlite3.connect(backup_path(path, 7))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (7,)
        assert connection.execute("SELECT key FROM notifications").fetchall() == [("k",)]
    with reading(path) as record:
        assert record.load_responses() == [response]
        assert record.responses(Interval(0, 5)) == []
        assert record.responses(Interval(5, 6)) == [response]


def migrate_until_killed(path: Path, statements: int) -> bool:
    """Migrate in a child process that kills itself before this many statements. Return whether it was killed."""
    if (child := os.fork()) == 0:
        try:
            _kill_before_statement(statements)
            SqliteStore(path, 0).close()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _kill_before_statement(statements: int) -> None:
    """Count the statements of all connections that are opened from now on."""
    remaining = iter(range(statements))
    open_connection = sqlite.open_connection

    def open_counted(path: Path, mode: str) -> sqlite3.Connection:
        connection = open_connection(path, mode)
        connection.set_trace_callback(lambda _: next(remaining, None) is None and os.kill(os.getpid(), signal.SIGKILL))
        return connection

    sqlite.open_connection = open_counted


@pytest.mark.fault(8)
def test_killed_migration_is_completed_by_the_next_start(tmp_path: Path) -> None:
    """The migration is killed before its second, sixth, tenth, ... statement, until it is not killed."""
    source = tmp_path / "source.db"
    raw(source, *(statement for step in schema.MIGRATIONS[:4] for statement in step), "PRAGMA user_version = 4")
    insert = "INSERT INTO corrections (id, made, author, reason, product, start, end, revokes) VALUES"
    raw(source, f"{insert} ('{CORRECTION.id}', 30, 'Ana', 'account locked', 'p', 10, 20, NULL)")
    for statements in itertools.count(1, 4):
        path = tmp_path / str(statements) / "record.db"
        path.parent.mkdir()
        shutil.copyfile(source, path)
        killed = migrate_until_killed(path, statements)
        with contextlib.closing(SqliteStore(path, 0)) as store:
            assert store.load_facts() == [CORRECTION]
        if not killed:
            break
    assert statements > 40
