"""The writer's thread: when it commits, what it keeps while the store fails, and what it gives up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from monitor.clock import SystemClock
from monitor.health import Health
from monitor.storage import writer as module
from monitor.storage.writer import Committed, Writer
from sla.incident import Incident
from sla.observation import Observation, Outcome, Run
from tests.support.stores import MemoryStore

if TYPE_CHECKING:
    from monitor.storage.store import Batch

PATIENCE = 30.0  # seconds until a test gives up; never waited for when all is well
INCIDENT = Incident("abc", "p", "p/a", 5, None, "deadline", None)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def health() -> Health:
    return Health()


@contextmanager
def writing(
    store: MemoryStore, health: Health, limit: int = 1_000, told: Callable[[Committed], None] = print
) -> Iterator[Writer]:
    writer = Writer(store, health, SystemClock(), limit=limit)
    writer.listen(told)
    writer.start()
    yield writer
    store.error = ""
    store.gate.set()
    writer.close(PATIENCE)


def seen(at: int) -> Observation:
    return Observation("p/a", at, Outcome.GOOD)


def run(first: int, last: int) -> Run:
    return Run("p/a", Outcome.GOOD, "", first, last, 2, 130)


def instants(batches: list[Batch]) -> list[int]:
    return [each.at for batch in batches for each in batch.observations]


def test_observations_are_committed_in_groups_and_in_order(store: MemoryStore, health: Health) -> None:
    """Not one commit, nor one wake-up of the thread, a put."""
    with writing(store, health) as writer:
        for at in range(500):
            writer.put(seen(at))
    assert instants(store.batches) == list(range(500))
    assert len(store.batches) < 50
    assert (health.queue_depth, health.queue_since) == (0, None)


def test_observations_alone_do_not_wake_the_thread(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the time between two commits set to an hour, a thousand of them wait; an incident takes them along."""
    monkeypatch.setattr(module, "COMMIT_INTERVAL", 3_600.0)
    with writing(store, health) as writer:
        writer.put(seen(0), (), INCIDENT)
        assert store.commits.wait(PATIENCE)
        store.commits.clear()
        for at in range(1, 900):
            writer.put(seen(at))
        assert len(store.batches) == 1
        writer.put(seen(900), (run(0, 899),), INCIDENT)
        assert store.commits.wait(PATIENCE)
        assert instants(store.batches[1:]) == list(range(1, 901))
        assert store.batches[1].incidents == (INCIDENT,)


def test_of_a_run_put_twice_only_the_latest_is_written(store: MemoryStore, health: Health) -> None:
    with writing(store, health) as writer:
        writer.put(seen(1), (run(0, 1),))
        writer.put_folded([run(0, 9)], 7)
    assert list(store.load_runs()) == [run(0, 9)]
    assert store.folded_until == 7


def test_the_listener_is_told_of_incidents_on_disk_and_of_nothing_else(store: MemoryStore, health: Health) -> None:
    told: list[Committed] = []
    with writing(store, health, told=told.append) as writer:
        writer.put(seen(1))
        writer.put(seen(5), (), INCIDENT)
        writer.put(seen(6))
    assert told == [Committed((INCIDENT,))]


def test_a_failing_store_is_waited_for_and_loses_nothing(store: MemoryStore, health: Health) -> None:
    told: list[Committed] = []
    store.error = "the disk is full; free space"
    with writing(store, health, told=told.append) as writer:
        writer.put(seen(3), (run(1, 3),))
        writer.put(seen(5), (), INCIDENT)
        assert store.failures.wait(PATIENCE)
        assert health.unrecorded_since == 3
        assert health.store_error == store.error
        for at in range(10, 20):
            writer.put(seen(at))
        assert health.queue_depth == 12
        store.error = ""
        assert store.commits.wait(PATIENCE)
    assert instants(store.batches) == [3, 5, *range(10, 20)]
    assert told[0] == Committed((INCIDENT,), "the disk is full; free space")
    assert told[-1] == Committed((INCIDENT,), recovered=True)
    assert health.write_failures >= 1
    assert (health.unrecorded_since, health.store_error, health.queue_depth) == (None, "", 0)
    assert health.dropped_observations == 0


