"""`ninewatch import gatus|uptime-kuma`: files that are written, and files that are not overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.monitor.commands.test_cli import run_in_process
from tests.monitor.migration.test_gatus import EXAMPLE
from tests.monitor.migration.test_kuma import EXAMPLE as KUMA

if TYPE_CHECKING:
    import pytest


def test_notes_go_to_stderr_and_the_configuration_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_in_process("import", "gatus", EXAMPLE, "--objective", "three nines")
    assert result.exit_code == 0
    *notes, summary = result.stderr.splitlines()
    assert all(line.startswith(f"note: {EXAMPLE}:") for line in notes)
    assert summary == f"5 products, {len(notes)} notes"
    monkeypatch.setenv("GATUS_CORE_API_AUTHORIZATION", "Bearer x")
    monkeypatch.setenv("GATUS_JOBS_NIGHTLY_LOAD_TOKEN", "0123456789abcdef")
    output = tmp_path / "written.yaml"
    output.write_text(result.stdout)
    assert run_in_process("check-config", output).exit_code == 0


def test_existing_file_is_overwritten_only_with_force(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert run_in_process("import", "gatus", EXAMPLE, "-o", path).exit_code == 0
    first = path.read_text()
    path.write_text("mine")
    refused = run_in_process("import", "gatus", EXAMPLE, "-o", path)
    assert f"{path}: the file exists; specify another one, or --force" in str(refused.exception)
    assert path.read_text() == "mine"
    assert run_in_process("import", "gatus", EXAMPLE, "-o", path, "--force").exit_code == 0
    assert path.read_text() == first


def test_invalid_objective_and_folder(tmp_path: Path) -> None:
    assert run_in_process("import", "gatus", EXAMPLE, "--objective", "100%").exit_code == 2
    missing = run_in_process("import", "gatus", EXAMPLE, "-o", tmp_path / "no/where.yaml")
    assert "specify a file in a writable folder" in str(missing.exception)


def test_uptime_kuma_database_is_converted(tmp_path: Path) -> None:
    result = run_in_process("import", "uptime-kuma", KUMA)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == "3 products, 5 notes"
    empty = tmp_path / "empty.db"
    empty.touch()
    assert "has no monitors of Uptime Kuma" in str(run_in_process("import", "uptime-kuma", empty).exception)
