"""Examples in docstrings give the printed results."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules_with_examples() -> list[str]:
    """Return the names of the modules whose docstrings contain an example."""
    paths = [path for folder in ("monitor", "sla") for path in sorted((ROOT / folder).rglob("*.py"))]
    with_examples = [path for path in paths if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in with_examples]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_module_give_the_printed_results(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
