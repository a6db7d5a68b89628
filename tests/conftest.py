"""What every test stands on."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from monitor import log

# No example is timed: a busy machine is not a defect. CI walks the same examples every time, so that it speaks of the
# change and not of its luck; everywhere else each run looks for new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Concealing is for the life of a process; one test's secret must not blank out a word of another's output."""
    monkeypatch.setattr(log, "_concealer", log.Concealer())


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes that nobody reads by their argument; all workers must find the same names."""
    return argname if isinstance(val, bytes) and len(val) > 40 else None
