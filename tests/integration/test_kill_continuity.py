"""A process that is killed between the commit of a write and its response leaves nothing behind on the target."""

from __future__ import annotations

import random
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from monitor.facts.intent_log import IntentLog
from sla.intent import WriteOutcome
from tests.support.daemon_process import environment
from tests.support.processes import run_program, wait_for
from tests.support.record_service import RecordService

if TYPE_CHECKING:
    from pathlib import Path

    from sla.intent import Run
    from tests.support.processes import Program

ROUNDS = 6


def start_command(folder: Path, service: RecordService) -> list[str]:
    return [sys.executable, "-m", "tests.support.continuity_process", str(folder), service.url]


def runs_in_log(folder: Path) -> dict[str, Run]:
    return IntentLog.of(folder / "n.db").read()


def killer(program: Program, service: RecordService, method: str, count: int) -> threading.Event:
    """Kill the process at the commit of the request with this number and method, before its response."""
    remaining, killed = [count], threading.Event()

    def wait_for_commit(done: str) -> None:
        remaining[0] -= done == method
        if not remaining[0] and not killed.is_set():
            program.process.send_signal(signal.SIGKILL)
            program.process.wait()
            killed.set()

    service.committed = wait_for_commit
    return killed


def left_behind(folder: Path, service: RecordService) -> set[str]:
    """Return the run ids of records that no open run of the log will remove."""
    notes = {record["note"] for record in list(service.records.values())}
    return notes - {run.id for run in runs_in_log(folder).values() if run.closing is None}


def test_write_committed_before_the_kill_is_found_by_its_run_id_and_removed(tmp_path: Path) -> None:
    with RecordService().serving() as service:
        with run_program(tmp_path / "first.log", start_command(tmp_path, service), env=environment()) as program:
            killed = killer(program, service, "POST", 1)
            wait_for("the kill", killed.is_set)
        (run,) = runs_in_log(tmp_path).values()
        assert (run.outcome("begin"), run.answers) == (WriteOutcome.INDETERMINATE, ())
        assert [record["note"] for record in service.records.values()] == [run.id]
        service.committed = lambda _: None
        with run_program(tmp_path / "second.log", start_command(tmp_path, service), env=environment()):
            wait_for("the closing", lambda: runs_in_log(tmp_path)[run.id].closing is not None)
        closing = runs_in_log(tmp_path)[run.id].closing
        assert closing is not None
        assert not closing.left_behind
        assert run.id not in {record["note"] for record in service.records.values()}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_left_behind_after_random_kills(tmp_path: Path) -> None:
    choice = random.Random(14)  # noqa: S311 - a fixed sequence
    with RecordService().serving() as service:
        for number in range(ROUNDS):
            with run_program(
                tmp_path / f"{number}.log", start_command(tmp_path, service), env=environment()
            ) as program:
                method, count = choice.choice(["POST", "PUT", "GET", "DELETE"]), choice.randint(1, 3)
                wait_for("the kill", killer(program, service, method, count).is_set)
            assert left_behind(tmp_path, service) == set()
        service.committed = lambda _: None
        before = set(runs_in_log(tmp_path))
        with run_program(tmp_path / "last.log", start_command(tmp_path, service), env=environment()):
            wait_for(
                "the closing of all earlier runs",
                lambda: all(run.closing is not None for run in runs_in_log(tmp_path).values() if run.id in before),
            )
        runs = runs_in_log(tmp_path).values()
        assert not [run.id for run in runs if run.closing is not None and run.closing.left_behind]
        assert not before & {record["note"] for record in service.records.values()}
        assert len(before) >= ROUNDS
