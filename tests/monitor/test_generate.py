"""Generated files equal the output of their generators."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from monitor.generate import GENERATED, ROOT, main, outdated_files


def test_generated_files_of_this_checkout_are_up_to_date() -> None:
    """If this test fails, run `python -m monitor.generate`."""
    assert outdated_files(ROOT) == []


def test_check_reports_an_outdated_file_and_writing_updates_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    run = CliRunner().invoke
    assert run(main, ["--root", str(tmp_path)]).exit_code == 0
    assert run(main, ["--check", "--root", str(tmp_path)]).exit_code == 0
    (tmp_path / "dashboards/portfolio.json").write_text("{}")
    rejected = run(main, ["--check", "--root", str(tmp_path)])
    assert rejected.exit_code == 1
    assert "dashboards/portfolio.json" in rejected.output
    assert "ninewatch.rules.yaml" not in rejected.output


def test_missing_generated_file_is_reported(tmp_path: Path) -> None:
    assert outdated_files(tmp_path) == list(GENERATED)


def test_folder_without_a_checkout_is_rejected_with_a_remedy(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--root", str(tmp_path)])
    assert result.exit_code == 1
    assert "--root" in result.output
