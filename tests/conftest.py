"""Settings of all tests."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from monitor import log
from tests.faults.names import add_faults
from tests.support.postgres import create_schema, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Postgres

# Examples have no deadline, because a busy machine is not a defect. CI uses the same examples every time, so that its
# result depends on the change only; everywhere else each run uses new ones.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a new concealer for each test, so that one test's secret does not hide a word in another's output."""
    monkeypatch.setattr(log, "_concealer", log.Concealer())


@pytest.fixture(autouse=True)
def _no_log_settings_of_other_tests() -> Iterator[None]:
    """Undo `log.configure` after each test, so that the next one finds the log on its own output."""
    root = logging.getLogger()
    level = root.level
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(handler)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Run one PostgreSQL server for all tests of a process."""
    with running_postgres(tmp_path_factory.mktemp("server") / "postgres") as server:
        yield server


@pytest.fixture
def empty_schema(postgres_server: Postgres) -> str:
    """Return the connection string of an empty schema."""
    return create_schema(postgres_server)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Use the argument's name as the id of long bytes, so that all workers have the same ids."""
    return argname if isinstance(val, bytes) and len(val) > 40 else None


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Add the numbers of faults to the names of the tests that are marked with them."""
    add_faults(metafunc)
