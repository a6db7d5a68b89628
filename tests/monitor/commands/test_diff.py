"""`ninewatch diff`: each kind of change, and what is no change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.monitor.commands.test_cli import run_in_process

OLD = """
title: Forms
products:
  - id: forms
    objective: 99.9%
    checks:
      - {id: health, http: "https://forms.example.org/health", interval: 60s, fall: 3}
      - {id: old, tcp: "forms.example.org:22"}
  - {id: gone, objective: 99%, checks: [{id: a, tcp: "gone.example.org:1"}]}
"""
NEW = """
title: Digital forms
receivers:
  - {id: mail, email: ops@example.org}
products:
  - id: forms
    team: Digital
    checks:
      - {id: new, tcp: "forms.example.org:22"}
      - {id: health, http: "https://forms.example.org/health", interval: 30s, fall: 2, bearer: {env: NOT_SET}}
    objective: 99.95%
"""


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    return old, new


def test_changes_are_listed_by_topic_without_reading_secrets(paths: tuple[Path, Path]) -> None:
    result = run_in_process("diff", *paths)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "~ settings: title: Forms -> Digital forms",
        "~ definition: products.forms.objective: 99.9% -> 99.95%",
        "~ check: products.forms.checks.health.interval: 60s -> 30s",
        "~ alerts: products.forms.checks.health.fall: 3 -> 2",
        '+ check: products.forms.checks.health.bearer: {"env": "NOT_SET"}',
        '- definition: products.forms.checks.old: {"tcp": "forms.example.org:22"}',
        '+ definition: products.forms.checks.new: {"tcp": "forms.example.org:22"}',
        "+ product: products.forms.team: Digital",
        '- definition: products.gone: {"objective": "99%", "checks": {"a": {"tcp": "gone.example.org:1"}}}',
        '+ alerts: receivers: {"mail": {"email": "ops@example.org"}}',
    ]


def test_order_is_no_difference(paths: tuple[Path, Path], tmp_path: Path) -> None:
    reordered = tmp_path / "reordered.yaml"
    first, second = OLD.split("  - {id: gone")
    head, forms = first.split("products:\n")
    reordered.write_text(f"{head}products:\n  - {{id: gone{second}{forms}")
    result = run_in_process("diff", paths[0], reordered, "--exit-code")
    assert (result.exit_code, result.stdout) == (0, "")


def test_exit_code(paths: tuple[Path, Path]) -> None:
    assert run_in_process("diff", *paths, "--exit-code").exit_code == 1


def test_unreadable_configuration_is_reported_with_its_position(paths: tuple[Path, Path]) -> None:
    paths[1].write_text("products: [\n")
    assert f"{paths[1]}:2:1: is not YAML" in str(run_in_process("diff", *paths).exception)
