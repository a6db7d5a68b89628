"""What goes wrong around the daemon is reported by it: no file descriptors, nothing written at the end."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon_process import observed, watching
from tests.support.processes import until
from tests.support.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.daemon_process import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Run a daemon with one fast check."""
    with Target().serving() as target:
        config = tmp_path / "ninewatch.yaml"
        check = f"{{id: health, http: '{target.url('/')}', interval: 100ms, timeout: 100ms}}"
        head = f"listen: 127.0.0.1:0\nstore: {tmp_path / 'record.db'}\n"
        config.write_text(f"{head}products:\n- {{id: demo, objective: 99.9%, checks: [{check}]}}\n")
        with watching(config) as watch:
            until("a first probe", lambda: watch.probes("health"))
            yield watch


def test_exhausted_file_descriptors_are_reported_over_a_new_connection(watch: Watch) -> None:
    pid = watch.program.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (5, before[1]))
    found = until("the report", lambda: degraded(watch))
    assert "no free file descriptors" in found
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    probes = watch.probes("health")
    until("probes again", lambda: watch.probes("health") > probes + 2)
    assert watch.metric("ninewatch_descriptors_exhausted") == 1
    assert watch.metric("ninewatch_config_reload_success") == 1


def test_connections_do_not_take_every_file_descriptor(watch: Watch) -> None:
    """More half-sent requests than the daemon may open files: it still answers, and its log is not flooded."""
    pid = watch.program.process.pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
    host, _, port = watch.address.removeprefix("http://").rpartition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(120):
            client = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        assert until("an answer", lambda: watch.body("/livez"))
        probes = watch.probes("health")
        until("probes", lambda: watch.probes("health") > probes + 2)
    assert watch.said().count("out of system resource") < 10


def degraded(watch: Watch) -> str:
    body = watch.body("/readyz")
    return " ".join(json.loads(body)["reasons"]) if body else ""


def test_a_stop_that_leaves_observations_unwritten_is_a_failure(watch: Watch) -> None:
    pid = watch.program.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))  # one page of a database
    until("a failure", lambda: (watch.metric("ninewatch_store_write_failures_total") or 0) > 0)
    watch.signal(signal.SIGTERM)
    assert watch.ended() == 2
    last = watch.said().splitlines()[-1]
    assert last.startswith("ninewatch: stopped before everything was written (")
    assert "Traceback" not in watch.said()


def test_a_stop_with_everything_written_is_none(watch: Watch) -> None:
    watch.signal(signal.SIGTERM)
    assert watch.ended() == 0
    assert observed(watch.config.with_name("record.db"), "demo/health")
