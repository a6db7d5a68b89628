"""`ninewatch store copy`: the copy of a record in the other engine is equal, or it cannot be used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from monitor.backup import copied_record
from monitor.cli import cli
from monitor.errors import NinewatchError, StoreError
from monitor.storage.chain import ClosedDay
from monitor.storage.frames import Cursor, NewFrame, Position
from monitor.storage.postgres import PostgresStore
from monitor.storage.postgres_connection import quoted
from monitor.storage.postgres_schema import tables
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.fact import Fact
from sla.incident import Failure, Incident
from sla.interval import DAY, SECOND
from sla.latency_day import LatencyDay
from sla.latency_histogram import LatencyHistogram
from sla.observation import Observation, Outcome, Run
from tests.contract.test_store import notification, outage, response
from tests.support.postgres import PASSWORD, create_schema, needs_postgres_driver
from tests.support.records import NAMES, unpack
from tests.support.sqlite_records import digest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.postgres import Postgres

pytestmark = needs_postgres_driver

START = 1_796_000_000 * SECOND
CONFIG = """\
store: n.db
products:
- {id: p, objective: 99%, checks: [{id: a, http: "http://127.0.0.1:1/"}, {id: b, http: "http://127.0.0.1:1/"}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the working directory one with a configuration and a record that has rows in every table."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ninewatch.yaml").write_text(CONFIG)
    write_record(tmp_path / "n.db")
    return tmp_path


def write_record(path: Path) -> None:
    store = SqliteStore(path, START)
    end = START + 40 * DAY
    failure = Failure(START, "http_status", 503, "no pod is <ready>\n", {"connect": 0.25})
    store.write(
        Batch(
            observations=[Observation("p/a", end + n * SECOND, Outcome.GOOD, "", n or None) for n in range(50)],
            runs=[
                Run("p/a", Outcome.GOOD, "", START + n * DAY, START + n * DAY + DAY // 2, 1000, 90 * SECOND)
                for n in range(40)
            ]
            + [Run("p/b", Outcome.BAD, "deadline", START, end, 40_000, 90 * SECOND, vantage="east", seeded=True)],
            incidents=[Incident("abc", "p", "p/b", START, end, "deadline", 6, failure, failure)],
            folded_until=end,
            facts=[Fact.of(START + n, "Ánå", "note", "p", {"text": f"\U0001f600 {n}"}) for n in range(3)],
            clock_steps=[(START + 5, -3), (START + 9, 4)],
            product_incidents=[outage()],
            notifications=[notification(), notification("b", done=120)],
            responses=[response()],
            latency_days=[LatencyDay("p/a", START, START + 9, LatencyHistogram.of([7, 300]).pack(), 2, {"connect": 3})],
        )
    )
    with reading(path) as reader:
        head = reader.next_head((START + DAY) // DAY, end)
    assert isinstance(head, ClosedDay)
    store.write(Batch(heads=[head]))
    store.write(
        Batch(
            [Observation("p/a", end + 400 * DAY, Outcome.GOOD)],
            [Run("p/a", Outcome.GOOD, "", end + 400 * DAY, end + 400 * DAY, 1, 90)],
            frame=NewFrame(end, end + 400 * DAY, b"frame"),
            cursors=[Cursor("east", Position(end, 3))],
        )
    )
    assert store.reconcile(end + DAY) is not None  # moves rows of a wrong clock aside
    store.close()


def copy(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["store", "copy", "-c", "ninewatch.yaml", *arguments])


def table_counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table.name: connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608 - our tables
            for table in tables()
        }


def test_copy_to_postgres_and_back_has_every_row_of_every_table(folder: Path, empty_schema: str) -> None:
    before = table_counts(folder / "n.db")
    assert [name for name, count in before.items() if not count] == ["aside_incidents", "aside_latency_days"]
    there = copy("n.db", empty_schema)
    assert there.exit_code == 0, there.output
    assert f"{sum(before.values()):,} rows in {len(before)} tables and 5 figures are equal" in there.output
    assert PASSWORD not in there.output
    back = copy(empty_schema, "back.db")
    assert back.exit_code == 0, back.output
    assert table_counts(folder / "back.db") == before
    with closing(sqlite3.connect("n.db")) as one, closing(sqlite3.connect("back.db")) as other:
        for table in tables():
            query = f"SELECT * FROM {table.name} ORDER BY {', '.join(map(quoted, table.columns))}"  # noqa: S608
            assert one.execute(query).fetchall() == other.execute(query).fetchall()
    SqliteStore(folder / "back.db", START).close()  # a sound record


@pytest.mark.parametrize("name", NAMES)
def test_records_of_earlier_versions_are_copied_after_their_upgrade(
    name: str, tmp_path: Path, empty_schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unpack(name, tmp_path)
    (record,) = (path for path in tmp_path.iterdir() if path.name.endswith(".db"))
    SqliteStore(record, START).close()
    result = copy(record.name, empty_schema)
    assert result.exit_code == 0, result.output
    assert " figures are equal" in result.output


def test_record_of_an_earlier_version_is_refused(
    tmp_path: Path, empty_schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unpack(NAMES[0], tmp_path)
    (record,) = (path for path in tmp_path.iterdir() if path.name.endswith(".db"))
    assert "start `ninewatch run` with it once" in str(copy(record.name, empty_schema).exception)


def test_store_in_postgres_continues_after_the_copy(folder: Path, empty_schema: str) -> None:
    """New series and reasons get ids that no copied one has."""
    assert copy("n.db", empty_schema).exit_code == 0
    store = PostgresStore(empty_schema)
    store.write(
        Batch([Observation("p/new", START + 50 * DAY, Outcome.BAD, "new_reason", vantage="west")], clock_steps=[(1, 2)])
    )
    assert list(store.load_tail())[-1] == Observation(
        "p/new", START + 50 * DAY, Outcome.BAD, "new_reason", vantage="west"
    )
    store.close()


class Stopped(Exception):  # noqa: N818 - stands for a killed process
    pass


def stop_after(inserts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a copy write this number of chunks, and stop it before the next one."""
    remaining = [inserts]
    for kind in (copied_record.PostgresTarget, copied_record.SqliteTarget):
        insert = kind.insert

        def counted(self, table, rows, insert=insert):  # type: ignore[no-untyped-def]
            if not remaining[0]:
                raise Stopped
            remaining[0] -= 1
            insert(self, table, rows)

        monkeypatch.setattr(kind, "insert", counted)


@pytest.mark.parametrize("stopped_after", [0, 3, 9, 20])
def test_interrupted_copy_cannot_be_used_and_is_continued(
    folder: Path, empty_schema: str, stopped_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied_record, "CHUNK", 7)
    with monkeypatch.context() as patch:
        stop_after(stopped_after, patch)
        assert isinstance(copy("n.db", empty_schema).exception, Stopped)
    with pytest.raises(StoreError, match="has an incomplete copy; continue it with `ninewatch store copy`"):
        PostgresStore(empty_schema)
    result = copy("n.db", empty_schema)
    assert result.exit_code == 0, result.output
    with monkeypatch.context() as patch:
        stop_after(stopped_after, patch)
        assert isinstance(copy(empty_schema, "back.db").exception, Stopped)
    assert not (folder / "back.db").exists()
    assert copy(empty_schema, "back.db").exit_code == 0
    assert table_counts(folder / "back.db") == table_counts(folder / "n.db")
    assert not list(folder.glob("*.part*"))


def test_copy_of_a_record_that_changed_meanwhile_is_refused_until_restarted(
    folder: Path, empty_schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_after(6, patch)
        copy("n.db", empty_schema)
    store = SqliteStore(folder / "n.db", START)
    store.write(
        Batch(runs=[Run("p/b", Outcome.BAD, "deadline", START, START + 40 * DAY, 40_001, 90 * SECOND, vantage="east")])
    )
    store.close()
    refused = copy("n.db", empty_schema)
    assert "differs from n.db in the table runs" in str(refused.exception)
    assert "begin again with --restart" in str(refused.exception)
    with pytest.raises(StoreError, match="incomplete copy"):
        PostgresStore(empty_schema)
    assert copy("n.db", empty_schema, "--restart").exit_code == 0


def test_existing_records_are_not_changed(folder: Path, postgres_server: Postgres) -> None:
    first, second = create_schema(postgres_server), create_schema(postgres_server)
    PostgresStore(first).close()
    PostgresStore(second).close()
    before = digest(folder / "n.db")
    for source, target in ((first, "n.db"), ("n.db", second), (first, second)):
        for options in ([], ["--restart"]):
            message = str(copy(source, target, *options).exception)
            assert "not changed; name" in message
    assert digest(folder / "n.db") == before


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.db", "no record at missing.db"),
        ("ninewatch.yaml", "ninewatch.yaml cannot be read: file is not a database"),
        ("host=127.0.0.1 port", "the connection string is invalid"),
    ],
)
def test_missing_source_is_one_line(folder: Path, empty_schema: str, source: str, message: str) -> None:
    error = copy(source, empty_schema).exception
    assert isinstance(error, NinewatchError)
    assert message in str(error)


def test_empty_database_has_no_record_to_copy(folder: Path, empty_schema: str) -> None:
    error = str(copy(empty_schema, "back.db").exception)
    assert "has no record; name the database and the schema of a record" in error
    assert PASSWORD not in error
