"""The exec kind: a program in its own process group, stopped with its descendants; disabled unless allowed."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from monitor.probes.exec import DisabledExecCheck
from sla.observation import Outcome
from tests.support.daemon_process import run_to_exit
from tests.support.probing import attempt, load_check
from tests.support.processes import alive, wait_for

if TYPE_CHECKING:
    from pathlib import Path

GOOD, BAD, UNKNOWN = Outcome.GOOD, Outcome.BAD, Outcome.UNKNOWN


async def run_script(script: str, seconds: float = 5.0, **options: Any) -> Any:
    return (await attempt({"exec": ["/bin/sh", "-c", script], **options}, seconds)).result


@pytest.mark.parametrize(
    ("script", "options", "outcome", "reason"),
    [
        ("true", {}, GOOD, ""),
        ("echo all is well", {"expect": "^all"}, GOOD, ""),
        ("echo oh no", {"expect": "^all"}, BAD, "answer_mismatch"),
        ("echo oh no; exit 2", {}, BAD, "exec_failed"),
        ("exit 3", {"unknown_codes": [3]}, UNKNOWN, "exec_undecided"),
        ("kill -SEGV $$", {}, BAD, "exec_failed"),
        ("head -c 10000000 /dev/zero; exit 0", {}, GOOD, ""),
        ("sleep 60", {}, BAD, "deadline"),
        ("sleep 60 & echo all is well", {"expect": "^all is well"}, GOOD, ""),
        ("sleep 60 & exit 2", {}, BAD, "exec_failed"),
    ],
)
async def test_every_exit_has_its_reason(script: str, options: dict[str, Any], outcome: Outcome, reason: str) -> None:
    result = await run_script(script, 2.0, **options)
    assert (result.outcome, result.reason) == (outcome, reason)


async def test_environment_is_exactly_the_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAEMON_SECRET", "canary-of-the-daemon")
    monkeypatch.setenv("OWN_SECRET", "canary-of-the-check")
    result = await run_script('echo "$DAEMON_SECRET|$OWN"; exit 1', env={"OWN": {"env": "OWN_SECRET"}})
    assert result.detail == 'exit code 1: "|[secret]"'


async def test_arguments_are_passed_unchanged() -> None:
    arguments = [sys.executable, "-c", "import sys; print(sys.argv[1:])", "$(id); `id` 'a b'"]
    result = (await attempt({"exec": arguments, "expect": r"\[\"\$\(id\); `id` 'a b'\"\]"})).result
    assert (result.outcome, result.reason) == (GOOD, "")


async def test_descendants_are_killed_at_the_deadline(tmp_path: Path) -> None:
    pid_file = tmp_path / "child"
    for seconds in (0.5, 2, 8, 32):  # a busy machine may not start the program before a short deadline
        await run_script(f"sleep 61 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; wait", seconds)
        if pid_file.exists():
            break
    child = int(pid_file.read_text())
    wait_for("the child's end", lambda: not alive(child))


async def test_descendant_outside_of_the_group_does_not_delay_the_probe(tmp_path: Path) -> None:
    """The descendant keeps the output open and is not killed; the documentation does not promise that."""
    result = await run_script(
        f"setsid sh -c 'echo $$ > {tmp_path}/child; exec sleep 60' & "
        f"until [ -s {tmp_path}/child ]; do :; done; echo said; exit 2"
    )
    assert (result.reason, result.detail) == ("exec_failed", 'exit code 2: "said"')
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (40, "signal 40")])
async def test_signal_is_reported_by_name(number: int, name: str) -> None:
    result = await run_script(f"echo first; echo last; kill -{number} $$")
    assert (result.outcome, result.detail) == (BAD, f'killed by {name}: "first"')


@pytest.mark.parametrize("program", ["/nowhere/at/all", "/etc/passwd"])
async def test_program_that_cannot_start_gives_unknown(program: str) -> None:
    result = (await attempt({"exec": [program]})).result
    assert (result.outcome, result.reason) == (UNKNOWN, "exec_missing")


@pytest.mark.parametrize("arguments", [[], "ls -l", ["ls"], ["/bin/ls", "a\0b"], ["/bin/ls", 5]])
def test_invalid_argument_list_is_rejected(arguments: object) -> None:
    with pytest.raises(ValidationError):
        load_check({"exec": arguments})


@pytest.mark.parametrize("name", ["A=B", "", "A B", "A\0", "1A"])
def test_invalid_environment_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError, match="env"):
        load_check({"exec": ["/bin/true"], "env": {name: "c"}})


def test_exec_check_is_rejected_without_allow_exec() -> None:
    with pytest.raises(ValidationError, match="--allow-exec"):
        DisabledExecCheck.model_validate({"id": "x", "exec": ["/bin/true"]})


@pytest.mark.slow
def test_command_line_requires_the_flag(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    check = "{id: c, exec: [/bin/true]}"
    config.write_text(f"products:\n  - id: p\n    objective: 99%\n    checks:\n      - {check}\n")
    status, _, errors = run_to_exit("probe", "c", "-c", config)
    assert (status != 0, "--allow-exec" in errors) == (True, True)
    status, _, errors = run_to_exit("run", "-c", config)
    assert (status != 0, "--allow-exec" in errors) == (True, True)
    assert run_to_exit("probe", "c", "-c", config, "--allow-exec")[0] == 0
    assert run_to_exit("check-config", config)[0] == 0
