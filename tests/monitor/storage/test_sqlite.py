"""The SQLite record: rejected files, commits, and the state after a failure."""

from __future__ import annotations

import contextlib
import errno
import pathlib
import re
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from monitor.errors import StoreError
from monitor.storage import schema, sqlite
from monitor.storage.connection import open_connection
from monitor.storage.incident_failures import with_failures
from monitor.storage.reader import facts_of
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.incident import Incident
from sla.interval import DAY, Interval
from sla.latency_day import LatencyDay
from sla.latency_histogram import LatencyHistogram
from sla.observation import Observation, Outcome, Run
from sla.page_response import Response
from sla.product_incident import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
from tests.support.sqlite_records import CORRECTION, INCIDENT, digest, many, observation_at, raw


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "record with space?.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, 0)
    yield store
    store.close()


def test_folder_is_created_and_unusual_names_are_accepted(store: SqliteStore, path: Path) -> None:
    store.write(many(0, 1))
    assert path.exists()


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to have a header of its own" * 20, b"\0" * 5_000]
)
@pytest.mark.fault(7)
def test_file_that_is_no_database_is_rejected_and_unchanged(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a database.*move it away"):
        SqliteStore(path, 0)
    assert path.read_bytes() == content


def test_folder_at_the_records_path_is_rejected(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"unable to open.*folder"):
        SqliteStore(path, 0)


def test_database_of_another_program_is_rejected_and_unchanged(path: Path) -> None:
    path.parent.mkdir()
    raw(path, "CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)")
    before = digest(path)
    with pytest.raises(StoreError, match=r"another program.*set another `store:`"):
        SqliteStore(path, 0)
    assert digest(path) == before


@pytest.mark.fault(7)
def test_newer_schema_is_rejected_and_unchanged(path: Path) -> None:
    SqliteStore(path, 0).close()
    raw(path, f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    before = digest(path)
    with pytest.raises(StoreError, match=r"schema \d+.*supports up to \d+.*newer ninewatch"):
        SqliteStore(path, 0)
    assert digest(path) == before


@pytest.mark.parametrize("body", ["{", "[]", '{"at": "now", "reason": ""}', '{"at": 1, "reason": "", "phases": 7}'])
def test_damaged_failing_probe_is_rejected_with_a_remedy(body: str) -> None:
    incident = Incident("abc", "p", "p/c", 5, None, "deadline", None)
    with pytest.raises(StoreError, match=r"failing probe of the incident abc cannot be read.*restore a backup"):
        with_failures([incident], [("abc", "last", body)])


def test_rejected_record_is_not_locked(path: Path) -> None:
    """After the file is moved away, the same process can create a new record."""
    path.parent.mkdir()
    path.write_bytes(b"x" * 4_000)
    with pytest.raises(StoreError):
        SqliteStore(path, 0)
    path.unlink()
    SqliteStore(path, 0).close()


@pytest.mark.fault(7)
def test_damaged_file_is_rejected_and_unchanged(path: Path) -> None:
    store = SqliteStore(path, 0)
    store.write(Batch(runs=[Run(f"p/{n}", Outcome.GOOD, "", 1, 2, 2, 9) for n in range(2_000)]))
    store.close()
    content = bytearray(path.read_bytes())
    content[4_096:] = bytes(byte ^ 0xFF for byte in content[4_096:])
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"malformed.*restore a backup"):
        SqliteStore(path, 0)
    assert path.read_bytes() == content


@pytest.mark.fault(3)
def test_only_batches_with_incidents_or_facts_are_synced(store: SqliteStore) -> None:
    """synchronous is FULL for decisions and NORMAL for observations: one fsync per outage, none per probe."""
    levels: list[int] = []
    connection = store._connection_for_writing()

    def watch(statement: str) -> None:
        if statement.startswith("COMMIT"):
            connection.set_trace_callback(None)
            levels.append(connection.execute("PRAGMA synchronous").fetchone()[0])
            connection.set_trace_callback(watch)

    connection.set_trace_callback(watch)
    for batch in (many(0, 1), Batch([observation_at(5)], incidents=[INCIDENT]), many(9, 1), Batch(facts=[CORRECTION])):
        store.write(batch)
    assert levels == [1, 2, 1, 2]


def test_fact_cannot_be_changed_or_deleted(store: SqliteStore, path: Path) -> None:
    """This also applies to other programs, unless they drop the triggers first."""
    store.write(Batch(facts=[CORRECTION]))
    for statement in ("UPDATE facts SET body = '{}'", "DELETE FROM facts"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            raw(path, statement)
    assert facts_of(path) == [CORRECTION]


def test_days_of_more_than_a_year_ago_are_deleted_with_the_next_day(store: SqliteStore) -> None:
    packed = LatencyHistogram.of([300]).pack()
    days = [LatencyDay("p/a", n * DAY, n * DAY + 1, packed) for n in (0, 1, 367)]
    store.write(Batch(latency_days=days))
    assert [day.start for day in store.load_latency_days()] == [DAY, 367 * DAY]


@pytest.mark.parametrize(
    "change", ["SET histogram = x'0102030405'", "SET phases = '[1]'", "SET phases = '{\"tls\": null}'", "SET last = -1"]
)
def test_damaged_day_of_latencies_is_reported_with_its_table(path: Path, change: str) -> None:
    with contextlib.closing(SqliteStore(path, 0)) as store:
        store.write(Batch(latency_days=[LatencyDay("p/a", 5, 9, LatencyHistogram.of([300]).pack())]))
    raw(path, f"UPDATE latency_days {change}")
    with (
        pytest.raises(StoreError, match="is damaged: in the table latency_days, row"),
        contextlib.closing(SqliteStore(path, 0)) as store,
    ):
        list(store.load_latency_days())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("severity = 'loud'", "its severity is unknown"),
        ("ended = 4", "it ends before it begins"),
        ("acknowledged = 4", "it was acknowledged before it began"),
        ("target = 'soon'", "target is not a number"),
        ("""escalations = '[{"plan": "sso"}]'""", "row with key 'k', started 5: 'receivers'"),
        ("escalations = '['", "row with key 'k', started 5"),
    ],
)
def test_damaged_response_is_rejected_with_its_position(path: Path, change: str, fault: str) -> None:
    with contextlib.closing(SqliteStore(path, 0)) as store:
        store.write(Batch(responses=[Response("k", 5, "p", Severity.PAGE)]))
    raw(path, f"UPDATE responses SET {change}")  # noqa: S608 - texts of this test
    with pytest.raises(StoreError, match=f"in the table responses, .*{re.escape(fault)}"):
        SqliteStore(path, 0).load_responses()


