"""The budget policy and the answer of the release gate in a report, as of the report's instant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.monitor.reporting.asking import ask

STEPS = """\
budget_policy:
  steps:
  - {spent: 1%, gate: go, consequence: plan work on reliability, owner: Team Forms}
  - {left: 0.5%, consequence: fixes only, owner: Ana Ng}
  unknown: estimate
  coverage: 0%
"""


@pytest.mark.parametrize("form", ["md", "html"])
def test_a_report_lists_the_steps_with_their_owners(config: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / "ninewatch.yaml"
    path.write_text(STEPS + config.read_text("utf-8"), "utf-8")
    gate = json.loads(ask(path, "json"))["products"][0]["gate"]
    text = ask(path, form).decode()
    assert f"Releases as of this report: {gate['gate']}." in text
    for shown in ("Budget policy", "plan work on reliability", "Team Forms", "fixes only", "Ana Ng", "99.5%"):
        assert shown in text
    assert [each["owner"] for each in gate["steps"]] == ["Team Forms", "Ana Ng"]
    assert gate["policy"] == "own"


def test_without_a_policy_the_shipped_one_is_reported(config: Path) -> None:
    found = json.loads(ask(config, "json"))["products"][0]["gate"]
    assert (found["policy"], [each["spent"] for each in found["steps"]]) == ("budget", [0.5, 1.0])
    assert found["gate"] in ("go", "hold", "unknown")
