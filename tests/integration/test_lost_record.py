"""The record is taken away from under the daemon, or between two: noticed, reported and never begun silently."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon_process import observed, refused, watching
from tests.support.processes import until
from tests.support.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "demo/health"


@pytest.fixture
def target() -> Iterator[Target]:
    with Target().serving() as served:
        yield served


@pytest.fixture
def config(tmp_path: Path, target: Target) -> Path:
    path = tmp_path / "ninewatch.yaml"
    check = f"{{id: health, http: '{target.url('/')}', interval: 100ms, timeout: 100ms}}"
    head = f"listen: 127.0.0.1:0\nstore: {tmp_path / 'record.db'}\n"
    path.write_text(f"{head}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
    return path


def deleted(record: Path) -> None:
    record.unlink()


def all_deleted(record: Path) -> None:
    for each in record.parent.glob("record.db*"):
        if not each.name.endswith(".lock"):
            each.unlink()


def moved(record: Path) -> None:
    record.rename(record.with_name("elsewhere.db"))


def replaced(record: Path) -> None:
    shutil.copy(record, record.with_name("copy"))
    record.with_name("copy").replace(record)


def replaced_by_text(record: Path) -> None:
    record.with_name("copy").write_text("not a database " * 100)
    record.with_name("copy").replace(record)


def log_deleted(record: Path) -> None:
    record.with_name("record.db-wal").unlink()


def emptied(record: Path) -> None:
    os.truncate(record, 0)


def cut(record: Path) -> None:
    os.truncate(record, record.stat().st_size // 2)


@pytest.mark.parametrize(
    "take_away", [deleted, all_deleted, moved, replaced, replaced_by_text, log_deleted, emptied, cut]
)
def test_a_record_that_is_taken_away_is_written_anew(
    config: Path, target: Target, take_away: Callable[[Path], None]
) -> None:
    """With the outage of before; figures by the API and by a report of the new record are the same."""
    record = config.with_name("record.db")
    with watching(config) as watch:
        until("probes", lambda: watch.probes("health") > 5)
        target.status["/"] = 503
        until("an incident", lambda: watch.incidents("open"))
        target.status.clear()
        (incident,) = until("its end", lambda: watch.incidents("resolved"))
        before = until("observations on disk", lambda: observed(record, KEY))
        take_away(record)
        said = until("the report of it", lambda: " ".join(json.loads(watch.body("/readyz"))["reasons"]))
        assert "while the daemon ran" in said
        until("the new record", lambda: "it was rewritten" in watch.body("/readyz"))
        probes = watch.probes("health")
        until("more probes", lambda: watch.probes("health") > probes + 3)
        assert watch.metric("ninewatch_record_losses_total") == 1
        watch.signal(signal.SIGTERM)
        assert watch.ended() == 0
        assert "Traceback" not in watch.said()
    if take_away not in (emptied, cut):
        assert set(before) <= set(observed(record, KEY)), "raw observations as well"
    with watching(config) as watch:
        assert [each["id"] for each in watch.incidents("resolved")] == [incident["id"]]
        measured = watch.api("/products/demo/availability", window="5m")
        assert measured["observations"]["good"] + measured["observations"]["bad"] >= len(before)
        assert measured["observations"]["bad"] >= 2
        assert measured["down_seconds"] > 0


def started_and_stopped(config: Path) -> None:
    with watching(config) as watch:
        until("probes", lambda: watch.probes("health") > 2)
        watch.signal(signal.SIGTERM)
        assert watch.ended() == 0


@pytest.mark.parametrize("take_away", [deleted, emptied])
def test_a_record_that_is_gone_at_the_start_is_not_begun_anew_unless_asked(
    config: Path, take_away: Callable[[Path], None]
) -> None:
    started_and_stopped(config)
    record = config.with_name("record.db")
    take_away(record)
    status, _, said = refused("run", "-c", config)
    assert (status, "Traceback" in said) == (2, False)
    assert "record.db.lock next to it shows that there was one" in said
    assert "--new-record" in said
    assert not (record.exists() and record.stat().st_size)
    with watching(config, options=["--new-record"]) as watch:
        until("probes", lambda: watch.probes("health") > 2)


def test_a_journal_alone_shows_that_there_was_a_record(config: Path) -> None:
    config.with_name("record.db.corrections.jsonl").write_text('{"id": "x"}\n')
    status, _, said = refused("run", "-c", config)
    assert (status, "record.db.corrections.jsonl next to it" in said) == (2, True)


def test_a_new_record_leaves_the_old_one_under_another_name(config: Path) -> None:
    started_and_stopped(config)
    record = config.with_name("record.db")
    before = observed(record, KEY)
    with watching(config, options=["--new-record"]) as watch:
        until("probes", lambda: watch.probes("health") > 2)
    (aside,) = (each for each in record.parent.glob("record.db.aside-*") if not each.name.endswith("-wal"))
    assert observed(aside, KEY) == before
    assert not set(before) & set(observed(record, KEY))


def test_a_start_that_failed_before_there_was_a_record_may_be_tried_again(config: Path) -> None:
    """A lock alone shows nothing if its holder never came to open a record."""
    record = config.with_name("record.db")
    record.mkdir()
    assert refused("run", "-c", config)[0] == 2
    record.rmdir()
    started_and_stopped(config)
