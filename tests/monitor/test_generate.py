"""Generated files do not drift from the code that makes them."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from monitor.generate import GENERATED, ROOT, drifted, main


def test_no_generated_file_of_this_checkout_has_drifted() -> None:
    """If this fails: `python -m monitor.generate`."""
    assert drifted(ROOT) == []


def test_check_names_what_drifted_and_writing_mends_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    run = CliRunner().invoke
    assert run(main, ["--root", str(tmp_path)]).exit_code == 0
    assert run(main, ["--check", "--root", str(tmp_path)]).exit_code == 0
    (tmp_path / "dashboards/portfolio.json").write_text("{}")
    refused = run(main, ["--check", "--root", str(tmp_path)])
    assert refused.exit_code == 1
    assert "dashboards/portfolio.json" in refused.output
    assert "ninewatch.rules.yaml" not in refused.output


def test_what_is_missing_has_drifted(tmp_path: Path) -> None:
    assert drifted(tmp_path) == list(GENERATED)


def test_a_folder_that_is_no_checkout_is_refused_with_a_remedy(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--root", str(tmp_path)])
    assert result.exit_code == 1
    assert "--root" in result.output
