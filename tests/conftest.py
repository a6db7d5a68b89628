"""Settings of all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from monitor import log
from tests.faults.names import add_faults

# Examples have no deadline, because a busy machine is not a defect. CI uses the same examples every time, so that its
# result depends on the change only; everywhere else each run uses new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a new concealer for each test, so that one test's secret does not hide a word in another's output."""
    monkeypatch.setattr(log, "_concealer", log.Concealer())


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Use the argument's name as the id of long bytes, so that all workers have the same ids."""
    return argname if isinstance(val, bytes) and len(val) > 40 else None


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Add the numbers of faults to the names of the tests that are marked with them."""
    add_faults(metafunc)
