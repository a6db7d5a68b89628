"""The writer's thread: commits, the queue while the store fails, and dropped observations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.storage import writer as module
from monitor.storage.record_writer import Committed
from monitor.storage.writer import Writer
from sla.incident import Incident
from sla.observation import Observation, Outcome, Run
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from monitor.storage.store import Batch

TIMEOUT_SECONDS = 30.0  # timeout of a test in seconds; not reached without a failure
INCIDENT = Incident("abc", "p", "p/a", 5, None, "deadline", None)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def health() -> Health:
    return Health()


@contextmanager
def writing(
    store: MemoryStore, health: Health, limit: int = 1_000, notified: Callable[[Committed], None] = print
) -> Iterator[Writer]:
    writer = Writer(store, health, SystemClock(), limit=limit)
    writer.listen(notified)
    writer.start()
    yield writer
    store.error = ""
    store.gate.set()
    writer.close(TIMEOUT_SECONDS)


def observation_at(at: int) -> Observation:
    return Observation("p/a", at, Outcome.GOOD)


def run(first: int, last: int) -> Run:
    return Run("p/a", Outcome.GOOD, "", first, last, 2, 130)


def instants(batches: list[Batch]) -> list[int]:
    return [observation.at for batch in batches for observation in batch.observations]


def test_observations_are_committed_in_groups_and_in_order(store: MemoryStore, health: Health) -> None:
    """A put causes neither a commit nor a wake-up of the thread."""
    with writing(store, health) as writer:
        for at in range(500):
            writer.put(observation_at(at))
    assert instants(store.batches) == list(range(500))
    assert len(store.batches) < 50
    assert (health.queue_depth, health.queue_since) == (0, None)


def test_observations_alone_do_not_wake_the_thread(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an hour between commits, a thousand observations stay queued until an incident is written."""
    monkeypatch.setattr(module, "COMMIT_INTERVAL", 3_600.0)
    with writing(store, health) as writer:
        writer.put(observation_at(0), (), INCIDENT)
        assert store.commits.wait(TIMEOUT_SECONDS)
        store.commits.clear()
        for at in range(1, 900):
            writer.put(observation_at(at))
        assert len(store.batches) == 1
        writer.put(observation_at(900), (run(0, 899),), INCIDENT)
        assert store.commits.wait(TIMEOUT_SECONDS)
        assert instants(store.batches[1:]) == list(range(1, 901))
        assert store.batches[1].incidents == (INCIDENT,)


def test_only_the_latest_version_of_a_run_is_written(store: MemoryStore, health: Health) -> None:
    with writing(store, health) as writer:
        writer.put(observation_at(1), (run(0, 1),))
        writer.put_folded([run(0, 9)], 7)
    assert list(store.load_runs()) == [run(0, 9)]
    assert store.folded_until == 7


def test_listener_is_called_for_stored_incidents_only(store: MemoryStore, health: Health) -> None:
    notifications: list[Committed] = []
    with writing(store, health, notified=notifications.append) as writer:
        writer.put(observation_at(1))
        writer.put(observation_at(5), (), INCIDENT)
        writer.put(observation_at(6))
    assert notifications == [Committed((INCIDENT,))]


@pytest.mark.fault(5)
def test_failing_store_loses_nothing(store: MemoryStore, health: Health) -> None:
    notifications: list[Committed] = []
    store.error = "the disk is full; free space"
    with writing(store, health, notified=notifications.append) as writer:
        writer.put(observation_at(3), (run(1, 3),))
        writer.put(observation_at(5), (), INCIDENT)
        assert store.failures.wait(TIMEOUT_SECONDS)
        assert health.unrecorded_since == 3
        assert health.store_error == store.error
        for at in range(10, 20):
            writer.put(observation_at(at))
        assert health.queue_depth == 12
        store.error = ""
        assert store.commits.wait(TIMEOUT_SECONDS)
    assert instants(store.batches) == [3, 5, *range(10, 20)]
    assert notifications[0] == Committed((INCIDENT,), "the disk is full; free space")
    assert notifications[-1] == Committed((INCIDENT,), recovered=True)
    assert health.write_failures >= 1
    assert (health.unrecorded_since, health.store_error, health.queue_depth) == (None, "", 0)
    assert health.dropped_observations == 0


