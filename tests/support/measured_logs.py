"""Logs of outcomes, and the figures of `ninewatch measure` for them."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from monitor.commands.measure import measure_command

# The example of measurement.md, section 10: a probe every 60 s, none between 360 s and 1000 s.
EXAMPLE_ROWS = [
    *((0, "good"), (60, "good"), (120, "good"), (180, "bad"), (240, "bad"), (300, "good"), (360, "good")),
    (1000, "good"),
]
INTERVAL_OPTIONS = ("--interval", "60s", "--timeout", "10s")


def record(rows: list[tuple[Any, ...]], header: str = "at,outcome") -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in [(header,), *rows]).encode()


def run(data: bytes, *arguments: str) -> Result:
    """Measure the data from standard input."""
    return CliRunner().invoke(measure_command, ["-", *arguments], input=data)


def figures(data: bytes, *arguments: str) -> list[dict[str, Any]]:
    result = run(data, *arguments, "--format", "json")
    assert result.exit_code in (0, 1), result.output
    body = json.loads(result.stdout)
    assert list(body) == ["results"]
    results: list[dict[str, Any]] = body["results"]
    return results


def observation_counts(data: bytes, *arguments: str) -> list[tuple[int, int, int]]:
    """Return the counts of good, bad and unknown observations of each result."""
    return [tuple(figure["observations"].values()) for figure in figures(data, *arguments)]  # type: ignore[misc]
