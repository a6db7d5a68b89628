"""`ninewatch doctor`: each problem of an installation is a finding with a remedy."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from click.testing import CliRunner

from monitor import clock, zones
from monitor.cli import cli
from monitor.clock import SystemClock
from monitor.doctor import machine, record
from monitor.storage.sqlite import SqliteStore
from monitor.storage.store import Batch
from sla.interval import SECOND
from sla.observation import Outcome, Run
from tests.monitor.commands.test_cli import write_config
from tests.support.addresses import closed_port
from tests.support.daemon_process import running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path


class Doctor(NamedTuple):
    """The result of a run: its exit status and its findings."""

    status: int
    findings: list[dict[str, Any]]

    def problems(self, subject: str) -> list[str]:
        """Return level, text and remedy of each problem of a subject; every problem has a remedy."""
        problems = [finding for finding in self.findings if finding["level"] != "ok" and finding["subject"] == subject]
        assert all(problem["remedy"] for problem in problems)
        return [f"{problem['level']}: {problem['text']}; {problem['remedy']}" for problem in problems]

    def good(self, subject: str) -> str:
        """Return the text of the only finding of a subject, which is good."""
        (finding,) = (finding for finding in self.findings if finding["subject"] == subject)
        assert finding["level"] == "ok", finding
        return str(finding["text"])


def examine(path: Path, *options: str) -> Doctor:
    result = CliRunner().invoke(cli, ["doctor", "-c", str(path), "--json", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return Doctor(result.exit_code, [json.loads(line) for line in result.stdout.splitlines()])


def wait_for_daemon_finding(path: Path, text: str) -> None:
    def found() -> bool:
        findings = examine(path, "--offline").findings
        return any(text in finding["text"] for finding in findings if finding["subject"] == "daemon")

    wait_for(text, found)


def write_record(path: Path, last: int) -> None:
    store = SqliteStore(path, last)
    store.write(Batch(runs=[Run("demo/health", Outcome.GOOD, "", last - 60 * SECOND, last, 60, 90 * SECOND)]))
    store.close()


def remove_record(config: Path) -> None:
    for file in config.parent.glob("n.db*"):
        file.unlink()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration whose target does not answer, and a record of the last minute."""
    write_record(tmp_path / "n.db", SystemClock().now())
    listen = f"127.0.0.1:{closed_port()}"
    return write_config(tmp_path, f"http://127.0.0.1:{closed_port()}/health", listen, interval="1m")


def test_sound_installation_has_no_errors(config: Path) -> None:
    doctor = examine(config, "--offline")
    assert doctor.status == 0
    assert "is sound; its last closed run ended" in doctor.good("record")
    assert "no daemon answers" in doctor.good("daemon")
    assert "1 products, 2 checks" in doctor.good("configuration")
    assert doctor.good("time zones").startswith("time zone database 20")
    assert sqlite3.sqlite_version in doctor.good("versions")
    assert not any(finding["subject"] == "targets" for finding in doctor.findings)


def test_text_has_the_remedy_below_each_problem(config: Path) -> None:
    result = CliRunner().invoke(cli, ["doctor", "-c", str(config)])
    lines = result.output.splitlines()
    (at,) = (number for number, line in enumerate(lines) if "demo/health: bad connect_refused" in line)
    assert lines[at + 1].strip().startswith("remedy: check the address, and whether the target runs; details:")
    assert lines[-1].startswith("0 errors, ")


def test_missing_record_is_created_by_the_first_start(config: Path) -> None:
    remove_record(config)
    assert "does not exist yet" in examine(config, "--offline").good("record")


def test_lost_record_is_an_error(config: Path) -> None:
    config.with_name("n.db").unlink()
    (problem,) = examine(config, "--offline").problems("record")
    assert "is missing, but n.db.lock next to it shows that there was a record" in problem


def test_errors_of_the_configuration_are_findings(tmp_path: Path) -> None:
    path = tmp_path / "mistake.yaml"
    path.write_text("products: [{id: demo, objective: 100%, checks: [{id: health, http: 'http://127.0.0.1/'}]}]\n")
    doctor = examine(path)
    assert doctor.status == 1
    (problem,) = doctor.problems("configuration")
    assert "mistake.yaml:1:" in problem


def test_targets_are_probed_once_and_writing_checks_are_not(tmp_path: Path) -> None:
    target = HttpTarget()
    with target.serving():
        path = tmp_path / "config.yaml"
        path.write_text(
            f"store: n.db\nlisten: 127.0.0.1:{closed_port()}\nproducts:\n- id: demo\n  objective: 99%\n  checks:\n"
            f"  - {{id: good, http: 'http://127.0.0.1:{target.port}/good'}}\n"
            f"  - {{id: refused, tcp: '127.0.0.1:{closed_port()}'}}\n"
            f"  - {{id: paused, enabled: false, http: 'http://127.0.0.1:{target.port}/paused'}}\n"
            f"  - {{id: journey, steps: [{{id: write, method: POST, http: 'http://127.0.0.1:{target.port}/write'}}]}}\n"
        )
        doctor = examine(path)
    (problem,) = doctor.problems("targets")
    assert problem.startswith("warning: demo/refused: bad connect_refused")
    assert [finding["text"] for finding in doctor.findings if finding["subject"] == "targets"][-1] == (
        "1 of 2 checks are good; not probed, because they may write or are costly: 1"
    )
    assert target.hits == {"/good": 1}


