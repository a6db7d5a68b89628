"""The record is taken away from under the daemon, or between two: noticed, reported and never begun silently."""

from __future__ import annotations

import json
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon_process import run_to_exit, running_daemon, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "demo/health"


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as served:
        yield served


@pytest.fixture
def config(tmp_path: Path, target: HttpTarget) -> Path:
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
    config: Path, target: HttpTarget, take_away: Callable[[Path], None]
) -> None:
    """With the outage of before; figures by the API and by a report of the new record are the same."""
    record = config.with_name("record.db")
    with running_daemon(config) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 5)
        target.status["/"] = 503
        wait_for("an incident", lambda: daemon.incidents("open"))
        target.status.clear()
        (incident,) = wait_for("its end", lambda: daemon.incidents("resolved"))
        before = wait_for("observations on disk", lambda: stored_observations(record, KEY))
        take_away(record)
        said = wait_for("the report of it", lambda: " ".join(json.loads(daemon.body("/readyz"))["reasons"]))
        assert "while the daemon ran" in said
        wait_for("the new record", lambda: "it was rewritten" in daemon.body("/readyz"))
        probes = daemon.probes("health")
        wait_for("more probes", lambda: daemon.probes("health") > probes + 3)
        assert daemon.metric("ninewatch_record_losses_total") == 1
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()
    if take_away not in (emptied, cut):
        assert set(before) <= set(stored_observations(record, KEY)), "raw observations as well"
    with running_daemon(config) as daemon:
        assert [each["id"] for each in daemon.incidents("resolved")] == [incident["id"]]
        measured = daemon.api("/products/demo/availability", window="5m")
        assert measured["observations"]["good"] + measured["observations"]["bad"] >= len(before)
        assert measured["observations"]["bad"] >= 2
        assert measured["down_seconds"] > 0


def started_and_stopped(config: Path) -> None:
    with running_daemon(config) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0


@pytest.mark.parametrize("take_away", [deleted, emptied])
def test_a_record_that_is_gone_at_the_start_is_not_begun_anew_unless_asked(
    config: Path, take_away: Callable[[Path], None]
) -> None:
    started_and_stopped(config)
    record = config.with_name("record.db")
    take_away(record)
    status, _, said = run_to_exit("run", "-c", config)
    assert (status, "Traceback" in said) == (2, False)
    assert "record.db.lock next to it shows that there was one" in said
    assert "--new-record" in said
    assert not (record.exists() and record.stat().st_size)
    with running_daemon(config, options=["--new-record"]) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)


def test_a_journal_alone_shows_that_there_was_a_record(config: Path) -> None:
    config.with_name("record.db.corrections.jsonl").write_text('{"id": "x"}\n')
    status, _, said = run_to_exit("run", "-c", config)
    assert (status, "record.db.corrections.jsonl next to it" in said) == (2, True)


def test_a_new_record_leaves_the_old_one_under_another_name(config: Path) -> None:
    started_and_stopped(config)
    record = config.with_name("record.db")
    before = stored_observations(record, KEY)
    with running_daemon(config, options=["--new-record"]) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)
    (aside,) = (each for each in record.parent.glob("record.db.aside-*") if not each.name.endswith("-wal"))
    assert stored_observations(aside, KEY) == before
    assert not set(before) & set(stored_observations(record, KEY))


def test_a_start_that_failed_before_there_was_a_record_may_be_tried_again(config: Path) -> None:
    """A lock alone shows nothing if its holder never came to open a record."""
    record = config.with_name("record.db")
    record.mkdir()
    assert run_to_exit("run", "-c", config)[0] == 2
    record.rmdir()
    started_and_stopped(config)
