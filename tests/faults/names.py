"""Add the numbers of faults to the names of tests: `test_x[fault03]`, selected with `pytest -k fault03`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.faults.registry import MARKER

if TYPE_CHECKING:
    import pytest

_PARAMETER = "faults"


def id_of(numbers: Iterable[int]) -> str:
    """Return the part of a test's name for these faults."""
    return "-".join(f"{MARKER}{number:02}" for number in numbers)


def add_faults(metafunc: pytest.Metafunc) -> None:
    """Add the numbers of a marked test to its name, as those of a parameter that the test does not use."""
    markers = metafunc.definition.iter_markers(MARKER)
    if numbers := sorted({number for marker in markers for number in marker.args}):
        metafunc.fixturenames.append(_PARAMETER)
        metafunc.parametrize(_PARAMETER, [numbers], ids=[id_of(numbers)])
