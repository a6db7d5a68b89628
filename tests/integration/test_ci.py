"""`.ci/run`: every step has a time budget, and fails when it takes longer."""

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


def step(budget: int, command: str) -> tuple[str, float]:
    """Run one step with a budget; return its output, ended by the names of what failed, and how long it took."""
    began = time.monotonic()
    head = f"set -u; declare -A BUDGET=([it]={budget}); PATIENCE=1 GRACE=1; failed=()"
    script = f'{head}; {STEP}\nstep it {command}; echo "failed: ${{failed[*]-}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=100)
    return done.stdout, time.monotonic() - began


def test_every_step_has_a_budget_and_all_of_them_take_less_than_an_hour() -> None:
    steps = re.findall(r'^step "([^"]+)"', RUN, flags=re.MULTILINE)
    assert steps == list(BUDGETS)
    assert len(steps) >= 10
    assert sum(BUDGETS.values()) < 3600


@pytest.mark.parametrize("command", ["sleep 90", "bash -c 'trap : INT; while :; do sleep 1; done'"])
def test_a_step_that_exceeds_its_budget_is_ended_and_fails(command: str) -> None:
    """Also one that does not heed the first signal."""
    said, took = step(1, command)
    assert "<== it: FAILED, took longer than its budget of 1 s" in said
    assert said.endswith("failed: it\n")
    assert took < 60


def test_the_processes_that_an_ended_step_started_end_with_it(tmp_path: Path) -> None:
    step(1, f"bash -c 'sleep 90 & echo $! > {tmp_path}/pid; wait'")
    pid = int((tmp_path / "pid").read_text())
    wait_for("its end", lambda: not alive(pid))


@pytest.mark.parametrize(("status", "verdict"), [(0, "<== it: ok in"), (3, "<== it: FAILED (3) in")])
def test_a_step_within_its_budget_ends_by_its_own_status(status: int, verdict: str) -> None:
    said, _ = step(60, f"bash -c 'exit {status}'")
    assert verdict in said
    assert said.endswith("failed: it\n" if status else "failed: \n")
