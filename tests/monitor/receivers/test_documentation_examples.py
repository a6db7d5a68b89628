"""docs/receivers.md: every example loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monitor.commands.config_option import examine_config
from monitor.receivers.registry import KINDS

URL = "https://ops.example.org/secret"
SECRETS = {"secrets/apprise-url": "json://ops.example.org/", "secrets/ping-url": URL}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise's own imports
@pytest.mark.parametrize("kind", KINDS)
def test_example_of_a_kind_loads(kind: str, tmp_path: Path) -> None:
    example = KINDS[kind].example
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r"file: ([^}]+)\}", example):
        (tmp_path / name).write_text(SECRETS.get(name, URL))
    check = {"id": "health", "http": "https://forms.example.org/health"}
    config = {
        "receivers": [yaml.safe_load(example)],
        "products": [{"id": "forms", "objective": "99.9%", "checks": [check]}],
    }
    (tmp_path / "ninewatch.yaml").write_text(yaml.safe_dump(config))
    result = examine_config(tmp_path / "ninewatch.yaml")
    assert result.problems == ()
    assert result.portfolio is not None
    (receiver,) = result.portfolio.receivers
    assert receiver.kind == kind
    assert "secret" not in receiver.destination or "file" in receiver.destination