def test_damaged_record_is_an_error_with_the_remedy(config: Path) -> None:
    with closing(sqlite3.connect(config.with_name("n.db"))) as connection, connection:
        connection.execute("UPDATE runs SET outcome = 9")
    doctor = examine(config, "--offline")
    assert doctor.status == 1
    (problem,) = doctor.problems("record")
    assert "ninewatch restore" in problem


def test_file_of_another_program_is_an_error(config: Path) -> None:
    config.with_name("n.db").write_text("not a database")
    (problem,) = examine(config, "--offline").problems("record")
    assert "error" in problem


def test_record_ahead_of_the_clock_is_an_error(config: Path) -> None:
    remove_record(config)
    write_record(config.with_name("n.db"), SystemClock().now() + 3600 * SECOND)
    doctor = examine(config, "--offline")
    assert [problem for problem in doctor.problems("clock") if "ahead of the clock" in problem]
    assert doctor.status == 1


@pytest.mark.parametrize(("free", "level"), [(100 << 20, "error"), (record.MIN_FREE + (1 << 20), "warning")])
def test_full_disk_is_reported_before_it_stops_the_record(
    config: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    with config.with_name("n.db").open("ab") as file:
        file.truncate(2 << 20)
    usage = shutil.disk_usage(config.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))
    (problem,) = examine(config, "--offline").problems("disk")
    assert problem.startswith(f"{level}: ")


def test_files_that_others_can_read_are_reported(config: Path) -> None:
    private = (".link-key", ".tokens.jsonl", ".audit.jsonl", ".subscriptions.jsonl")
    for suffix in private:
        file = config.with_name(f"n.db{suffix}")
        file.touch()
        file.chmod(0o644)
    problems = examine(config, "--offline").problems("permissions")
    assert [problem.partition("chmod 600 ")[2] for problem in problems] == [
        str(config.with_name(f"n.db{suffix}")) for suffix in private
    ]


def test_folder_without_write_permission_is_an_error(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, for whom every folder is writable.
    monkeypatch.setattr(record.os, "access", lambda path, mode: path != config.parent)
    (problem,) = examine(config, "--offline").problems("permissions")
    assert problem.startswith(f"error: {config.parent} is not writable")


def test_few_open_files_are_a_warning(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "descriptor_limit", lambda: 256)
    (problem,) = examine(config, "--offline").problems("limits")
    assert "256 open files are allowed" in problem


@pytest.mark.parametrize(
    ("synchronized", "levels"), [(True, ["ok"]), (False, ["warning"]), (None, [])], ids=["yes", "no", "unknown"]
)
def test_unsynchronized_clock_is_a_warning(
    config: Path, monkeypatch: pytest.MonkeyPatch, synchronized: bool | None, levels: list[str]
) -> None:
    monkeypatch.setattr(machine, "is_clock_synchronized", lambda: synchronized)
    findings = examine(config, "--offline").findings
    assert [finding["level"] for finding in findings if finding["subject"] == "clock"] == levels


def test_kernel_reports_whether_the_clock_is_synchronized() -> None:
    assert clock.is_clock_synchronized() in (True, False, None)


def test_missing_time_zone_database_is_an_error(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "IN_USE", None)
    result = examine(config, "--offline")
    assert result.problems("time zones")
    assert result.status == 1


def test_running_daemon_is_compared_with_the_configuration(tmp_path: Path) -> None:
    config = write_config(tmp_path, f"http://127.0.0.1:{closed_port()}/health", f"127.0.0.1:{free_port()}")
    with running_daemon(config) as daemon:
        wait_for("the scheduler", lambda: json.loads(daemon.body("/readyz"))["status"] == "ready")
        ready = f"the daemon at {daemon.address.removeprefix('http://')} is ready"
        wait_for_daemon_finding(config, ready)  # a busy machine may delay its answer for longer than `doctor` waits
        other = tmp_path / "other.yaml"
        other.write_text(config.read_text().replace("99%", "98%"))
        wait_for_daemon_finding(other, f"runs another configuration: {config.name}")


def test_another_program_at_the_address_is_an_error(config: Path) -> None:
    with HttpTarget().serving() as target:
        first, *rest = config.read_text().splitlines()
        assert first.startswith("listen: ")
        config.write_text("\n".join([f"listen: 127.0.0.1:{target.port}", *rest]))
        (problem,) = examine(config, "--offline").problems("daemon")
    assert problem.startswith("error: another program answers")
