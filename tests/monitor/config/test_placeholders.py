"""`${VAR}` is no variable here: whoever writes it is told, and what is sent is what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitor.config.loader import examine
from monitor.probes.registry import CHECK_TYPES

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "products:\n  - id: p\n    objective: 99%\n    checks:\n"


def warned(folder: Path, check: str) -> list[str]:
    path = folder / "c.yaml"
    path.write_text(f"{HEAD}      - {check}\n")
    found = examine(path, CHECK_TYPES)
    assert found.problems == ()
    return [str(each) for each in found.warnings if "is not substituted" in str(each)]


@pytest.mark.parametrize(
    ("check", "name"),
    [
        ('{id: a, http: "http://h/", headers: {X-Key: "${API_KEY}"}}', "API_KEY"),
        ('{id: a, http: "http://h/", headers: {X-Key: "Token ${KEY:-none} and more"}}', "KEY"),
        ('{id: a, http: "http://h/", cookies: {session: "${SESSION}"}}', "SESSION"),
        ('{id: a, tcp: "h:1", script: [{send: "${WORD}", expect: x}]}', "WORD"),
    ],
)
def test_a_placeholder_is_a_warning_with_its_place_and_the_remedy(tmp_path: Path, check: str, name: str) -> None:
    (warning,) = warned(tmp_path, check)
    assert warning.startswith(f"{tmp_path}/c.yaml:5:")
    assert f"write {{env: {name}}}" in warning


@pytest.mark.parametrize(
    "check",
    [
        '{id: a, http: "http://h/", expect: {matches: "^[0-9]{3}$"}}',
        '{id: a, http: "http://h/", headers: {X-Price: "$5 {net}"}}',
        '{id: a, exec: [/bin/sh, -c, "test -d ${HOME}"]}',
    ],
)
def test_what_is_no_placeholder_is_no_warning(tmp_path: Path, check: str) -> None:
    assert warned(tmp_path, check) == []
