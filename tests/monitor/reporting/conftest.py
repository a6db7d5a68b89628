"""Fixtures: the record of one month that every report uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.monitor.reporting import month


@pytest.fixture(scope="package")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return month.record(tmp_path_factory.mktemp("record"))[0]