def test_an_incident_is_tried_at_once_however_long_the_store_has_been_failing(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BACKOFF", 3_600.0)
    store.error = "no room"
    with writing(store, health) as writer:
        for at in range(20):  # the waits double: the last ones are longer than this test may take
            store.failures.clear()
            writer.put(seen(at), (), INCIDENT)
            assert store.failures.wait(PATIENCE)
    assert health.write_failures >= 20


@pytest.mark.parametrize("hangs", [False, True], ids=["failing", "hanging"])
def test_a_full_queue_gives_up_the_oldest_observations_and_no_incident(
    store: MemoryStore, health: Health, hangs: bool
) -> None:
    """Runs are kept: the figures lose nothing by an observation that is inside one."""
    if hangs:
        store.gate.clear()
    else:
        store.error = "no room"
    with writing(store, health, limit=100) as writer:
        writer.put(seen(0), (run(0, 0),), INCIDENT)
        assert (store.entered if hangs else store.failures).wait(PATIENCE)
        for at in range(1, 1_000):
            writer.put(seen(at), (run(500, 500),) if at == 500 else ())
        assert health.queue_depth <= 101
    kept = sorted({each.at for each in store.seen.values()})
    assert kept[-90:] == list(range(910, 1_000))
    assert len(kept) <= 102
    assert health.dropped_observations == 1_000 - len(kept)
    assert store.load_incidents() == [INCIDENT]
    assert [r.first for r in store.load_runs()] == [0, 500]


def test_a_backlog_is_written_in_pieces(store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    """One huge transaction would never fit where there is only a little room; incidents go with the first piece."""
    monkeypatch.setattr(module, "CHUNK", 10)
    store.error = "no room"
    with writing(store, health) as writer:
        for at in range(95):
            writer.put(seen(at))
        writer.put(seen(95), (), INCIDENT)
        assert store.failures.wait(PATIENCE)
    assert max(len(batch.observations) for batch in store.batches) == 10
    assert instants(store.batches) == list(range(96))
    assert store.batches[0].incidents == (INCIDENT,)


def test_closing_writes_what_is_queued(store: MemoryStore, health: Health) -> None:
    writer = Writer(store, health, SystemClock())
    writer.start()
    for at in range(10):
        writer.put(seen(at))
    assert writer.close(PATIENCE)
    assert instants(store.batches) == list(range(10))


def test_closing_over_a_store_that_hangs_ends_and_says_so(store: MemoryStore, health: Health) -> None:
    with writing(store, health) as writer:
        store.gate.clear()
        writer.put(seen(1), (), INCIDENT)
        assert store.entered.wait(PATIENCE)
        assert not writer.close(timeout=0.0)


def test_a_defect_in_a_store_does_not_end_the_thread(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    struck = threading.Event()

    def defect(_batch: Batch) -> None:
        monkeypatch.undo()
        struck.set()
        raise ZeroDivisionError

    monkeypatch.setattr(store, "write", defect)
    with writing(store, health) as writer:
        writer.put(seen(1), (), INCIDENT)
        assert struck.wait(PATIENCE)
        assert store.commits.wait(PATIENCE)
    assert instants(store.batches) == [1]
    assert health.write_failures == 1


def test_pruning_goes_on_between_commits_until_nothing_is_left_to_prune(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    done = threading.Event()

    def prune(before: int, limit: int = 2) -> int:
        steps.append(gone := MemoryStore.prune(store, before, limit))
        if not gone:
            done.set()
        return gone

    monkeypatch.setattr(store, "prune", prune)
    with writing(store, health) as writer:
        for at in range(5):
            writer.put(seen(at))
        writer.put_folded([run(0, 4)], 5)
        writer.retain(4)
        writer.put(seen(9), (), INCIDENT)
        assert done.wait(PATIENCE)
    assert steps == [2, 2, 0]
    assert [at for at, _, _ in sorted(store.seen)] == [4, 9]


def test_checkpoints_come_by_rows_written(store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_ROWS", 3)
    with writing(store, health) as writer:
        for at in range(4):
            writer.put(seen(at))
    assert store.tidied >= 1


def test_the_linked_library_is_named_in_health(store: MemoryStore, health: Health) -> None:
    Writer(store, health, SystemClock())
    assert health.sqlite_version == "memory"


def test_an_outage_of_the_store_may_last_for_days(
    store: MemoryStore, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait between two tries stays bounded, and computable, after any number of them."""
    monkeypatch.setattr(module, "MAX_BACKOFF", 0.0)
    store.error = "no room"
    with writing(store, health) as writer:
        writer.put(seen(1), (), INCIDENT)
        tried = threading.Event()

        def fail(_batch: Batch) -> None:
            if health.write_failures > 1_100:
                tried.set()
            raise ZeroDivisionError if health.write_failures % 500 == 499 else module.StoreError("no room")

        with monkeypatch.context() as patch:
            patch.setattr(store, "write", fail)
            assert tried.wait(PATIENCE)
    assert instants(store.batches) == [1]


def test_more_runs_than_wait_for_a_failing_store_are_written_to_one_that_works() -> None:
    """A whole history is put at once when the record has to be written anew."""
    store, health = MemoryStore(), Health()
    writer = Writer(store, health, SystemClock(), limit=10)
    writer.put_folded([run(at, at + 1) for at in range(0, 100, 2)], None)
    writer.start()
    assert writer.close(30.0)
    assert (len(store.runs), health.dropped_runs) == (50, 0)
