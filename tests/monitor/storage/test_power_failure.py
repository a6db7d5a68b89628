"""A power failure loses or tears writes after the last sync: the record stays consistent and has all facts."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.correction import Correction
from sla.interval import Interval
from tests.support.sqlite_records import many

SECTOR = 512  # bytes that a disk writes at once
FACTS, OBSERVATIONS, CHECKPOINT = 12, 60, 7
ALWAYS = Interval(0, 2**62)


@dataclass(frozen=True)
class Disk:
    """The contents of the record's file and of its write-ahead log, and the number of facts that were acknowledged."""

    database: bytes
    log: bytes
    facts: int


def read_disk(path: Path, facts: int) -> Disk:
    return Disk(path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes(), facts)


def write_record(path: Path) -> Iterator[Disk]:
    """Write observations, which are not synced, and facts, which are. Yield the disk after each sync."""
    with contextlib.closing(SqliteStore(path, 0)) as store:
        for number in range(FACTS):
            store.write(many(number * OBSERVATIONS, OBSERVATIONS))
            store.write(Batch(facts=[Correction("p", Interval(10, 20), "Ana", "test", number).fact()]))
            yield read_disk(path, number + 1)
            if number == CHECKPOINT:
                store.maintain()
                yield read_disk(path, number + 1)


def torn(before: bytes, after: bytes, chance: random.Random) -> bytes:
    """Return the content after a power failure between two syncs.

    Each sector was written, was not written, or has other content where it was changed; the file may be shorter.
    """
    length = chance.randint(min(len(before), len(after)), max(len(before), len(after)))
    sectors = []
    for start in range(0, length, SECTOR):
        new = after[start : start + SECTOR]
        old = before[start : start + SECTOR].ljust(len(new), b"\0")
        garbage = bytes(a if a == b else c for a, b, c in zip(old, new, chance.randbytes(len(new)), strict=False))
        sectors.append(chance.choice([old, new, garbage]))
    return b"".join(sectors)[:length]


def start_after_power_failure(path: Path, disk: Disk) -> None:
    """Open the record as the daemon does at its start, and compare it with what was acknowledged."""
    path.parent.mkdir()
    path.write_bytes(disk.database)
    path.with_name(f"{path.name}-wal").write_bytes(disk.log)
    with contextlib.closing(SqliteStore(path, 0)) as store:
        numbers = [fact.made for fact in store.load_facts()]
        instants = [observation.at for observation in store.observations("p/a", ALWAYS)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= disk.facts
    assert instants == list(range(len(instants)))
    assert len(instants) >= disk.facts * OBSERVATIONS
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.fault(3)
@pytest.mark.parametrize("seed", range(4))
def test_acknowledged_facts_survive_a_power_failure(seed: int, tmp_path: Path) -> None:
    """Between two syncs, either the log is written or, in a checkpoint, the database."""
    chance = random.Random(seed)  # noqa: S311 - not for cryptography
    disks = list(write_record(tmp_path / "record.db"))
    for number, (before, after) in enumerate(pairwise(disks)):
        checkpointed = before.database != after.database
        database = torn(before.database, after.database, chance) if checkpointed else before.database
        log = before.log if checkpointed else torn(before.log, after.log, chance)
        start_after_power_failure(tmp_path / str(number) / "record.db", Disk(database, log, before.facts))
    assert sum(before.database != after.database for before, after in pairwise(disks)) == 1
