"""One mutant and its tests, in a process that is forked after pytest is imported.

The change is compiled from the syntax tree when its module is imported. No file is written, so trials can run at the
same time in one checkout, and any damage by a trial ends with its process.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Sequence
from enum import StrEnum
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import ast

    from tests.mutation.mutants import Mutant

# A change may loop without end. Limits are in CPU time, so that a busy machine changes no result: seconds for the
# module's own tests, which take a few, and for the others.
CPU_SECONDS = (20, 90)
MEMORY = 4 << 30
_OPTIONS = ("-x", "-q", "-p", "no:xdist", "-p", "no:cov", "--timeout=120", "-m", "not slow and not full")
_WARNINGS = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # plugins that are imported before the fork
_FAILED = (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)  # interrupted: a test file could not be imported


class Outcome(StrEnum):
    """The result of the tests: a test failed, no test failed, or the tests could not run."""

    KILLED = "killed"
    SURVIVED = "survived"
    BROKEN = "broken"


_STATUS = {Outcome.KILLED: 1, Outcome.SURVIVED: 0, Outcome.BROKEN: 2}


class _Changed(SourceFileLoader):
    """Loads a module from its file's name and a syntax tree."""

    def __init__(self, fullname: str, path: str, tree: ast.Module) -> None:
        super().__init__(fullname, path)
        self._tree = tree

    def get_code(self, fullname: str) -> CodeType:
        code = compile(self._tree, self.path, "exec", dont_inherit=True)
        assert isinstance(code, CodeType)
        return code


class _Finder(MetaPathFinder):
    """Finds the one changed module."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = ".".join(Path(mutant.path).with_suffix("").parts).removesuffix(".__init__")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Changed(fullname, spec.origin, self._mutant.tree())
        return spec


def begin(mutant: Mutant | None, stages: Sequence[Sequence[str]]) -> int:
    """Fork a trial and return its process id. Without a mutant, the unchanged code is tested."""
    child = os.fork()
    if child:
        return child
    status = _STATUS[Outcome.BROKEN]
    try:
        status = _STATUS[_run_stages(mutant, stages)]
    finally:
        os._exit(status)


def outcome(status: int) -> Outcome:
    """Return the result for a trial's wait status. A trial that was killed by its limits counts as killed."""
    if os.WIFSIGNALED(status):
        return Outcome.KILLED
    return next(status_name for status_name, code in _STATUS.items() if code == os.waitstatus_to_exitcode(status))


def _run_stages(mutant: Mutant | None, stages: Sequence[Sequence[str]]) -> Outcome:
    _quieten()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    for tests, seconds in zip(stages, CPU_SECONDS, strict=False):
        _allow(seconds)
        code = pytest.main([*_OPTIONS, *_WARNINGS, *tests])
        if code in _FAILED:
            return Outcome.KILLED
        if code != pytest.ExitCode.OK:
            return Outcome.BROKEN
    return Outcome.SURVIVED


def _allow(seconds: int) -> None:
    """Limit the CPU time from now on; the process is killed at the limit."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _quieten() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
