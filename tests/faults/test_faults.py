"""Every fault of the list has a test in `.ci/run`, marked tests name known faults, and docs/faults.md is up to date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.faults.registry import ROOT, Fault, MarkedTest, marked_tests, marked_tests_of, problems, read_faults
from tests.faults.table import PAGE, page

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]

MODULE = """
import pytest

@pytest.mark.parametrize("value", [pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.fault(7, 3)
async def test_marked(value): ...

@pytest.mark.full
@pytest.mark.fault(9)
def test_long(): ...

def test_other(): ...
"""


def test_every_fault_has_a_test_and_every_marked_test_a_fault() -> None:
    assert problems(read_faults(), list(marked_tests())) == []


def test_list_has_the_numbers_1_to_61_once_and_complete_sentences() -> None:
    faults = read_faults()
    assert [fault.number for fault in faults] == list(range(1, 62))
    assert [fault.number for fault in faults if not fault.promise.endswith(".")] == []


def test_figures_have_a_date() -> None:
    figures = [fault.figure for fault in read_faults() if fault.figure]
    assert figures
    assert [figure for figure in figures if not re.search(r"\(20\d\d-\d\d-\d\d\)$", figure)] == []


def test_page_is_up_to_date() -> None:
    """If this test fails, run `make generate`."""
    assert PAGE.read_text(encoding="utf-8") == page(read_faults(), list(marked_tests()))


def test_marked_tests_of_a_module_are_found() -> None:
    assert list(marked_tests_of(MODULE, "tests/test_x.py")) == [
        MarkedTest("tests/test_x.py", "test_marked", (3, 7), in_ci=True),
        MarkedTest("tests/test_x.py", "test_long", (9,), in_ci=False),
    ]


def test_marker_of_a_module_applies_to_its_tests() -> None:
    (test,) = marked_tests_of("pytestmark = [pytest.mark.full]\n@pytest.mark.fault(1)\ndef test_x(): ...", "test_x.py")
    assert not test.in_ci


def test_missing_tests_and_unknown_faults_are_reported() -> None:
    faults = [Fault(number, "Disk", "disk full", "Probes continue.") for number in (3, 8, 9)]
    assert problems(faults, list(marked_tests_of(MODULE, "tests/test_x.py"))) == [
        "fault 8 has no test that runs in .ci/run",
        "fault 9 has no test that runs in .ci/run",
        "tests/test_x.py::test_marked: fault 7 is not in faults.toml",
    ]


def test_names_of_marked_tests_contain_the_numbers(pytester: pytest.Pytester) -> None:
    """A test with and one without parameters, selected by the number of a fault."""
    options = f"markers = fault: faults\npythonpath = {ROOT}\nasyncio_default_fixture_loop_scope = function"
    pytester.makeini(f"[pytest]\n{options}")
    pytester.makeconftest("from tests.faults.names import add_faults as pytest_generate_tests")
    pytester.makepyfile(MODULE.replace("async ", "").replace("pytest.mark.full", "pytest.mark.fault(12)", 2))
    result = pytester.runpytest("-k", "fault07 or fault09", "-v")
    result.assert_outcomes(passed=2, deselected=1)
    result.stdout.fnmatch_lines(["*::test_marked?*fault03-fault07* PASSED*", "*::test_long?fault09-fault12? PASSED*"])
