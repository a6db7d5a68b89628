"""Compare `ninewatch measure`, from a file to JSON, with a walk over half-second cells."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.commands.measure import measure_command
from tests.property.worlds import draw_world, expected_results, options, write_record

TOLERANCE = 1e-9


def differences(actual: Any, expected: Any, path: str = "") -> list[str]:
    """Return the paths at which two objects differ by more than the tolerance."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or actual.keys() != expected.keys():
            return [f"{path}: {actual} is not {expected}"]
        return [d for key in expected for d in differences(actual[key], expected[key], f"{path}.{key}")]
    if expected is None or isinstance(expected, str | bool) or actual is None:
        return [] if actual == expected else [f"{path}: {actual} is not {expected}"]
    return [] if abs(actual - float(expected)) <= TOLERANCE else [f"{path}: {actual} is not {float(expected)}"]


def check(seed: int, folder: Path) -> None:
    """Compare every figure of every result and the exit status for one world."""
    random = Random(seed)  # noqa: S311 - reproducible
    world = draw_world(random)
    path = folder / "record"
    path.write_bytes(write_record(random, world))
    result = CliRunner().invoke(measure_command, [str(path), *options(random, world)])
    assert result.exit_code in (0, 1), f"seed {seed}: {result.output} {result.exception!r}"
    actual, expected_figures = json.loads(result.stdout)["results"], expected_results(world)
    assert [figures["check"] for figures in actual] == [figures["check"] for figures in expected_figures], (
        f"seed {seed}"
    )
    for figures in actual:
        for name in ("proven", "decidable_at"):  # tests/sla/test_observed_part.py has these
            figures.get("watched", {}).pop(name, None)
    wrong = [d for f, w in zip(actual, expected_figures, strict=True) for d in differences(f, w)]
    assert not wrong, f"seed {seed}: {wrong}"
    assert result.exit_code == any(figures["verdict"] == "missed" for figures in expected_figures), f"seed {seed}"


@pytest.mark.fault(61)
def test_every_figure_equals_that_of_the_cells(tmp_path: Path) -> None:
    """Three hundred random records with different order, duplicates, format and options."""
    for seed in range(300):
        check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_every_figure_equals_that_of_the_cells_in_ten_thousand_records(tmp_path: Path, part: int) -> None:
    for seed in range(1000 + 500 * part, 1500 + 500 * part):
        check(seed, tmp_path)
