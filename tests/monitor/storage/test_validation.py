"""Impossible values in an intact file are rejected with a remedy by every reader of the record."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from monitor.engine.recorder import restore
from monitor.errors import StoreError
from monitor.storage import validation
from monitor.storage.reader import facts_of, reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.correction import Correction, Revocation
from sla.incident import Incident
from sla.interval import Interval
from sla.observation import Observation, Outcome, Run
from tests.support.daemon_process import run_to_exit
from tests.support.ledgers import ledger_of, product

if TYPE_CHECKING:
    from pathlib import Path

KEY = "chefs/health"
CORRECTION = Correction("chefs", Interval(10, 20), "Ana", "account locked", 30)
WHOLE = Batch(
    [Observation(KEY, at, Outcome.BAD, "deadline", 5) for at in (100, 200, 300, 400, 900)],
    [Run(KEY, Outcome.BAD, "deadline", 100, 200, 2, 130, 2, 10, 5), Run(KEY, Outcome.BAD, "dns", 300, 400, 2, 130)],
    [Incident("abc", "chefs", KEY, 100, 300, "deadline", 90)],
    250,
    [CORRECTION.fact(), Revocation(CORRECTION.id, "Ben", "it was the service", 40).fact()],
)
NUMBERS = {
    "observations": ["at", "outcome", "reason", "series"],
    "runs": ["series", "first", "last", "outcome", "reason", "count", "hold", "latency_count", "latency_sum", "seeded"],
    "incidents": ["opened"],
    "facts": ["made"],
    "progress": ["value"],
    "series": ["id"],
    "reasons": ["id"],
}
WORDS = {
    "series": ["check_key", "vantage"],
    "reasons": ["word"],
    "incidents": ["id", "product", "check_key", "reason"],
    "facts": ["id", "author", "kind", "product", "body"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a record with a row in every table."""
    path = tmp_path / "record.db"
    store = SqliteStore(path, 0)
    store.write(WHOLE)
    store.close()
    return path


