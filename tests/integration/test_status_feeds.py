"""A status feed with a running daemon: the admission of an outage on its page, and in a report from its record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.daemon_process import DaemonProcess, run_to_exit, running_daemon
from tests.support.http_target import HttpTarget
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def supplier(daemon: DaemonProcess) -> dict[str, Any]:
    (only,) = daemon.api("/products/sso/supplier-statements")["suppliers"]
    assert isinstance(only, dict)
    return only


def when(daemon: DaemonProcess, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return the statements once the condition holds."""
    wait_for("the statement", lambda: holds(supplier(daemon)))
    return supplier(daemon)


@pytest.mark.slow
def test_outage_that_the_status_page_admits(tmp_path: Path) -> None:
    config = tmp_path / "ninewatch.yaml"
    with HttpTarget().serving() as target, HttpTarget().serving() as status_page:
        status_page.body = json.dumps([{"id": "api", "status": "down"}, {"id": "sms", "status": "up"}])
        config.write_text(
            f"listen: 127.0.0.1:0\nstore: {tmp_path / 'n.db'}\nproducts:\n  - id: sso\n    objective: 99%\n"
            f"    status_feed: {{gc_notify: '{status_page.url('/response.json')}', components: [api]}}\n    checks:\n"
            f"      - {{id: health, http: '{target.url('/')}', interval: 200ms, timeout: 150ms, hold: 60s}}\n"
        )
        with running_daemon(config) as daemon:
            when(daemon, lambda stated: stated["feed"]["readable"])
            target.status["/"] = 503
            ongoing = when(daemon, lambda stated: [row for row in stated["outages"] if row["end"] is None])["outages"]
            assert {(row["verdict"], row["statement"]["title"]) for row in ongoing} == {("admitted", "api down")}
            assert "Statements of suppliers" in daemon.body("/products/sso")
    code, output, _ = run_to_exit("report", "-c", config, "--product", "sso", "--window", "1d", "--format", "md")
    assert (code, "api down" in output) == (0, True)
