"""kill -9 at any instant: no acknowledged observation is lost, and a restart continues where the record ends."""

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
from tests.support.recorder_process import RecorderController, recorded_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sla.observation import Observation

ALWAYS = Interval(0, 2**62)
MAX_LINES, MAX_SECONDS = (
    100,
    0.02,
)  # each commit and announcement prints a line; a commit takes at most about MAX_SECONDS


@dataclass
class Acknowledged:
    """The observations and incidents that the killed recorders acknowledged as stored or announced."""

    observations: set[tuple[str, int]] = field(default_factory=set)
    incidents: dict[str, str] = field(default_factory=dict)

    def add_line(self, line: str) -> None:
        kind, _, content = line.partition(" ")
        if kind == "seen":
            self.observations |= {(check, at) for check, at in json.loads(content)}
        elif kind == "incident":
            incident_id, _, event = content.partition(" ")
            self.incidents[incident_id] = event
        else:
            raise AssertionError(line)


def kill_one(recording: RecorderController, lines: int, delay: float) -> Iterator[str]:
    """Start a recorder, kill it `delay` seconds after its first `lines` lines, and yield all its lines.

    Lines are counted, because a recorder on a busy machine would be killed before it recorded anything if only time
    counted.
    """
    recorder = recording.start()
    for _ in range(lines):
        yield recording.line()
    end = time.monotonic() + delay
    with contextlib.suppress(queue.Empty):
        while (remaining := end - time.monotonic()) > 0:
            yield recording.line(remaining)
    yield from recording.kill(recorder)


def compare_record(path: Path, acknowledged: Acknowledged) -> None:
    """Compare the record with the acknowledgements, and the restored timelines with the stored observations."""
    store, ledger = SqliteStore(path, 0), recorded_ledger()
    try:
        restore(ledger, store)
        # The store has rolled back incomplete transactions by now; a reader cannot do so.
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows: dict[str, list[Observation]] = defaultdict(list)
        for key in ledger.entries:
            rows[key] = store.observations(key, ALWAYS)
    finally:
        store.close()
    assert acknowledged.observations <= {
        (key, observation.at) for key, observations in rows.items() for observation in observations
    }
    recorded = {incident.id: incident for incident in ledger.incidents}
    for incident_id, event in acknowledged.incidents.items():
        assert incident_id in recorded
        assert event == "opened" or recorded[incident_id].resolved is not None
    for key, entry in ledger.entries.items():
        expected = Timeline.of(rows[key], entry.timeline.hold)
        assert list(entry.timeline.pieces(ALWAYS)) == list(expected.pieces(ALWAYS))
        assert sum(incident.resolved is None for incident in ledger.incidents if incident.check == key) <= 1


def run_rounds(path: Path, rounds: int, seed: int = 0) -> Acknowledged:
    chance = random.Random(seed)  # noqa: S311 - not for cryptography
    acknowledged = Acknowledged()
    with RecorderController(path) as recording:
        for _ in range(rounds):
            for line in kill_one(recording, chance.randrange(MAX_LINES), chance.uniform(0.0, MAX_SECONDS)):
                acknowledged.add_line(line)
            compare_record(path, acknowledged)
    return acknowledged


@pytest.mark.fault(1)
def test_acknowledged_observations_survive_a_few_kills(tmp_path: Path) -> None:
    acknowledged = run_rounds(tmp_path / "record.db", 8)
    assert len(acknowledged.observations) > 1_000, "the recorders were killed before they recorded enough observations"
    assert acknowledged.incidents


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.fault(1)
def test_acknowledged_observations_survive_hundreds_of_kills(tmp_path: Path) -> None:
    """The 300 kills use 15 records, because the cost of a comparison grows with the record."""
    for seed in range(1, 16):
        assert run_rounds(tmp_path / f"record-{seed}.db", 20, seed).observations
