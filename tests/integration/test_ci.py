"""Tests of `.ci/run`: every step has a time budget, and fails when it exceeds this budget."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.processes import alive, wait_for

RUN = (Path(__file__).parents[2] / ".ci/run").read_text()
BUDGETS = {name: int(seconds) for name, seconds in re.findall(r'^ +\["(.+)"\]=(\d+)$', RUN, flags=re.MULTILINE)}
(STEP,) = re.findall(r"^step\(\) \{$.*?^\}$", RUN, flags=re.MULTILINE | re.DOTALL)


def run_step(budget: int, command: str, total: int = 3600) -> tuple[str, float]:
    """Run one step with a budget; return its output with the list of failed steps, and the duration in seconds."""
    start = time.monotonic()
    head = f"set -u; declare -A BUDGET=([it]={budget}); PATIENCE=1 GRACE=1 TOTAL={total}; failed=()"
    script = f'{head}; {STEP}\nstep it {command}; echo "failed: ${{failed[*]-}}"'
    completed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=100)
    return completed.stdout, time.monotonic() - start


def test_every_step_has_a_budget_and_all_together_an_hour() -> None:
    steps = re.findall(r'^step "([^"]+)"', RUN, flags=re.MULTILINE)
    assert steps == list(BUDGETS)
    assert len(steps) >= 10
    assert re.search(r"^TOTAL=3600$", RUN, flags=re.MULTILINE)


def test_step_ends_with_the_hour_of_all_steps() -> None:
    output, _ = run_step(60, "sleep 90", total=1)
    assert "<== it: FAILED, took longer than its budget of 1 s" in output


@pytest.mark.parametrize("command", ["sleep 90", "bash -c 'trap : INT; while :; do sleep 1; done'"])
def test_step_over_its_budget_is_stopped_and_fails(command: str) -> None:
    """The second command ignores the first signal."""
    output, seconds = run_step(1, command)
    assert "<== it: FAILED, took longer than its budget of 1 s" in output
    assert output.endswith("failed: it\n")
    assert seconds < 60


def test_stopped_step_stops_its_child_processes(tmp_path: Path) -> None:
    run_step(1, f"bash -c 'sleep 90 & echo $! > {tmp_path}/pid; wait'")
    pid = int((tmp_path / "pid").read_text())
    wait_for("the end of the child process", lambda: not alive(pid))


@pytest.mark.parametrize(("status", "verdict"), [(0, "<== it: ok in"), (3, "<== it: FAILED (3) in")])
def test_step_within_its_budget_keeps_its_exit_status(status: int, verdict: str) -> None:
    output, _ = run_step(60, f"bash -c 'exit {status}'")
    assert verdict in output
    assert output.endswith("failed: it\n" if status else "failed: \n")