def test_facts_of_an_invalid_record_give_one_clear_line(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * 4_000)
    with pytest.raises(StoreError, match=r"the record .* cannot be read: .*move it away"):
        facts_of(path)


def test_write_ahead_log_is_checkpointed_and_reused(store: SqliteStore, path: Path) -> None:
    """Only `maintain` makes checkpoints; with them the log stays small."""
    log = path.with_name(path.name + "-wal")
    for batch in range(100):
        store.write(many(batch * 1_000, 1_000))
        if batch % 10 == 9:
            store.maintain()
    assert log.stat().st_size < path.stat().st_size / 2


def test_only_maintenance_checkpoints(store: SqliteStore, path: Path) -> None:
    size = path.stat().st_size
    store.write(many(0, 100_000))
    assert path.stat().st_size == size
    store.maintain()
    assert path.stat().st_size > size


def test_readers_cannot_write(store: SqliteStore, path: Path) -> None:
    """A second connection that can write can also checkpoint, which can corrupt the log (SQLite before 3.51.3)."""
    statements: list[str] = []
    real = sqlite3.connect

    def open_watched(target: str, **options: object) -> sqlite3.Connection:
        statements.append(target)
        return real(target, **options)  # type: ignore[call-overload, no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", open_watched)
        store.observations("p/a", Interval(0, 1))
    assert [target.rpartition("?")[2] for target in statements] == ["mode=ro"]


