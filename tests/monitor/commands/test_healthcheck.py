"""Tests of the health check of a container, against a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from monitor.cli import cli
from tests.support.addresses import closed_port
from tests.support.monitoring import Target

if TYPE_CHECKING:
    from click.testing import Result


def healthcheck(url: str) -> Result:
    return CliRunner().invoke(cli, ["healthcheck", url])


def test_daemon_that_responds_is_healthy() -> None:
    with Target().serving() as port:
        result = healthcheck(f"http://127.0.0.1:{port}/livez")
    assert (result.exit_code, result.output) == (0, "the daemon responds\n")


def test_other_status_is_a_failure() -> None:
    target = Target()
    target.healthy = False
    with target.serving() as port:
        result = healthcheck(f"http://127.0.0.1:{port}/livez")
    assert result.exit_code == 1
    assert "status 503; see the daemon's log" in result.stderr


def test_missing_daemon_is_a_failure() -> None:
    result = healthcheck(f"http://127.0.0.1:{closed_port()}/livez")
    assert result.exit_code == 1
    assert "connection refused; is the daemon running?" in result.stderr
