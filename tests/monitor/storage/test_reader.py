"""Reading the record while another process writes it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.storage.reader import reading
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import MINUTE
from sla.observation import Observation, Outcome, Run


def observation_at(minute: int) -> Observation:
    return Observation("p/c", minute * MINUTE, Outcome.GOOD)


def test_reader_returns_the_data_of_one_commit(tmp_path: Path) -> None:
    """The daemon holds the record and continues to write. The second read contains no data after the first."""
    store = SqliteStore(tmp_path / "r.db", 0)
    store.write(Batch(runs=[Run.of(observation_at(1), MINUTE)], observations=[observation_at(2)]))
    with reading(tmp_path / "r.db") as record:
        assert [run.first for run in record.load_runs()] == [MINUTE]
        store.write(Batch(observations=[observation_at(3)]))
        assert [observation.at for observation in record.load_tail()] == [2 * MINUTE]
    with reading(tmp_path / "r.db") as record:
        assert [observation.at for observation in record.load_tail()] == [2 * MINUTE, 3 * MINUTE]
        assert (record.load_incidents(), record.load_facts()) == ([], [])
    store.close()


def test_reader_neither_writes_nor_checkpoints(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "r.db", 0)
    store.write(Batch(observations=[observation_at(1)]))
    before = [(tmp_path / name).read_bytes() for name in ("r.db", "r.db-wal")]
    with reading(tmp_path / "r.db") as record:
        list(record.load_tail())
    assert [(tmp_path / name).read_bytes() for name in ("r.db", "r.db-wal")] == before
    store.close()


@pytest.mark.parametrize("content", [None, b"", b"no database" * 100, "stranger"])
def test_unreadable_record_is_reported(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "r.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    with pytest.raises(StoreError, match=r"r\.db"), reading(path) as record:
        list(record.load_runs())
