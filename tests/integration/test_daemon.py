"""The daemon as a separate process, tested through the command line, HTTP, metrics and the database."""

from __future__ import annotations

import itertools
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sla.interval import MILLISECOND, SECOND
from sla.observation import Outcome
from tests.support.daemon_process import (
    DaemonProcess,
    command,
    environment,
    run_to_exit,
    running_daemon,
    stored_observations,
)
from tests.support.http_target import HttpTarget
from tests.support.oracle import expected_figures
from tests.support.processes import fetch, run_program, wait_for

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as http_target:
        yield http_target


def write_config(folder: Path, *checks: str, name: str = "ninewatch.yaml", listen: str = "127.0.0.1:0") -> Path:
    """Write a minimal configuration with these checks, and return its path."""
    path = folder / name
    lines = "".join(f"      - {{{check_yaml}}}\n" for check_yaml in checks)
    head = f"listen: {listen}\nstore: {folder / 'ninewatch.db'}\nproducts:\n"
    path.write_text(f"{head}  - id: demo\n    objective: 99.9%\n    checks:\n{lines}")
    return path


def check_yaml(
    target: HttpTarget, name: str, interval: str = "200ms", timeout: str = "150ms", extra_yaml: str = ""
) -> str:
    return f'id: {name}, http: "{target.url("/" + name)}", interval: {interval}, timeout: {timeout}{extra_yaml}'


