"""Fixtures of the tests of metrics."""

from __future__ import annotations

import pytest

from tests.support.clocks import ManualClock
from tests.support.ledgers import NOW


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)