def test_full_disk_is_reported_and_the_batch_is_written_later(store: SqliteStore) -> None:
    """The error is a real SQLITE_FULL: no part of the batch is stored, and its names are not cached."""
    connection = store._connection_for_writing()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone()
    batch = Batch([Observation(f"p/{n}", n, Outcome.BAD, f"reason_{n}") for n in range(5_000)], incidents=[INCIDENT])
    with pytest.raises(StoreError, match=r"full; free space"):
        store.write(batch)
    assert not store.load_incidents()
    connection.execute("PRAGMA max_page_count = 1000000").fetchone()
    store.write(batch)
    assert store.observations("p/77", Interval(0, 5_000)) == [batch.observations[77]]
    assert store.load_incidents() == [INCIDENT]


_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
print("free", flush=True)
sys.stdin.readline()
"""


@pytest.mark.fault(6)
def test_locked_record_is_reported_and_written_when_it_is_free(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store._connection_for_writing().execute("PRAGMA busy_timeout = 20")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=r"locked; another program has locked it"):
            store.write(many(0, 3))
        print(file=other.stdin, flush=True)
        assert other.stdout.readline() == "free\n"
        store.write(many(0, 3))
        other.stdin.close()
    assert len(store.observations("p/a", Interval(0, 9))) == 3


def test_raw_rows_are_small(store: SqliteStore, path: Path) -> None:
    """A month of 100 checks per minute stays under 200 MB: at most 46 bytes per row, with keys and words as numbers."""
    store.maintain()
    at, empty = 1_795_000_000_000_000, path.stat().st_size
    checks = [f"a-rather-long-product-name/and-check-{n}" for n in range(100)]
    for _ in range(60):
        rows = [Observation(check, at + n * 7_919, Outcome.GOOD, "", 48_211 + n) for n, check in enumerate(checks)]
        store.write(Batch(rows))
        at += 60_000_000
    store.maintain()
    assert path.stat().st_size - empty < 6_000 * 46


def test_opening_a_record_logs_nothing(store: SqliteStore, path: Path) -> None:
    """A warning about the linked SQLite version would not apply here."""
    store.close()
    with capture_logs() as log_entries:
        SqliteStore(path, 0).close()
    assert log_entries == []


def test_only_the_writer_can_checkpoint(store: SqliteStore, path: Path) -> None:
    """Two connections that checkpoint can corrupt a write-ahead log with SQLite before 3.51.3."""
    assert store._connection_for_writing().execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    store.write(many(0, 100))
    before = digest(path)
    with contextlib.closing(open_connection(path, "ro")) as reader, pytest.raises(sqlite3.OperationalError):
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert digest(path) == before


def test_close_during_a_write_keeps_the_lock(store: SqliteStore, path: Path) -> None:
    """Closing while a write hangs must neither hang nor release the lock to another daemon."""
    connection = store._connection_for_writing()

    def close_within(statement: str) -> None:
        if statement.startswith("BEGIN"):
            connection.set_trace_callback(None)
            store.close()

    connection.set_trace_callback(close_within)
    store.write(many(0, 1))
    with pytest.raises(StoreError, match="in use"):
        SqliteStore(path, 0)


@pytest.mark.parametrize("failing", ["rename", "open"])
@pytest.mark.fault(7)
def test_record_that_could_not_be_replaced_at_once_is_complete_after_the_next_attempt(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """The rename of the copy or the opening of the new record fails once. No committed observation is lost."""
    store.write(many(0, 50))
    path.unlink()
    assert "deleted" in store.describe_change()
    with monkeypatch.context() as patch:
        if failing == "rename":
            patch.setattr(pathlib.Path, "replace", failing_replace)
        else:
            patch.setattr(sqlite, "open_connection", failing_open)
        with pytest.raises(StoreError, match="could not be rewritten"):
            store.replace_lost_record()
    assert store.replace_lost_record()
    assert store.describe_change() == ""
    assert len(list(store.load_tail())) == 50
    assert sorted(file.name.removeprefix(path.name) for file in path.parent.iterdir() if "rescue" in file.name) == []


def failing_replace(source: Path, target: Path) -> Path:
    raise OSError(errno.EACCES, f"cannot rename {source} to {target}")


def failing_open(path: Path, mode: str) -> sqlite3.Connection:
    raise sqlite3.OperationalError(f"unable to open {path} with {mode}")
