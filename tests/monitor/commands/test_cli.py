"""The command line: exit status, JSON output, and one clear line for every mistake."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor import cli, log, zones
from monitor.commands.probe import _as_text
from monitor.engine.runner import AttemptResult
from monitor.errors import NinewatchError
from monitor.probe_result import PHASES, ProbeResult
from sla.observation import Outcome
from tests.support.addresses import closed_port
from tests.support.daemon_process import command, environment, run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.probing import load_check
from tests.support.processes import free_port, wait_for

COMMANDS = ("run", "demo", "check-config", "probe", "status")


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    with HttpTarget().serving() as running_server:
        yield running_server


def write_config(folder: Path, url: str, listen: str = "127.0.0.1:0", interval: str = "200ms") -> Path:
    path = folder / "ninewatch.yaml"
    ids = {"health": url, "other": f"{url}/other"}
    checks = ", ".join(f"{{id: {check}, http: '{address}', interval: {interval}}}" for check, address in ids.items())
    path.write_text(
        f"listen: {listen}\nstore: {folder / 'n.db'}\nproducts:\n- {{id: demo, objective: 99%, checks: [{checks}]}}\n"
    )
    return path


def run_in_process(*arguments: str | Path) -> Result:
    """Run a command in this process, with the error handling of `main`."""
    runner = CliRunner()
    result = runner.invoke(cli.cli, [str(argument) for argument in arguments], prog_name="ninewatch")
    assert result.exception is None or isinstance(result.exception, SystemExit | NinewatchError), result.exception
    return result


# probe


def run_probe_command(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    result = run_in_process("probe", "--json", *arguments)
    return result.exit_code, json.loads(result.stdout)


def test_probe_json_is_one_object_with_all_results(target: HttpTarget) -> None:
    code, actual = run_probe_command(target.url("/health"))
    assert code == 0
    assert list(actual) == ["outcome", "reason", "status", "duration_seconds", "phases", "detail"]
    assert (actual["outcome"], actual["reason"], actual["status"], actual["detail"]) == ("good", "", 200, "")
    assert list(actual["phases"]) == [phase for phase in PHASES if phase != "tls"]
    assert sum(actual["phases"].values()) <= actual["duration_seconds"]


def test_bad_target_gives_exit_status_1(target: HttpTarget) -> None:
    target.status["/health"] = 503
    code, actual = run_probe_command(target.url("/health"))
    assert (code, actual["outcome"], actual["reason"], actual["status"]) == (1, "bad", "http_status", 503)
    code, actual = run_probe_command(f"tcp://127.0.0.1:{closed_port()}")
    assert (code, actual["outcome"], actual["reason"], actual["status"]) == (1, "bad", "connect_refused", None)


def test_unknown_outcome_gives_exit_status_3() -> None:
    """The local machine refuses to connect to this address, which gives no information about a target."""
    code, actual = run_probe_command("tcp://255.255.255.255:9")
    assert (code, actual["outcome"]) == (3, "unknown")
    assert actual["reason"] in ("no_route", "forbidden_locally")


def test_probe_text_contains_the_details_of_a_good_probe() -> None:
    result = ProbeResult(Outcome.GOOD, phases={"first_byte": 0.01}, detail="offset +0.25 s")
    lines = _as_text(load_check({"ntp": "127.0.0.1"}), AttemptResult(0, result, 0.01)).splitlines()
    assert lines[:2] == ["good        ntp 127.0.0.1:123", "detail      offset +0.25 s"]


def test_probe_text_is_readable(target: HttpTarget, tmp_path: Path) -> None:
    good = run_in_process("probe", target.url("/health"))
    assert good.exit_code == 0
    labels = [line.split()[0] for line in good.stdout.splitlines()]
    assert labels == ["good", "status", "resolve", "connect", "first_byte", "transfer", "total"]
    target.status["/"] = 500
    bad = run_in_process("probe", "demo/health", "-c", write_config(tmp_path, target.url("/")))
    assert bad.exit_code == 1
    assert "reason      http_status: status 500, expected 2xx" in bad.stdout


def test_check_is_given_by_key_or_id(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, target.url("/"))
    assert run_probe_command("demo/health", "-c", path)[0] == run_probe_command("health", "-c", path)[0] == 0


def test_timeout_of_a_url_can_be_set(target: HttpTarget) -> None:
    target.hanging.add("/slow")
    code, actual = wait_for(
        "an attempt that no busy machine starved", lambda: attempt_or_none(target.url("/slow"), "50ms")
    )
    assert (code, actual["reason"]) == (1, "deadline")
    assert "not complete within 0.05 s" in actual["detail"]


def attempt_or_none(url: str, timeout: str) -> tuple[int, dict[str, Any]] | None:
    """Return the result of an attempt, None if this machine was too busy for it."""
    code, actual = run_probe_command(url, "--timeout", timeout)
    return None if actual["reason"] == "monitor_starved" else (code, actual)


# check-config


def test_check_config_accepts_the_path_also_as_option(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, target.url("/"))
    assert run_in_process("check-config", "-c", path).output == run_in_process("check-config", path).output
    result = run_in_process("check-config", path, "-c", path)
    assert (result.exit_code, "use one of them" in result.output) == (2, True)


def test_valid_configuration_is_counted(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, target.url("/"))
    result = run_in_process("check-config", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [zones.describe_databases(), f"{path}: 1 product, 2 checks, no errors"]


def test_warning_is_no_error(target: HttpTarget, tmp_path: Path) -> None:
    """The interval is too long for the objective."""
    path = write_config(tmp_path, target.url("/"))
    path.write_text(path.read_text().replace("99%", "99.9999%").replace("200ms", "1m"))
    result = run_in_process("check-config", path)
    assert result.exit_code == 0
    assert result.stdout.endswith("no errors, 2 warnings\n")
    assert result.stderr.startswith("warning: ")


def test_all_mistakes_of_a_configuration_are_reported_with_positions(tmp_path: Path) -> None:
    path = tmp_path / "ninewatch.yaml"
    path.write_text(
        "listn: x\nproducts:\n- {id: demo, objective: 101%, checks: [{id: a, http: 'http://h/', rise: 0}]}\n"
    )
    result = run_in_process("check-config", path)
    assert (result.exit_code, result.stdout) == (1, "")
    *problems, count = result.stderr.splitlines()
    assert [line.split(": ")[0].rpartition("/")[2] for line in problems] == [
        "ninewatch.yaml:1:1",
        "ninewatch.yaml:3:25",
        "ninewatch.yaml:3:73",
    ]
    assert count == "3 errors"


# status


def test_status_requests_the_daemons_figures(target: HttpTarget, tmp_path: Path) -> None:
    path = write_config(tmp_path, target.url("/"), f"127.0.0.1:{free_port()}")
    with running_daemon(path) as daemon:
        wait_for("a good probe of both", lambda: daemon.api("/products")[0]["state"] == "up")
        up = run_in_process("status", "-c", path)
        assert up.exit_code == 0
        head, row, note_line = up.stdout.splitlines()
        assert head.split()[:3] == ["STATE", "PRODUCT", "AVAILABILITY"]
        assert row.split()[:2] == ["up", "demo"]
        expected_line = (
            r"demo: observed since 20\S+Z: 100.000%, between \S+ and \S+; a verdict is possible from 20\S+Z$"
        )
        assert re.match(expected_line, note_line)
        assert json.loads(run_in_process("status", "--json", "-c", path).stdout)[0]["id"] == "demo"
        target.status["/"] = 503
        wait_for("the failure", lambda: daemon.api("/products")[0]["state"] == "down")
        assert run_in_process("status", "-c", path).exit_code == 1


@pytest.mark.parametrize("answer", ["nobody", "ok", '{"state": 1}', "[1]", '[{"state": "up"}]'])
def test_status_without_a_daemon_gives_one_line(answer: str, target: HttpTarget, tmp_path: Path) -> None:
    """There is no server, or another server."""
    target.body = answer
    port = closed_port() if answer == "nobody" else target.port
    result = run_in_process("status", "-c", write_config(tmp_path, "http://h/", f"127.0.0.1:{port}"))
    assert isinstance(result.exception, NinewatchError)
    errors = {
        "nobody": f"no daemon answers at 127.0.0.1:{port}: connection refused; start `ninewatch run`, or specify its",
    }.get(answer, f"the server at 127.0.0.1:{port} is not ninewatch of this version; specify its")
    assert str(result.exception) == f"{errors} configuration with -c"


def test_proxy_of_the_environment_is_not_used(
    target: HttpTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", target.url(""))
    monkeypatch.delenv("no_proxy", raising=False)
    run_in_process("status", "-c", write_config(tmp_path, "http://h/", f"127.0.0.1:{closed_port()}"))
    assert not target.hits


# Help and wrong usage


def test_help_consists_of_complete_sentences() -> None:
    """No summary is truncated, every command and option has a description, and the help fits 80 columns."""
    overview = run_in_process("--help").stdout
    assert all(f"  {name} " in overview for name in COMMANDS)
    assert "..." not in overview.partition("Commands:")[2]
    for name in COMMANDS:
        text = run_in_process(name, "--help").stdout
        assert max(map(len, text.splitlines())) <= 80
        assert text.startswith(f"Usage: ninewatch {name}")
    assert "Exit status: 0 good, 1 bad, 3 unknown, 2 usage" in " ".join(
        run_in_process("probe", "--help").stdout.split()
    )


WRONG_ARGUMENTS = [
    ["frobnicate"],
    ["--frobnicate"],
    ["run"],
    ["run", "-c", "nowhere.yaml"],
    ["run", "-c", "/dev/null"],
    ["run", "-c", "a", "-c"],
    ["run", "extra", "-c", "nowhere.yaml"],
    ["check-config"],
    ["check-config", "nowhere.yaml"],
    ["probe"],
    ["probe", "health"],
    ["probe", "ftp://host/"],
    ["probe", "http://"],
    ["probe", "http://user:hunter2hunter2@host/"],
    ["probe", "http://host/ space"],
    ["probe", "http://host:99999/"],
    ["probe", "http://[::1/"],
    ["probe", "tcp://host"],
    ["probe", "tls://host:0"],
    ["probe", "dns://"],
    ["probe", "dns://-"],
    ["probe", "\x1b[31m://x"],
    ["probe", "http://host/", "--timeout", "soon"],
    ["probe", "http://host/", "--timeout", "-1s"],
    ["probe", "http://host/", "--timeout", "1d"],
    ["probe", "health", "-c", "nowhere.yaml"],
    ["status", "-c", "nowhere.yaml"],
    ["status", "extra"],
    ["demo", "--directory", "/proc/nowhere"],
]


@pytest.mark.parametrize("arguments", WRONG_ARGUMENTS, ids=" ".join)
def test_wrong_usage_gives_one_line_and_status_2(arguments: list[str]) -> None:
    result = run_in_process(*arguments)
    if isinstance(result.exception, NinewatchError):
        message, hint = str(result.exception).removesuffix("\n1 error"), ["ninewatch:"]
    else:
        assert result.exit_code == 2
        *hint, message = filter(None, result.stderr.splitlines())
        assert message.startswith("Error: ")
    assert result.stdout == ""
    assert len(hint) < 3
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) > 10
    assert "hunter2" not in result.output


def test_main_prints_an_error_in_one_line_and_returns_status_2(tmp_path: Path) -> None:
    code, out, err = run_to_exit("status", "-c", tmp_path / "nowhere.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("ninewatch: ")
    assert "Traceback" not in err


def test_main_conceals_secrets_in_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    log.conceal("canary-in-an-error")

    def fails(**_: object) -> None:
        raise NinewatchError("it said canary-in-an-error; mend it")

    monkeypatch.setattr(cli, "cli", fails)
    monkeypatch.setattr(log, "configure", lambda: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "ninewatch: it said [secret]; mend it\n"


@pytest.mark.parametrize("arguments", [["nines", "99.95"], ["--help"], ["probe", "tcp://127.0.0.1:1"], ["--version"]])
def test_failed_output_gives_exit_status_2(arguments: list[str]) -> None:
    """A full disk gives one line and exit status 2; status 1 means bad, wrong or missed."""
    with Path("/dev/full").open("w") as full:
        completed = subprocess.run(
            command(*arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            env=environment(),
            check=False,
        )
    assert completed.returncode == 2
    assert completed.stderr == "ninewatch: standard output cannot be written: No space left on device\n"


@pytest.mark.fault(26)
def test_command_without_standard_output_has_the_same_exit_status() -> None:
    arguments = " ".join(["exec", *map(shlex.quote, command("nines", "99.95")), ">&-"])
    completed = subprocess.run(
        ["sh", "-c", arguments], stderr=subprocess.PIPE, timeout=60, env=environment(), check=False
    )
    assert (completed.returncode, completed.stderr) == (0, b"")