def test_incident_is_tried_immediately_while_the_store_fails(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BACKOFF", 3_600.0)
    store.error = "no room"
    with writing(store, health) as writer:
        for at in range(20):  # the pauses double, so the last ones exceed the test's timeout
            store.failures.clear()
            writer.put(observation_at(at), (), INCIDENT)
            assert store.failures.wait(TIMEOUT_SECONDS)
    assert health.write_failures >= 20


@pytest.mark.parametrize("hangs", [False, True], ids=["failing", "hanging"])
@pytest.mark.fault(24)
def test_full_queue_drops_the_oldest_observations_and_no_incident(
    store: MemoryStore, health: Health, hangs: bool
) -> None:
    """Runs are kept, so the figures include the dropped observations that are inside a run."""
    if hangs:
        store.gate.clear()
    else:
        store.error = "no room"
    with writing(store, health, limit=100) as writer:
        writer.put(observation_at(0), (run(0, 0),), INCIDENT)
        assert (store.entered if hangs else store.failures).wait(TIMEOUT_SECONDS)
        for at in range(1, 1_000):
            writer.put(observation_at(at), (run(500, 500),) if at == 500 else ())
        assert health.queue_depth <= 101
    stored_instants = sorted({observation.at for observation in store.seen.values()})
    assert stored_instants[-90:] == list(range(910, 1_000))
    assert len(stored_instants) <= 102
    assert health.dropped_observations == 1_000 - len(stored_instants)
    assert store.load_incidents() == [INCIDENT]
    assert [r.first for r in store.load_runs()] == [0, 500]


def test_backlog_is_written_in_parts(store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    """One large transaction would not fit on a nearly full disk. Incidents are in the first part."""
    monkeypatch.setattr(module, "MAX_BATCH", 10)
    store.error = "no room"
    with writing(store, health) as writer:
        for at in range(95):
            writer.put(observation_at(at))
        writer.put(observation_at(95), (), INCIDENT)
        assert store.failures.wait(TIMEOUT_SECONDS)
    assert max(len(batch.observations) for batch in store.batches) == 10
    assert instants(store.batches) == list(range(96))
    assert store.batches[0].incidents == (INCIDENT,)


def test_close_writes_the_queue(store: MemoryStore, health: Health) -> None:
    writer = Writer(store, health, SystemClock())
    writer.start()
    for at in range(10):
        writer.put(observation_at(at))
    assert writer.close(TIMEOUT_SECONDS)
    assert instants(store.batches) == list(range(10))


def test_close_with_a_hanging_store_returns_and_reports_it(store: MemoryStore, health: Health) -> None:
    with writing(store, health) as writer:
        store.gate.clear()
        writer.put(observation_at(1), (), INCIDENT)
        assert store.entered.wait(TIMEOUT_SECONDS)
        assert not writer.close(timeout=0.0)


@pytest.mark.fault(25)
def test_error_in_a_store_does_not_end_the_thread(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_once = threading.Event()

    def defect(_batch: Batch) -> None:
        monkeypatch.undo()
        failed_once.set()
        raise ZeroDivisionError

    monkeypatch.setattr(store, "write", defect)
    with writing(store, health) as writer:
        writer.put(observation_at(1), (), INCIDENT)
        assert failed_once.wait(TIMEOUT_SECONDS)
        assert store.commits.wait(TIMEOUT_SECONDS)
    assert instants(store.batches) == [1]
    assert health.write_failures == 1


@pytest.mark.fault(13)
def test_pruning_continues_between_commits_until_it_is_complete(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    result = threading.Event()

    def prune(before: int, limit: int = 2) -> int:
        steps.append(pruned := MemoryStore.prune(store, before, limit))
        if not pruned:
            result.set()
        return pruned

    monkeypatch.setattr(store, "prune", prune)
    with writing(store, health) as writer:
        for at in range(5):
            writer.put(observation_at(at))
        writer.put_folded([run(0, 4)], 5)
        writer.retain(4)
        writer.put(observation_at(9), (), INCIDENT)
        assert result.wait(TIMEOUT_SECONDS)
    assert steps == [2, 2, 0]
    assert [at for at, _, _ in sorted(store.seen)] == [4, 9]


def test_checkpoints_depend_on_the_number_of_written_rows(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_ROWS", 3)
    with writing(store, health) as writer:
        for at in range(4):
            writer.put(observation_at(at))
    assert store.maintained >= 1


def test_health_contains_the_sqlite_version(store: MemoryStore, health: Health) -> None:
    Writer(store, health, SystemClock())
    assert health.sqlite_version == "memory"


@pytest.mark.fault(12)
def test_pauses_between_retries_are_limited(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause stays limited and computable after any number of retries."""
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.0)
    store.error = "no room"
    with writing(store, health) as writer:
        writer.put(observation_at(1), (), INCIDENT)
        first_attempt = threading.Event()

        def fail(_batch: Batch) -> None:
            if health.write_failures > 1_100:
                first_attempt.set()
            raise ZeroDivisionError if health.write_failures % 500 == 499 else module.StoreError("no room")

        with monkeypatch.context() as patch:
            patch.setattr(store, "write", fail)
            assert first_attempt.wait(TIMEOUT_SECONDS)
    assert instants(store.batches) == [1]


def test_more_runs_than_the_queue_limit_are_written_to_a_working_store() -> None:
    """A full history is queued at once when the record is rewritten."""
    store, health = MemoryStore(), Health()
    writer = Writer(store, health, SystemClock(), limit=10)
    writer.put_folded([run(at, at + 1) for at in range(0, 100, 2)], None)
    writer.start()
    assert writer.close(30.0)
    assert (len(store.runs), health.dropped_runs) == (50, 0)