def parse_instant(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def start_outage(target: HttpTarget, daemon: DaemonProcess, path: str = "/health") -> str:
    """Make the target fail, and return the id of the incident that opens."""
    target.status[path] = 503
    (incident,) = wait_for("an open incident", lambda: daemon.incidents("open"))
    return str(incident["id"])


def test_outage_opens_incident_with_reason_and_correct_downtime(target: HttpTarget, tmp_path: Path) -> None:
    """Checks the API during and after an outage, and recomputes the figures from the database."""
    with running_daemon(write_config(tmp_path, check_yaml(target, "health", "1s", "500ms"))) as daemon:
        assert fetch(daemon.address + "/")[0] == 200
        assert "demo" in daemon.body("/")
        wait_for("a first good probe", lambda: daemon.metric("probe_success", check="health") == 1)
        incident_id = start_outage(target, daemon)
        (incident,) = daemon.incidents()
        assert (incident["reason"], incident["check"], incident["resolved"]) == ("http_status", "health", None)
        assert daemon.api("/products")[0]["incidents_open"] == 1
        target.status.clear()
        (resolved,) = wait_for("the resolved incident", lambda: daemon.incidents("resolved"))
        store = tmp_path / "ninewatch.db"
        last = wait_for(
            "later probes on disk", lambda: last_observation_after(store, parse_instant(resolved["resolved"]))
        )
        at = (EPOCH + timedelta(microseconds=last)).isoformat()
        measured = daemon.api("/products/demo/availability", window="2m", at=at)
        observations = stored_observations(store, "demo/health")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()
    assert resolved["id"] == incident_id
    hold = 2 * SECOND + 500 * MILLISECOND
    measured_seconds = {name: measured[f"{name}_seconds"] for name in ("up", "down", "doubt", "unknown")}
    assert measured_seconds | {"point": measured["downtime_seconds"]["point"]} == expected_figures(
        observations, hold, last - 120 * SECOND, last
    )
    bad = [at for at, outcome in observations if outcome is Outcome.BAD]
    good = [at for at, outcome in observations if outcome is Outcome.GOOD]
    assert parse_instant(resolved["opened"]) == bad[0]
    assert parse_instant(resolved["resolved"]) == min(at for at in good if at > bad[0])
    assert (
        resolved["downtime_seconds"]
        == expected_figures(observations, hold, observations[0][0], parse_instant(resolved["resolved"]))["point"]
    )


def last_observation_after(store: Path, instant: int) -> int | None:
    """Return the instant of the last observation on disk if at least two were made after this instant."""
    later_instants = [at for at, _ in stored_observations(store, "demo/health") if at > instant]
    return later_instants[-1] if len(later_instants) > 1 else None


@pytest.mark.fault(30)
def test_second_bad_probe_opens_the_incident(target: HttpTarget, tmp_path: Path) -> None:
    """Both bad probes are stored, and no probe before them is bad."""
    with running_daemon(write_config(tmp_path, check_yaml(target, "health"))) as daemon:
        wait_for("a first good probe", lambda: daemon.metric("probe_success", check="health") == 1)
        start_outage(target, daemon)
        (incident,) = daemon.incidents()
        store = tmp_path / "ninewatch.db"
        outcomes = wait_for(
            "two observations after the incident opened",
            lambda: outcomes_since(store, parse_instant(incident["opened"])),
        )
    assert outcomes[:2] == [Outcome.BAD, Outcome.BAD]


def outcomes_since(store: Path, opened: int) -> list[Outcome] | None:
    outcomes = [outcome for at, outcome in stored_observations(store, "demo/health") if at >= opened]
    return outcomes if len(outcomes) > 1 else None


@pytest.mark.fault(43)
def test_reload_replaces_changed_checks_and_keeps_the_others(target: HttpTarget, tmp_path: Path) -> None:
    """A file change and SIGHUP both reload. Unchanged checks keep their counters, schedule and open incident."""
    path = write_config(tmp_path, check_yaml(target, "kept"), check_yaml(target, "gone"))
    with running_daemon(path) as daemon:
        incident_id = start_outage(target, daemon, "/kept")
        count_before = daemon.probes("kept")
        write_config(tmp_path, check_yaml(target, "kept"), check_yaml(target, "fresh"))
        wait_for("the fresh check", lambda: daemon.probes("fresh"))
        assert daemon.metric("probe_success", check="gone") is None
        assert daemon.probes("kept") >= count_before
        hits_after_removal = target.hits["/gone"]
        write_config(
            tmp_path, check_yaml(target, "kept"), check_yaml(target, "fresh", extra_yaml=", expect: {status: 204}")
        )
        daemon.signal(signal.SIGHUP)
        wait_for("the changed check", lambda: daemon.metric("probe_success", check="fresh") == 0)
        assert target.hits["/gone"] == hits_after_removal
        assert incident_id in [incident["id"] for incident in daemon.incidents("open")]
        assert daemon.metric("ninewatch_config_reload_success") == 1
        instants = [at for at, _ in stored_observations(tmp_path / "ninewatch.db", "demo/kept")]
    assert len(instants) >= count_before
    assert at_most_one_per_interval(instants)


@pytest.mark.fault(43)
def test_invalid_config_edit_keeps_the_running_configuration(target: HttpTarget, tmp_path: Path) -> None:
    """The error appears in a metric and, with its position in the file, in the log. After a fix the file is loaded."""
    path = write_config(tmp_path, check_yaml(target, "health"))
    with running_daemon(path) as daemon:
        for number, wrong_yaml in enumerate(("intervall: 1s", "http: &a [*a]"), 1):
            write_config(tmp_path, check_yaml(target, "health"), f"id: wrong, {wrong_yaml}")
            wait_for("the rejected reload", lambda number=number: daemon.output().count("config_kept") == number)
            assert daemon.metric("ninewatch_config_reload_success") == 0
            hits_before = target.hits["/health"]
            wait_for("more probes", lambda hits_before=hits_before: target.hits["/health"] > hits_before + 2)
        assert re.search(r"ninewatch\.yaml:8:\d+: products\.demo\.checks\.wrong", daemon.output())
        write_config(tmp_path, check_yaml(target, "health"), check_yaml(target, "right"))
        wait_for("the fixed configuration", lambda: daemon.metric("ninewatch_config_reload_success") == 1)
        wait_for("probes of the added check", lambda: daemon.probes("right"))
        assert "Traceback" not in daemon.output()


@pytest.mark.slow
def test_deleted_config_file_fails_the_reload_until_it_is_restored(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, check_yaml(target, "health"))
    with running_daemon(path) as daemon:
        path.unlink()
        wait_for("the rejected reload", lambda: daemon.metric("ninewatch_config_reload_success") == 0)
        before = target.hits["/health"]
        wait_for("more probes", lambda: target.hits["/health"] > before + 2)
        write_config(tmp_path, check_yaml(target, "health"))
        wait_for("the resolved incident", lambda: daemon.metric("ninewatch_config_reload_success") == 1)


@pytest.mark.fault(9)
def test_second_daemon_on_the_same_record_exits_and_names_the_first(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, check_yaml(target, "health"))
    with running_daemon(path) as daemon:
        code, out, err = run_to_exit("run", "-c", path)
        assert (code, out) == (2, "")
        (line,) = without_log_lines(err)
        assert f"in use by process {daemon.program.process.pid} on {socket.gethostname()}" in line


def test_address_in_use_gives_a_one_line_error(target: HttpTarget, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listen = f"127.0.0.1:{listener.getsockname()[1]}"
        code, out, err = run_to_exit("run", "-c", write_config(tmp_path, check_yaml(target, "health"), listen=listen))
    assert (code, out) == (2, "")
    (line,) = without_log_lines(err)
    assert line == f"ninewatch: cannot listen on {listen}: address already in use; set another address with `listen:`"


def without_log_lines(err: str) -> list[str]:
    """Return the lines of standard error that are not JSON log lines."""
    return [line for line in err.splitlines() if not line.startswith("{")]


@pytest.mark.fault(1)
def test_sigkill_neither_loses_nor_duplicates_incidents(target: HttpTarget, tmp_path: Path) -> None:
    """The restarted daemon continues the open incident, and resolves it when the target has recovered."""
    path, store = write_config(tmp_path, check_yaml(target, "health")), tmp_path / "ninewatch.db"
    with running_daemon(path) as daemon:
        incident_id = start_outage(target, daemon)
        (before,) = daemon.incidents()
        daemon.signal(signal.SIGKILL)
        assert daemon.wait_for_exit() == -signal.SIGKILL
    observations = stored_observations(store, "demo/health")
    with running_daemon(path) as daemon:
        (after,) = daemon.incidents("open")
        assert (after["id"], after["opened"], after["reason"]) == (incident_id, before["opened"], before["reason"])
        wait_for("probes again", lambda: daemon.probes("health"))
        assert [incident["id"] for incident in daemon.incidents()] == [incident_id]
        target.status.clear()
        (resolved,) = wait_for("the resolved incident", lambda: daemon.incidents("resolved"))
        assert resolved["id"] == incident_id
        daemon.signal(signal.SIGKILL)
        daemon.wait_for_exit()
    assert stored_observations(store, "demo/health")[: len(observations)] == observations
    with running_daemon(path) as daemon:
        assert daemon.incidents() == [resolved]


@pytest.mark.fault(15)
def test_suspended_daemon_records_no_failures_and_no_burst(target: HttpTarget, tmp_path: Path) -> None:
    """As after a system suspend: the gap is unknown, probes in progress are not failures, and there is no burst of
    probes.
    """
    store = tmp_path / "ninewatch.db"
    with running_daemon(write_config(tmp_path, check_yaml(target, "health"))) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)
        daemon.signal(signal.SIGSTOP)
        count_before_stop = len(stored_observations(store, "demo/health"))
        end = time.monotonic() + 3
        wait_for("three seconds to pass", lambda: time.monotonic() > end)
        daemon.signal(signal.SIGCONT)
        probes_before = daemon.probes("health")
        wait_for("probes again", lambda: daemon.probes("health") > probes_before + 3)
        assert daemon.api("/products")[0]["state"] == "up"
        assert (daemon.metric("ninewatch_missed_ticks_total") or 0) >= 10
        last = stored_observations(store, "demo/health")[-1][0]
        at = (EPOCH + timedelta(microseconds=last)).isoformat()
        measured = daemon.api("/products/demo/availability", window="1m", at=at)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for_exit()
    observations = stored_observations(store, "demo/health")
    assert [at for at, outcome in observations if outcome is Outcome.BAD] == []
    instants = [at for at, _ in observations]
    gap = max(b - a for a, b in itertools.pairwise(instants))
    assert gap > 2 * SECOND
    assert at_most_one_per_interval(instants[count_before_stop + 1 :])
    measured_seconds = {name: measured[f"{name}_seconds"] for name in ("up", "down", "doubt", "unknown")}
    expected = expected_figures(observations, 600 * MILLISECOND, last - 60 * SECOND, last)
    assert measured_seconds | {"point": measured["downtime_seconds"]["point"]} == expected
    assert measured_seconds["down"] == 0


def at_most_one_per_interval(instants: list[int]) -> bool:
    """Return whether there are no more observations than scheduled probes. One may be late by nearly an interval."""
    return len(instants) <= (instants[-1] - instants[0]) // (200 * MILLISECOND) + 2


@pytest.mark.fault(26)
def test_hanging_probe_does_not_delay_shutdown(target: HttpTarget, tmp_path: Path) -> None:
    target.hanging.add("/health")
    with running_daemon(write_config(tmp_path, check_yaml(target, "health", "3s", "3s"))) as daemon:
        wait_for("a probe that hangs", lambda: target.hits["/health"])
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()


@pytest.mark.fault(26)
def test_repeated_stop_signals_are_harmless(target: HttpTarget, tmp_path: Path) -> None:
    """A second Ctrl-C neither damages the record nor prints a traceback."""
    with running_daemon(write_config(tmp_path, check_yaml(target, "health"))) as daemon:
        wait_for("a first probe", lambda: daemon.probes("health"))
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            daemon.signal(number)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()


@pytest.mark.fault(26)
def test_sighup_during_startup_reloads_instead_of_exiting(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, check_yaml(target, "health"))
    lock = tmp_path / "ninewatch.db.lock"
    with run_program(tmp_path / "early.log", command("run", "-c", path), env=environment()) as program:
        wait_for("the record's lock", lock.exists)
        program.process.send_signal(signal.SIGHUP)
        address = wait_for("the daemon's address", lambda: program.find_in_log(r"answers at (http://\S+)"))
        wait_for("the reload", lambda: program.find_in_log("(config_reloaded)"))
        assert fetch(address + "/livez")[0] == 200


def test_demo_exits_when_its_products_process_dies(tmp_path: Path) -> None:
    """The demo prints a one-line error, and records no incidents outside its script."""
    log = tmp_path / "demo.log"
    with run_program(
        log, command("demo", "--directory", tmp_path / "demo", "--listen", "127.0.0.1:0"), env=environment()
    ) as program:
        wait_for("the demo", lambda: program.find_in_log(r"answers at (http://\S+)"))
        (products_pid,) = child_pids(program.process.pid)
        os.kill(products_pid, signal.SIGKILL)
        assert program.process.wait(timeout=30) == 2
    assert "the demo's products stopped unexpectedly (signal 9); start the demo again" in log.read_text()
    assert "Traceback" not in log.read_text()


def child_pids(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
