"""A log of changes for tests, and its figures as `ninewatch measure` prints them."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from monitor.commands.measure import measure_command
from monitor.errors import NinewatchError

DAY_ONE = "2026-11-01T00:00:00Z"


LOG = f"at,outcome\n{DAY_ONE},UP\n2026-11-10T10:00:00Z,DOWN\n2026-11-10T10:30:00Z,UP\n"


def run(text: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(measure_command, ["-", *arguments], input=text)


def figures(text: str | bytes, *arguments: str) -> list[dict[str, Any]]:
    result = run(text, "--changes", *arguments, "--format", "json")
    assert result.exit_code in (0, 1), f"{result.output} {result.exception}"
    results: list[dict[str, Any]] = json.loads(result.stdout)["results"]
    return results


def error_for(text: str | bytes, *arguments: str) -> str:
    """Return the error for a log that is rejected."""
    result = run(text, *arguments)
    assert isinstance(result.exception, NinewatchError), result.output
    return str(result.exception)


def times(actual: dict[str, Any]) -> tuple[float, ...]:
    return tuple(actual[f"{state}_seconds"] for state in ("up", "down", "doubt", "unknown"))
