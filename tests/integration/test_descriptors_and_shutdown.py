"""Faults of the daemon's environment are reported: no free file descriptors, unwritten observations at shutdown."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon_process import running_daemon, stored_observations
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.daemon_process import DaemonProcess


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Run a daemon with one fast check."""
    with HttpTarget().serving() as target:
        config = tmp_path / "ninewatch.yaml"
        check = f"{{id: health, http: '{target.url('/')}', interval: 100ms, timeout: 100ms}}"
        head = f"listen: 127.0.0.1:0\nstore: {tmp_path / 'record.db'}\n"
        config.write_text(f"{head}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
        with running_daemon(config) as daemon:
            wait_for("a first probe", lambda: daemon.probes("health"))
            yield daemon


@pytest.mark.fault(23)
def test_exhausted_file_descriptors_are_reported_over_a_new_connection(daemon: DaemonProcess) -> None:
    pid = daemon.program.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (5, before[1]))
    reasons = wait_for("the reported fault", lambda: readiness_reasons(daemon))
    assert "no free file descriptors" in reasons
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    probes = daemon.probes("health")
    wait_for("probes again", lambda: daemon.probes("health") > probes + 2)
    assert daemon.metric("ninewatch_descriptors_exhausted") == 1
    assert daemon.metric("ninewatch_config_reload_success") == 1


@pytest.mark.fault(23)
def test_client_connections_do_not_exhaust_file_descriptors(daemon: DaemonProcess) -> None:
    """There are more incomplete requests than file descriptors.

    The daemon still answers, and its log is not flooded.
    """
    pid = daemon.program.process.pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
    host, _, port = daemon.address.removeprefix("http://").rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(120):
            client = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert wait_for("an answer", lambda: daemon.body("/livez"))
        probes = daemon.probes("health")
        wait_for("probes", lambda: daemon.probes("health") > probes + 2)
    assert daemon.output().count("out of system resource") < 10


def readiness_reasons(daemon: DaemonProcess) -> str:
    body = daemon.body("/readyz")
    return " ".join(json.loads(body)["reasons"]) if body else ""


@pytest.mark.fault(26)
def test_shutdown_with_unwritten_observations_exits_with_an_error(daemon: DaemonProcess) -> None:
    pid = daemon.program.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))  # one page of a database
    wait_for("a failure", lambda: (daemon.metric("ninewatch_store_write_failures_total") or 0) > 0)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_for_exit() == 2
    last = daemon.output().splitlines()[-1]
    assert last.startswith("ninewatch: stopped before everything was written (")
    assert "Traceback" not in daemon.output()


def test_shutdown_with_everything_written_exits_with_zero(daemon: DaemonProcess) -> None:
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_for_exit() == 0
    assert stored_observations(daemon.config.with_name("record.db"), "demo/health")
