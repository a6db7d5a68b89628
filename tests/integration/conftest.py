"""Fixtures of several integration tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.namespaces import Internet, internet


@pytest.fixture(scope="module")
def net() -> Iterator[Internet]:
    with internet() as network:
        yield network
