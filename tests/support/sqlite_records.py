"""Rows, digests and statements of SQLite records."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from typing import TYPE_CHECKING

from monitor.storage.store import Batch
from sla.correction import Correction
from sla.incident import Incident
from sla.interval import Interval
from sla.observation import Observation, Outcome

if TYPE_CHECKING:
    from pathlib import Path


CORRECTION = Correction("p", Interval(10, 20), "Ana", "account locked", 30).fact()
INCIDENT = Incident("abc", "p", "p/a", 5, None, "deadline", None)


def observation_at(at: int) -> Observation:
    return Observation("p/a", at, Outcome.GOOD, "", 1_000)


def many(first: int, count: int) -> Batch:
    return Batch([observation_at(at) for at in range(first, first + count)])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def raw(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
