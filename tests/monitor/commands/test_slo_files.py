"""`ninewatch import` and `ninewatch export`: output, notes and error messages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.monitor.commands.test_cli import run_in_process
from tests.monitor.slo_files.test_openslo import EXAMPLE, PORTFOLIO, SERVER


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(PORTFOLIO)
    return path


def test_import_prints_configuration_on_stdout_and_notes_on_stderr(tmp_path: Path) -> None:
    result = run_in_process("import", "openslo", EXAMPLE, "--prometheus", SERVER)
    assert result.exit_code == 0
    assert len(yaml.safe_load(result.stdout)["products"]) == 4
    assert all(line.startswith(f"note: {EXAMPLE}:") for line in result.stderr.splitlines())
    created = tmp_path / "made.yaml"
    created.write_text(result.stdout)
    assert run_in_process("check-config", created).exit_code == 0


def test_failing_import_prints_each_reason_with_its_position() -> None:
    result = run_in_process("import", "openslo", EXAMPLE)
    assert result.exit_code != 0
    assert f"{EXAMPLE}:65:25: spec.indicator.spec.ratioMetric.raw.metricSource: the address" in str(result.exception)
    assert "1 error" in str(result.exception)


@pytest.mark.parametrize("tool", ["openslo", "sloth", "pyrra"])
def test_export_prints_yaml_documents(config: Path, tool: str) -> None:
    result = run_in_process("export", tool, "-c", config)
    assert result.exit_code == 0
    assert list(yaml.safe_load_all(result.stdout))


def test_sloth_export_notes_windows_that_need_an_option(config: Path) -> None:
    result = run_in_process("export", "sloth", "-c", config)
    assert "note: my_forms has a window of 7d: run sloth with --default-slo-period=7d for it" in result.stderr


def test_window_that_other_tools_cannot_express_is_rejected(config: Path) -> None:
    config.write_text(PORTFOLIO.replace("window: 7d", "window: 90s"))
    for tool in ("openslo", "sloth", "pyrra"):
        assert "the window is not a multiple of a minute" in str(run_in_process("export", tool, "-c", config).exception)


def test_invalid_prometheus_address_is_rejected(config: Path) -> None:
    assert run_in_process("export", "openslo", "-c", config, "--prometheus", "prometheus:9090").exit_code == 2
    assert run_in_process("import", "openslo", EXAMPLE, "--prometheus", "ftp://x").exit_code == 2
