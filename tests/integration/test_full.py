"""Tests of `make full`: its parts run one after the other, and the results contain the date, the commit and the Python
version.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci/full.py"


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script as a module that writes its results to a temporary folder."""
    spec = importlib.util.spec_from_file_location("full", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "full", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results.md")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "commit", lambda: "0123456789ab")
    return module


def run_parts(full: ModuleType, *arguments: str, **commands: str) -> tuple[int, str]:
    """Return the exit status and the content of the result file."""
    full.PARTS = {name: ("sh", "-c", command) for name, command in commands.items()}
    return full.main(list(arguments)), full.RESULTS.read_text()


def test_results_contain_counts_duration_date_commit_and_python(full: ModuleType) -> None:
    status, results = run_parts(full, one="echo; echo '=== 3 passed in 2.00s ==='", two="echo 5 killed, 0 survived")
    assert status == 0
    assert f"Python {platform.python_version()}, " in results
    instant = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.search(
        rf"^\| one \| passed \| 3 passed in 2.00s \| 0 min 0 s \| {instant} \| 0123456789ab \|$", results, re.M
    )
    assert "| two | passed | 5 killed, 0 survived | 0 min 0 s | " in results


def test_failed_part_is_written_and_the_next_one_runs(full: ModuleType) -> None:
    status, results = run_parts(full, one="echo '=== 1 failed in 9.00s ==='; exit 1", two="echo 4 passed")
    assert status == 1
    assert "| one | **FAILED** (exit status 1) | 1 failed in 9.00s | 0 min 0 s | " in results
    assert "| two | passed | 4 passed | 0 min 0 s | " in results


def test_suite_without_a_test_has_neither_passed_nor_failed(full: ModuleType) -> None:
    status, results = run_parts(full, one="echo '=== no tests collected (9 deselected) in 1.00s ==='; exit 5")
    assert status == 0
    assert "| one | no test | no tests collected (9 deselected) in 1.00s | 0 min 0 s | " in results


def test_part_that_is_run_again_replaces_its_row_only(full: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    run_parts(full, one="echo 1 passed", two="echo 2 passed")
    monkeypatch.setattr(full, "commit", lambda: "ba9876543210")
    _, results = run_parts(full, "tw", one="exit 1", two="echo 3 passed")
    assert [line.split(" | ")[2] for line in results.splitlines() if "0 min" in line] == ["1 passed", "3 passed"]
    assert [line.split(" | ")[-1] for line in results.splitlines() if "0 min" in line] == [
        "0123456789ab |",
        "ba9876543210 |",
    ]


def test_every_marker_selection_has_a_part(full: ModuleType) -> None:
    """The tests that `make test` and `make slow` exclude have a part of their own."""
    commands = [command for command in full.PARTS.values() if "pytest" in command]
    selected = {command[len(command) - command[::-1].index("-m")] for command in commands}
    assert selected == {"full", "not slow and not full", "slow and not full"}


def test_files_that_one_part_ignores_are_run_by_another(full: ModuleType) -> None:
    ignored = {
        word.removeprefix("--ignore=") for command in full.PARTS.values() for word in command if "--ignore" in word
    }
    selected = {word for command in full.PARTS.values() for word in command if word.startswith("tests/")}
    assert ignored == selected
    assert all((SCRIPT.parents[1] / path).is_file() for path in selected)
