"""The budget policy and the answer of the release gate in a report, as of the report's instant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.monitor.reporting.report_command import report_output

STEPS = """\
budget_policy:
  steps:
  - {spent: 1%, gate: go, consequence: plan work on reliability, owner: Team Forms}
  - {left: 0.5%, consequence: fixes only, owner: Ana Ng}
  unknown: estimate
  coverage: 0%
"""


@pytest.mark.parametrize("format_name", ["md", "html"])
def test_report_lists_the_steps_with_their_owners(config: Path, tmp_path: Path, format_name: str) -> None:
    path = tmp_path / "ninewatch.yaml"
    path.write_text(STEPS + config.read_text("utf-8"), "utf-8")
    gate = json.loads(report_output(path, "json"))["products"][0]["gate"]
    text = report_output(path, format_name).decode()
    assert f"Releases as of this report: {gate['gate']}." in text
    for expected in ("Budget policy", "plan work on reliability", "Team Forms", "fixes only", "Ana Ng", "99.5%"):
        assert expected in text
    assert [step["owner"] for step in gate["steps"]] == ["Team Forms", "Ana Ng"]
    assert gate["policy"] == "own"


def test_report_without_a_configured_policy_uses_the_default_policy(config: Path) -> None:
    gate = json.loads(report_output(config, "json"))["products"][0]["gate"]
    assert (gate["policy"], [step["spent"] for step in gate["steps"]]) == ("budget", [0.5, 1.0])
    assert gate["gate"] in ("go", "hold", "unknown")
