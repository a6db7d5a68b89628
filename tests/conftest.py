"""What every test stands on."""

from __future__ import annotations

import pytest

from monitor import log


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Concealing is for the life of a process; one test's secret must not blank out a word of another's output."""
    monkeypatch.setattr(log, "_concealer", log.Concealer())
