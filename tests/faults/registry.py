"""Read the list of faults, and find the tests that are marked with their numbers."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("faults.toml")
MARKER = "fault"
NOT_IN_CI = "full"  # the marker of tests that run in `make full` only


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, the behaviour that is promised, and the last measured figure with its date, if there is one."""

    number: int
    group: str
    fault: str
    promise: str
    figure: str = ""


@dataclass(frozen=True, slots=True)
class MarkedTest:
    """A test with the numbers of its faults."""

    path: str
    name: str
    faults: tuple[int, ...]
    in_ci: bool

    @property
    def id(self) -> str:
        """The test as pytest takes it."""
        return f"{self.path}::{self.name}"


def read_faults(path: Path = LIST) -> list[Fault]:
    """Return the faults in the order of their numbers."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = (Fault(group=group["name"], **row) for group in data["group"] for row in group["faults"])
    return sorted(rows, key=lambda fault: fault.number)


def marked_tests(folder: Path = ROOT / "tests") -> Iterator[MarkedTest]:
    """Yield the tests with a marker `fault` below a folder, in the order of their files and lines."""
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if f"mark.{MARKER}(" in text:
            yield from marked_tests_of(text, path.relative_to(folder.parent).as_posix())


def marked_tests_of(text: str, path: str) -> Iterator[MarkedTest]:
    """Yield the marked tests of a module."""
    tree = ast.parse(text)
    module_markers = _markers([node.value for node in tree.body if _assigns_markers(node)])
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            markers = module_markers | _markers(node.decorator_list)
            if MARKER in markers:
                yield MarkedTest(path, node.name, tuple(sorted(markers[MARKER])), NOT_IN_CI not in markers)


def _assigns_markers(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _markers(expressions: Sequence[ast.expr]) -> dict[str, list[int]]:
    """Return the markers in the expressions with their numbers: `pytest.mark.NAME` or `pytest.mark.NAME(1, 2)`.

    Markers of single parameters are not those of the test, so calls are examined at the top and in lists only.
    """
    markers: dict[str, list[int]] = {}
    for expression in expressions:
        if isinstance(expression, ast.List | ast.Tuple):
            markers |= _markers(expression.elts)
            continue
        called = expression.func if isinstance(expression, ast.Call) else expression
        arguments = expression.args if isinstance(expression, ast.Call) else []
        if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "pytest.mark":
            numbers = [ast.literal_eval(argument) for argument in arguments] if called.attr == MARKER else []
            markers.setdefault(called.attr, []).extend(numbers)
    return markers


def tests_by_fault(tests: Sequence[MarkedTest]) -> Mapping[int, list[MarkedTest]]:
    """Return the tests of each number."""
    by_fault: dict[int, list[MarkedTest]] = defaultdict(list)
    for test in tests:
        for number in test.faults:
            by_fault[number].append(test)
    return by_fault


def problems(faults: Sequence[Fault], tests: Sequence[MarkedTest]) -> list[str]:
    """Return the faults without a test that runs in CI, and the tests of unknown faults."""
    known = {fault.number for fault in faults}
    tested = {number for test in tests if test.in_ci for number in test.faults}
    return [
        *(f"fault {number} has no test that runs in .ci/run" for number in sorted(known - tested)),
        *(
            f"{test.id}: fault {number} is not in {LIST.name}"
            for test in tests
            for number in test.faults
            if number not in known
        ),
    ]
