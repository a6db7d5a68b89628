"""The daemon as people run it: the real command line in its own process, watched from outside through every door."""

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
from tests.support.processes import fetch, running, wait_for

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as served:
        yield served


def written(folder: Path, *checks: str, name: str = "ninewatch.yaml", listen: str = "127.0.0.1:0") -> Path:
    """Write the issue's smallest file with these checks, and return where."""
    path = folder / name
    lines = "".join(f"      - {{{check}}}\n" for check in checks)
    head = f"listen: {listen}\nstore: {folder / 'ninewatch.db'}\nproducts:\n"
    path.write_text(f"{head}  - id: demo\n    objective: 99.9%\n    checks:\n{lines}")
    return path


def check(target: HttpTarget, name: str, interval: str = "200ms", timeout: str = "150ms", more: str = "") -> str:
    return f'id: {name}, http: "{target.url("/" + name)}", interval: {interval}, timeout: {timeout}{more}'


def instant(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def fails(target: HttpTarget, daemon: DaemonProcess, path: str = "/health") -> str:
    """Let the target fail, and return the incident that is opened."""
    target.status[path] = 503
    (incident,) = wait_for("an open incident", lambda: daemon.incidents("open"))
    return str(incident["id"])


def test_an_outage_is_an_incident_with_its_reason_and_the_right_seconds(target: HttpTarget, tmp_path: Path) -> None:
    """From the issue's smallest file: live figures, an outage, its end, and the nines computed anew from the record."""
    with running_daemon(written(tmp_path, check(target, "health", "1s", "500ms"))) as daemon:
        assert fetch(daemon.address + "/")[0] == 200
        assert "demo" in daemon.body("/")
        wait_for("a first good probe", lambda: daemon.metric("probe_success", check="health") == 1)
        opened = fails(target, daemon)
        (incident,) = daemon.incidents()
        assert (incident["reason"], incident["check"], incident["resolved"]) == ("http_status", "health", None)
        assert daemon.api("/products")[0]["incidents_open"] == 1
        target.status.clear()
        (resolved,) = wait_for("its end", lambda: daemon.incidents("resolved"))
        store = tmp_path / "ninewatch.db"
        last = wait_for("later probes on disk", lambda: past(store, instant(resolved["resolved"])))
        at = (EPOCH + timedelta(microseconds=last)).isoformat()
        measured = daemon.api("/products/demo/availability", window="2m", at=at)
        seen = stored_observations(store, "demo/health")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()
    assert resolved["id"] == opened
    hold = 2 * SECOND + 500 * MILLISECOND
    told = {name: measured[f"{name}_seconds"] for name in ("up", "down", "doubt", "unknown")}
    assert told | {"point": measured["downtime_seconds"]["point"]} == expected_figures(
        seen, hold, last - 120 * SECOND, last
    )
    bad = [at for at, outcome in seen if outcome is Outcome.BAD]
    good = [at for at, outcome in seen if outcome is Outcome.GOOD]
    assert instant(resolved["opened"]) == bad[0]
    assert instant(resolved["resolved"]) == min(at for at in good if at > bad[0])
    assert (
        resolved["downtime_seconds"] == expected_figures(seen, hold, seen[0][0], instant(resolved["resolved"]))["point"]
    )


def past(store: Path, moment: int) -> int | None:
    """Return the instant of the last observation on disk if two were made after the moment."""
    later = [at for at, _ in stored_observations(store, "demo/health") if at > moment]
    return later[-1] if len(later) > 1 else None


def test_an_outage_is_noticed_by_the_second_probe_that_sees_it(target: HttpTarget, tmp_path: Path) -> None:
    """Within two intervals: the second bad probe in a row opens the incident, and none before it."""
    with running_daemon(written(tmp_path, check(target, "health"))) as daemon:
        wait_for("a first good probe", lambda: daemon.metric("probe_success", check="health") == 1)
        fails(target, daemon)
        (incident,) = daemon.incidents()
        store = tmp_path / "ninewatch.db"
        outcomes = wait_for("the decision on disk", lambda: bad_since(store, instant(incident["opened"])))
    assert outcomes[:2] == [Outcome.BAD, Outcome.BAD]


def bad_since(store: Path, opened: int) -> list[Outcome] | None:
    found = [outcome for at, outcome in stored_observations(store, "demo/health") if at >= opened]
    return found if len(found) > 1 else None


def test_a_reload_swaps_checks_and_leaves_alone_what_did_not_change(target: HttpTarget, tmp_path: Path) -> None:
    """By SIGHUP and by the file's change alike. What stays keeps its count, its phase and its open incident."""
    path = written(tmp_path, check(target, "kept"), check(target, "gone"))
    with running_daemon(path) as daemon:
        kept = fails(target, daemon, "/kept")
        before = daemon.probes("kept")
        written(tmp_path, check(target, "kept"), check(target, "fresh"))
        wait_for("the fresh check", lambda: daemon.probes("fresh"))
        assert daemon.metric("probe_success", check="gone") is None
        assert daemon.probes("kept") >= before
        quiet = target.hits["/gone"]
        written(tmp_path, check(target, "kept"), check(target, "fresh", more=", expect: {status: 204}"))
        daemon.signal(signal.SIGHUP)
        wait_for("the changed check", lambda: daemon.metric("probe_success", check="fresh") == 0)
        assert target.hits["/gone"] == quiet
        assert kept in [each["id"] for each in daemon.incidents("open")]
        assert daemon.metric("ninewatch_config_reload_success") == 1
        moments = [at for at, _ in stored_observations(tmp_path / "ninewatch.db", "demo/kept")]
    assert len(moments) >= before
    assert at_most_one_an_interval(moments)


def test_a_bad_edit_leaves_the_running_configuration_in_place(target: HttpTarget, tmp_path: Path) -> None:
    """It shows in a metric and, with its place in the file, in the log; mending it is enough."""
    path = written(tmp_path, check(target, "health"))
    with running_daemon(path) as daemon:
        for number, bad in enumerate(("intervall: 1s", "http: &a [*a]"), 1):
            written(tmp_path, check(target, "health"), f"id: wrong, {bad}")
            wait_for("the refusal", lambda number=number: daemon.output().count("config_kept") == number)
            assert daemon.metric("ninewatch_config_reload_success") == 0
            before = target.hits["/health"]
            wait_for("more probes", lambda before=before: target.hits["/health"] > before + 2)
        assert re.search(r"ninewatch\.yaml:8:\d+: products\.demo\.checks\.wrong", daemon.output())
        written(tmp_path, check(target, "health"), check(target, "right"))
        wait_for("the mended one", lambda: daemon.metric("ninewatch_config_reload_success") == 1)
        wait_for("its check", lambda: daemon.probes("right"))
        assert "Traceback" not in daemon.output()


@pytest.mark.slow
def test_a_file_that_goes_away_and_comes_back_is_a_bad_edit_and_its_end(target: HttpTarget, tmp_path: Path) -> None:
    path = written(tmp_path, check(target, "health"))
    with running_daemon(path) as daemon:
        path.unlink()
        wait_for("the refusal", lambda: daemon.metric("ninewatch_config_reload_success") == 0)
        before = target.hits["/health"]
        wait_for("more probes", lambda: target.hits["/health"] > before + 2)
        written(tmp_path, check(target, "health"))
        wait_for("its end", lambda: daemon.metric("ninewatch_config_reload_success") == 1)


def test_a_second_daemon_on_the_record_is_refused_and_told_by_whom(target: HttpTarget, tmp_path: Path) -> None:
    path = written(tmp_path, check(target, "health"))
    with running_daemon(path) as daemon:
        code, out, err = run_to_exit("run", "-c", path)
        assert (code, out) == (2, "")
        (line,) = told(err)
        assert f"in use by process {daemon.program.process.pid} on {socket.gethostname()}" in line


def test_an_address_that_is_taken_is_one_line(target: HttpTarget, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = run_to_exit("run", "-c", written(tmp_path, check(target, "health"), listen=listen))
    assert (code, out) == (2, "")
    (line,) = told(err)
    assert line == f"ninewatch: cannot listen on {listen}: address already in use; name another address with `listen:`"


def told(err: str) -> list[str]:
    """Return the lines for people, without those of the log."""
    return [line for line in err.splitlines() if not line.startswith("{")]


def test_a_kill_at_any_moment_loses_no_incident_and_makes_none_twice(target: HttpTarget, tmp_path: Path) -> None:
    """The restarted daemon goes on with the open incident, and ends it when the target has recovered."""
    path, store = written(tmp_path, check(target, "health")), tmp_path / "ninewatch.db"
    with running_daemon(path) as daemon:
        opened = fails(target, daemon)
        (before,) = daemon.incidents()
        daemon.signal(signal.SIGKILL)
        assert daemon.wait_for_exit() == -signal.SIGKILL
    seen = stored_observations(store, "demo/health")
    with running_daemon(path) as daemon:
        (after,) = daemon.incidents("open")
        assert (after["id"], after["opened"], after["reason"]) == (opened, before["opened"], before["reason"])
        wait_for("probes again", lambda: daemon.probes("health"))
        assert [each["id"] for each in daemon.incidents()] == [opened]
        target.status.clear()
        (resolved,) = wait_for("its end", lambda: daemon.incidents("resolved"))
        assert resolved["id"] == opened
        daemon.signal(signal.SIGKILL)
        daemon.wait_for_exit()
    assert stored_observations(store, "demo/health")[: len(seen)] == seen
    with running_daemon(path) as daemon:
        assert daemon.incidents() == [resolved]


def test_a_daemon_that_stood_still_blames_nobody_and_does_not_catch_up(target: HttpTarget, tmp_path: Path) -> None:
    """As after a suspend: the gap is unknown, no probe under way is held against its target, no burst follows."""
    store = tmp_path / "ninewatch.db"
    with running_daemon(written(tmp_path, check(target, "health"))) as daemon:
        wait_for("probes", lambda: daemon.probes("health") > 2)
        daemon.signal(signal.SIGSTOP)
        frozen = len(stored_observations(store, "demo/health"))
        end = time.monotonic() + 3
        wait_for("three seconds to pass", lambda: time.monotonic() > end)
        daemon.signal(signal.SIGCONT)
        before = daemon.probes("health")
        wait_for("probes again", lambda: daemon.probes("health") > before + 3)
        assert daemon.api("/products")[0]["state"] == "up"
        assert (daemon.metric("ninewatch_missed_ticks_total") or 0) >= 10
        last = stored_observations(store, "demo/health")[-1][0]
        at = (EPOCH + timedelta(microseconds=last)).isoformat()
        measured = daemon.api("/products/demo/availability", window="1m", at=at)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for_exit()
    seen = stored_observations(store, "demo/health")
    assert [at for at, outcome in seen if outcome is Outcome.BAD] == []
    moments = [at for at, _ in seen]
    gap = max(b - a for a, b in itertools.pairwise(moments))
    assert gap > 2 * SECOND
    assert at_most_one_an_interval(moments[frozen + 1 :])
    told = {name: measured[f"{name}_seconds"] for name in ("up", "down", "doubt", "unknown")}
    wanted = expected_figures(seen, 600 * MILLISECOND, last - 60 * SECOND, last)
    assert told | {"point": measured["downtime_seconds"]["point"]} == wanted
    assert told["down"] == 0


def at_most_one_an_interval(moments: list[int]) -> bool:
    """Return whether there are no more than the grid has instants; one may be late by nearly an interval."""
    return len(moments) <= (moments[-1] - moments[0]) // (200 * MILLISECOND) + 2


def test_a_hanging_probe_does_not_hold_up_the_end(target: HttpTarget, tmp_path: Path) -> None:
    target.hanging.add("/health")
    with running_daemon(written(tmp_path, check(target, "health", "3s", "3s"))) as daemon:
        wait_for("a probe that hangs", lambda: target.hits["/health"])
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()


def test_asking_twice_to_end_is_asking_once(target: HttpTarget, tmp_path: Path) -> None:
    """An impatient second Ctrl-C neither tears the record nor prints a traceback."""
    with running_daemon(written(tmp_path, check(target, "health"))) as daemon:
        wait_for("a first probe", lambda: daemon.probes("health"))
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            daemon.signal(number)
        assert daemon.wait_for_exit() == 0
        assert "Traceback" not in daemon.output()


def test_a_hangup_during_the_start_is_a_reload_and_not_the_end(target: HttpTarget, tmp_path: Path) -> None:
    path = written(tmp_path, check(target, "health"))
    lock = tmp_path / "ninewatch.db.lock"
    with running(tmp_path / "early.log", command("run", "-c", path), env=environment()) as program:
        wait_for("the record's lock", lock.exists)
        program.process.send_signal(signal.SIGHUP)
        address = wait_for("the daemon's address", lambda: program.find_in_log(r"answers at (http://\S+)"))
        wait_for("the reload", lambda: program.find_in_log("(config_reloaded)"))
        assert fetch(address + "/livez")[0] == 200


def test_the_demo_ends_when_its_products_do(tmp_path: Path) -> None:
    """In one line, and not with incidents that nobody scripted."""
    log = tmp_path / "demo.log"
    with running(
        log, command("demo", "--directory", tmp_path / "demo", "--listen", "127.0.0.1:0"), env=environment()
    ) as program:
        wait_for("the demo", lambda: program.find_in_log(r"answers at (http://\S+)"))
        (products,) = children(program.process.pid)
        os.kill(products, signal.SIGKILL)
        assert program.process.wait(timeout=30) == 2
    assert "the demo's products stopped unexpectedly (signal 9); start the demo again" in log.read_text()
    assert "Traceback" not in log.read_text()


def children(parent: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
