"""The record disappears while the daemon runs or is stopped: it reports the loss and starts no new record silently."""

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
    with HttpTarget().serving() as http_target:
        yield http_target


@pytest.fixture
def config(tmp_path: Path, target: HttpTarget) -> Path:
    path = tmp_path / "ninewatch.yaml"
    check = f"{{id: health, http: '{target.url('/')}', interval: 100ms, timeout: 100ms}}"
    head = f"listen: 127.0.0.1:0\nstore: {tmp_path / 'record.db'}\n"
    path.write_text(f"{head}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
    return path


def delete(record: Path) -> None:
    record.unlink()


def delete_all(record: Path) -> None:
    for path in record.parent.glob("record.db*"):
        if not path.name.endswith(".lock"):
            path.unlink()


def move(record: Path) -> None:
    record.rename(record.with_name("elsewhere.db"))


def replace_by_copy(record: Path) -> None:
    shutil.copy(record, record.with_name("copy"))
    record.with_name("copy").replace(record)


def replace_by_text(record: Path) -> None:
    record.with_name("copy").write_text("not a database " * 100)
    record.with_name("copy").replace(record)


def delete_log(record: Path) -> None:
    record.with_name("record.db-wal").unlink()


def truncate_to_zero(record: Path) -> None:
    os.truncate(record, 0)


def truncate_to_half(record: Path) -> None:
    os.truncate(record, record.stat().st_size // 2)


@pytest.mark.parametrize(
    "damage",
    [delete, delete_all, move, replace_by_copy, replace_by_text, delete_log, truncate_to_zero, truncate_to_half],
)
@pytest.mark.fault(7)
def test_lost_record_is_rewritten_with_the_earlier_outage(
    config: Path, target: HttpTarget, damage: Callable[[Path], None]
) -> None:
    """The rewritten record contains the outage before the loss, with the same figures."""
    record = config.with_name("record.db")
    with running_daemon(config) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 5)
        target.status["/"] = 503
        wait_for("an incident", lambda: daemon.incidents("open"))
        target.status.clear()
        (incident,) = wait_for("the resolved incident", lambda: daemon.incidents("resolved"))
        before = wait_for("observations on disk", lambda: stored_observations(record, KEY))
        damage(record)
        readiness_reasons = wait_for(
            "the reported loss", lambda: " ".join(json.loads(daemon.body("/readyz"))["reasons"])
        )
        assert "while the daemon ran" in readiness_reasons
        wait_for("the new record", lambda: "it was rewritten" in daemon.body("/readyz"))
        probes = daemon.probes("health")
        wait_for("more probes", lambda: daemon.probes("health") > probes + 3)
        assert daemon.metric("ninewatch_record_losses_total") == 1
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()
    if damage not in (truncate_to_zero, truncate_to_half):
        assert set(before) <= set(stored_observations(record, KEY)), "the raw observations are rewritten too"
    with running_daemon(config) as daemon:
        assert [known["id"] for known in daemon.incidents("resolved")] == [incident["id"]]
        measured = daemon.api("/products/demo/availability", window="5m")
        assert measured["observations"]["good"] + measured["observations"]["bad"] >= len(before)
        assert measured["observations"]["bad"] >= 2
        assert measured["down_seconds"] > 0


def start_and_stop(config: Path) -> None:
    with running_daemon(config) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0


@pytest.mark.parametrize("damage", [delete, truncate_to_zero])
def test_missing_record_stops_the_start_without_new_record_option(config: Path, damage: Callable[[Path], None]) -> None:
    start_and_stop(config)
    record = config.with_name("record.db")
    damage(record)
    status, _, errors = run_to_exit("run", "-c", config)
    assert (status, "Traceback" in errors) == (2, False)
    assert "record.db.lock next to it shows that there was a record" in errors
    assert "--new-record" in errors
    assert not (record.exists() and record.stat().st_size)
    with running_daemon(config, options=["--new-record"]) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)


def test_journal_without_a_record_stops_the_start(config: Path) -> None:
    config.with_name("record.db.corrections.jsonl").write_text('{"id": "x"}\n')
    status, _, errors = run_to_exit("run", "-c", config)
    assert (status, "record.db.corrections.jsonl next to it" in errors) == (2, True)


@pytest.mark.fault(7)
def test_new_record_option_renames_the_old_record(config: Path) -> None:
    start_and_stop(config)
    record = config.with_name("record.db")
    old_observations = stored_observations(record, KEY)
    with running_daemon(config, options=["--new-record"]) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)
    (old_record,) = (path for path in record.parent.glob("record.db.aside-*") if not path.name.endswith("-wal"))
    assert stored_observations(old_record, KEY) == old_observations
    assert not set(old_observations) & set(stored_observations(record, KEY))


def test_start_can_be_repeated_after_a_failure_without_a_record(config: Path) -> None:
    """A lock file does not indicate a lost record if the daemon failed before it opened a record."""
    record = config.with_name("record.db")
    record.mkdir()
    assert run_to_exit("run", "-c", config)[0] == 2
    record.rmdir()
    start_and_stop(config)
