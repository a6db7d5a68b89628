"""`${VAR}` is not a variable: it is sent literally, and the configuration gets a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.loader import examine
from monitor.probes.registry import CHECK_TYPES

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "products:\n  - id: p\n    objective: 99%\n    checks:\n"


def reference_warnings(folder: Path, check: str) -> list[str]:
    path = folder / "c.yaml"
    path.write_text(f"{HEAD}      - {check}\n")
    result = examine(path, CHECK_TYPES)
    assert result.problems == ()
    return [str(warning) for warning in result.warnings if "is not substituted" in str(warning)]


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ('{id: a, http: "http://h/", headers: {X-Key: "${API_KEY}"}}', "API_KEY"),
        ('{id: a, http: "http://h/", headers: {X-Key: "Token ${KEY:-none} and more"}}', "KEY"),
        ('{id: a, http: "http://h/", cookies: {session: "${SESSION}"}}', "SESSION"),
        ('{id: a, tcp: "h:1", script: [{send: "${WORD}", expect: x}]}', "WORD"),
    ],
)
def test_placeholder_gets_a_warning_with_position_and_remedy(tmp_path: Path, check: str, name: str) -> None:
    (warning,) = reference_warnings(tmp_path, check)
    assert warning.startswith(f"{tmp_path}/c.yaml:5:")
    assert f"use {{env: {name}}}" in warning


@pytest.mark.parametrize(
    "check",
    [
        '{id: a, http: "http://h/", expect: {matches: "^[0-9]{3}$"}}',
        '{id: a, http: "http://h/", headers: {X-Price: "$5 {net}"}}',
        '{id: a, exec: [/bin/sh, -c, "test -d ${HOME}"]}',
    ],
)
def test_other_dollar_signs_get_no_warning(tmp_path: Path, check: str) -> None:
    assert reference_warnings(tmp_path, check) == []
