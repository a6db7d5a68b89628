"""Fixtures of the tests of journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.journeys import SECRET
from tests.support.record_service import RecordService

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def service() -> Iterator[RecordService]:
    with (service := RecordService()).serving():
        yield service


@pytest.fixture
def journey_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEY_SECRET", SECRET)
