"""kill -9 at any instant: nothing that was acknowledged is lost, and a restart goes on where the record ends."""

from __future__ import annotations

import contextlib
import json
import queue
import random
import sqlite3
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from monitor.engine.recorder import restore
from monitor.storage.sqlite import SqliteStore
from sla.interval import Interval
from sla.timeline import Timeline
from tests.support.recorder_process import Recording, recorded_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sla.observation import Observation

ALWAYS = Interval(0, 2**62)
LINES, MORE = 100, 0.02  # a commit or an announcement is a line; a commit takes about as long as MORE at the most


@dataclass
class Acknowledged:
    """What the killed recorders said they had on disk, or had announced."""

    seen: set[tuple[str, int]] = field(default_factory=set)
    incidents: dict[str, str] = field(default_factory=dict)

    def take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "seen":
            self.seen |= {(check, at) for check, at in json.loads(rest)}
        elif word == "incident":
            identity, _, what = rest.partition(" ")
            self.incidents[identity] = what
        else:
            raise AssertionError(line)


def kill_one(recording: Recording, lines: int, more: float) -> Iterator[str]:
    """Start a recorder, kill it `more` seconds after it said that many lines, and yield all that it said.

    Lines and not seconds: on a busy machine a recorder would be killed before it recorded anything.
    """
    recorder = recording.start()
    for _ in range(lines):
        yield recording.line()
    end = time.monotonic() + more
    with contextlib.suppress(queue.Empty):
        while (left := end - time.monotonic()) > 0:
            yield recording.line(left)
    yield from recording.kill(recorder)


def check(path: Path, acknowledged: Acknowledged) -> None:
    """Compare the record with what was acknowledged, and the restored timelines with the observations themselves."""
    store, ledger = SqliteStore(path, 0), recorded_ledger()
    try:
        restore(ledger, store)
        # By now the store has undone what was cut off, which a reader cannot.
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows: dict[str, list[Observation]] = defaultdict(list)
        for key in ledger.entries:
            rows[key] = store.observations(key, ALWAYS)
    finally:
        store.close()
    assert acknowledged.seen <= {(key, each.at) for key, found in rows.items() for each in found}
    recorded = {incident.id: incident for incident in ledger.incidents}
    for identity, what in acknowledged.incidents.items():
        assert identity in recorded
        assert what == "opened" or recorded[identity].resolved is not None
    for key, entry in ledger.entries.items():
        expected = Timeline.of(rows[key], entry.timeline.hold)
        assert list(entry.timeline.pieces(ALWAYS)) == list(expected.pieces(ALWAYS))
        assert sum(incident.resolved is None for incident in ledger.incidents if incident.check == key) <= 1


def run_rounds(path: Path, rounds: int, seed: int = 0) -> Acknowledged:
    chance = random.Random(seed)  # noqa: S311 - it only chooses when to kill
    acknowledged = Acknowledged()
    with Recording(path) as recording:
        for _ in range(rounds):
            for line in kill_one(recording, chance.randrange(LINES), chance.uniform(0.0, MORE)):
                acknowledged.take(line)
            check(path, acknowledged)
    return acknowledged


def test_nothing_acknowledged_is_lost_when_the_recorder_is_killed(tmp_path: Path) -> None:
    acknowledged = run_rounds(tmp_path / "record.db", 8)
    assert len(acknowledged.seen) > 1_000, "the recorders were killed before they recorded anything worth the test"
    assert acknowledged.incidents


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_in_hundreds_of_kills(tmp_path: Path) -> None:
    """Three hundred, over fifteen records: what a check costs grows with what is in the record."""
    for seed in range(1, 16):
        assert run_rounds(tmp_path / f"record-{seed}.db", 20, seed).seen