def damage(path: Path, table: str, change: str) -> None:
    """Change the last row of a table, despite the schema's constraints."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"CREATE TABLE bare AS SELECT * FROM {table}")  # noqa: S608
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE bare RENAME TO {table}")
        connection.execute(f"UPDATE {table} SET {change} WHERE rowid = (SELECT max(rowid) FROM {table})")  # noqa: S608


def load(path: Path) -> None:
    """Read everything that a daemon reads at its start."""
    store = SqliteStore(path, 0)
    try:
        restore(ledger_of(product("chefs")), store)
        store.load_facts()
    finally:
        store.close()


@pytest.mark.parametrize("value", ["NULL", "'soon'", "-1", "1e300", "9223372036854775807", "x'00ff'", "1.5"])
@pytest.mark.parametrize(("table", "column"), [(table, name) for table, columns in NUMBERS.items() for name in columns])
def test_wrong_type_of_a_number_is_rejected(path: Path, table: str, column: str, value: str) -> None:
    damage(path, table, f"{column} = {value}")
    with pytest.raises(StoreError, match=r"record.db.*(restore a backup|another `store:`)"):
        load(path)
    with pytest.raises(StoreError), reading(path):
        pass


@pytest.mark.parametrize("value", ["NULL", "5", "x'00ff'"])
@pytest.mark.parametrize(("table", "column"), [(table, name) for table, columns in WORDS.items() for name in columns])
def test_wrong_type_of_a_text_is_rejected(path: Path, table: str, column: str, value: str) -> None:
    damage(path, table, f"{column} = CAST({value} AS BLOB)" if value == "5" else f"{column} = {value}")
    with pytest.raises(StoreError, match="restore a backup"):
        load(path)


@pytest.mark.parametrize(
    ("table", "change", "expected_error"),
    [
        ("runs", "outcome = 9", "outcome is not a number from 0 to 2"),
        ("runs", "last = first - 1", "ends before it begins"),
        ("runs", "first = 150, hold = 500", "overlap"),
        ("runs", "first = 200, last = 250", "overlap"),
        ("runs", "count = 0", "count is not a number"),
        ("runs", "last = 9000", "further apart than its hold"),
        ("runs", "latency_count = 3", "more latencies"),
        ("runs", "reason = 77", "reason is not in the table reasons"),
        ("runs", "series = 77", "series is not in the table series"),
        ("runs", "recheck = 7", "recheck 7 is neither 0 nor 1"),
        ("runs", "recheck = 'x'", "recheck 'x' is neither 0 nor 1"),
        ("observations", "recheck = 7", "recheck 7 is neither 0 nor 1"),
        ("observations", "outcome = 9", "outcome is not a number from 0 to 2"),
        ("observations", "reason = 77", "reason is not in the table reasons"),
        ("observations", "series = 77", "series is not in the table series"),
        ("observations", "latency = 'fast'", "latency is not a number"),
        ("incidents", "resolved = 5", "ends before it begins"),
        ("incidents", "downtime = 'long'", "downtime is not a number"),
        ("facts", "kind = 'correction'", "lacks a part of its body"),
        ("facts", "author = 'Eve'", "changed after it was written"),
        ("facts", "kind = 'note', body = '{'", "in the table facts, row with id"),
        ("progress", "value = 5000", "after the last recorded run"),
    ],
)
def test_impossible_value_is_rejected_with_its_position(
    path: Path, table: str, change: str, expected_error: str
) -> None:
    damage(path, table, change)
    with pytest.raises(StoreError, match=rf"damaged: .*{expected_error}.*restore a backup.*--new-record"):
        load(path)


@pytest.mark.parametrize("column", ["outcome = 9", "outcome = 'bad'", "latency = 1.5", "reason = 12", "series = -1"])
def test_wrong_observation_within_a_run_is_rejected(path: Path, column: str) -> None:
    """No figure uses it, but pages list it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"UPDATE observations SET {column} WHERE at = 200")  # noqa: S608
    with pytest.raises(StoreError, match=r"in the table observations, row with at 200, .*restore a backup"):
        load(path)
    with pytest.raises(StoreError, match="in the table observations, row with at 200"), reading(path):
        pass


@pytest.mark.parametrize(
    ("change", "expected_error"),
    [
        ("outcome = 9", "unknown outcome 9"),
        ("reason = 77", "no such check or reason"),
        ("latency = 'fast'", "not valid integers"),
    ],
)
def test_observation_is_checked_when_it_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: str, expected_error: str
) -> None:
    monkeypatch.setattr(validation, "NEWEST_CHECKED", 0)
    damage(path, "observations", change)
    with pytest.raises(StoreError, match=rf"damaged: .*{expected_error}.*restore a backup.*--new-record"):
        load(path)


def test_every_reader_rejects_damaged_facts(path: Path) -> None:
    damage(path, "facts", "made = 'yesterday'")
    with pytest.raises(StoreError, match="made is not a number"):
        facts_of(path)


@pytest.mark.parametrize("arguments", [("run",), ("report", "--product", "chefs"), ("corrections",), ("gate", "chefs")])
def test_commands_exit_with_2_and_no_traceback(path: Path, arguments: tuple[str, ...]) -> None:
    config = path.with_name("ninewatch.yaml")
    check = "{id: health, http: 'http://127.0.0.1:9/', interval: 1m}"
    config.write_text(
        f"listen: 127.0.0.1:0\nstore: {path}\nproducts:\n- {{id: chefs, objective: 99.9%, checks: [{check}]}}\n"
    )
    damage(path, "runs", "outcome = 9")
    status, _, expected_error = run_to_exit(*arguments, "-c", config)
    assert (status, expected_error.count("\n")) == (2, 1)
    assert "outcome is not a number from 0 to 2" in expected_error


def test_valid_record_is_accepted(path: Path) -> None:
    load(path)
